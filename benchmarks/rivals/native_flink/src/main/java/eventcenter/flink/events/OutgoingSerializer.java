package eventcenter.flink.events;

import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.kafka.clients.producer.ProducerRecord;

/** Hands key and value to Kafka as they are. */
public final class OutgoingSerializer implements KafkaRecordSerializationSchema<Outgoing> {
    private static final long serialVersionUID = 1;

    private final String topic;

    /** Names the topic. */
    public OutgoingSerializer(String topic) {
        this.topic = topic;
    }

    @Override
    public ProducerRecord<byte[], byte[]> serialize(
            Outgoing record, KafkaSinkContext context, Long timestamp) {
        return new ProducerRecord<>(topic, record.key, record.value);
    }
}
