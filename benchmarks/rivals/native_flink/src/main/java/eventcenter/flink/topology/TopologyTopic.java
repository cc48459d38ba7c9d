package eventcenter.flink.topology;

import java.io.Serializable;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.function.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** Where the topology is kept: a compacted Kafka topic. */
public final class TopologyTopic implements Serializable {
    private static final long serialVersionUID = 1;
    private static final Duration POLL = Duration.ofMillis(500);

    private final String bootstrapServers;
    private final String topic;

    /** Names the topic. */
    public TopologyTopic(String bootstrapServers, String topic) {
        this.bootstrapServers = bootstrapServers;
        this.topic = topic;
    }

    /** Reads all that the topic holds now, partition by partition in order of offset. */
    void read(Consumer<TopologyRecord> consumer) {
        Properties config = new Properties();
        config.setProperty("bootstrap.servers", bootstrapServers);
        config.setProperty("enable.auto.commit", "false");
        ByteArrayDeserializer bytes = new ByteArrayDeserializer();
        try (KafkaConsumer<byte[], byte[]> kafka = new KafkaConsumer<>(config, bytes, bytes)) {
            List<TopicPartition> partitions =
                    kafka.partitionsFor(topic).stream()
                            .map(info -> new TopicPartition(topic, info.partition()))
                            .toList();
            kafka.assign(partitions);
            kafka.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = kafka.endOffsets(partitions);
            while (!ends.entrySet().stream()
                    .allMatch(end -> kafka.position(end.getKey()) >= end.getValue())) {
                for (ConsumerRecord<byte[], byte[]> record : kafka.poll(POLL)) {
                    consumer.accept(TopologyRecordDeserializer.of(record));
                }
            }
        }
    }
}
