package eventcenter.flink;

import eventcenter.flink.events.Outgoing;
import eventcenter.flink.events.OutgoingSerializer;
import eventcenter.flink.topology.TopologyRecord;
import eventcenter.flink.topology.TopologyRecordDeserializer;
import java.time.Duration;
import java.util.Properties;
import org.apache.flink.api.common.eventtime.SerializableTimestampAssigner;
import org.apache.flink.api.common.eventtime.WatermarkGenerator;
import org.apache.flink.api.common.eventtime.WatermarkOutput;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.KafkaSourceBuilder;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** The inputs and outputs of the job in Kafka, the same in both forms. */
public final class Topics {
    /** A partition without samples for this long does not hold up windows. */
    private static final Duration IDLE_AFTER = Duration.ofSeconds(60);

    /** How far a partition may be read ahead of the others, as what is ahead waits as state. */
    private static final Duration DRIFT = Duration.ofSeconds(2);
    private static final Duration ALIGNED_EVERY = Duration.ofMillis(100);

    private final JobOptions options;

    /** Takes the options that name the topics. */
    public Topics(JobOptions options) {
        this.options = options;
    }

    /**
     * Reads the reports. The source makes the watermark for each partition separately, so that a
     * partition that is read faster than another makes no sample late.
     */
    public <T> DataStream<T> reports(
            StreamExecutionEnvironment env,
            KafkaRecordDeserializationSchema<T> deserializer,
            SerializableTimestampAssigner<T> eventTime) {
        KafkaSource<T> source =
                source(options.pmTopic(), deserializer)
                        // Fewer and larger answers while the job catches up.
                        .setProperty("max.poll.records", "2000")
                        .setProperty("max.partition.fetch.bytes", "4194304")
                        .setProperty("receive.buffer.bytes", "1048576")
                        .build();
        WatermarkStrategy<T> watermarks =
                WatermarkStrategy.<T>forBoundedOutOfOrderness(options.outOfOrderness())
                        .withTimestampAssigner(eventTime)
                        .withIdleness(IDLE_AFTER)
                        .withWatermarkAlignment("reports", DRIFT, ALIGNED_EVERY);
        return env.fromSource(source, watermarks, "Reports").uid("reports");
    }

    /** Reads the topology, which does not hold back the watermark. */
    public DataStream<TopologyRecord> topology(StreamExecutionEnvironment env) {
        KafkaSource<TopologyRecord> source =
                source(options.topologyTopic(), new TopologyRecordDeserializer()).build();
        return env.fromSource(source, WatermarkStrategy.forGenerator(c -> new Idle()), "Topology")
                .uid("topology")
                .setParallelism(1);
    }

    /** Writes events. */
    public void writeEvents(DataStream<Outgoing> events) {
        events.sinkTo(sink(options.eventsTopic())).name("Events").uid("events");
    }

    /** Writes late samples. */
    public void writeLate(DataStream<Outgoing> late) {
        late.sinkTo(sink(options.lateTopic())).name("Late").uid("late");
    }

    private <T> KafkaSourceBuilder<T> source(
            String topic, KafkaRecordDeserializationSchema<T> deserializer) {
        return KafkaSource.<T>builder()
                .setBootstrapServers(options.bootstrapServers())
                .setGroupId(options.jobName())
                .setTopics(topic)
                .setStartingOffsets(OffsetsInitializer.earliest())
                .setDeserializer(deserializer);
    }

    private KafkaSink<Outgoing> sink(String topic) {
        Properties producer = new Properties();
        producer.setProperty("linger.ms", "20");
        producer.setProperty("batch.size", "262144");
        return KafkaSink.<Outgoing>builder()
                .setBootstrapServers(options.bootstrapServers())
                .setDeliveryGuarantee(DeliveryGuarantee.AT_LEAST_ONCE)
                .setKafkaProducerConfig(producer)
                .setRecordSerializer(new OutgoingSerializer(topic))
                .build();
    }

    /** Marks its input as idle at once, so that it does not hold back the watermark. */
    private static final class Idle implements WatermarkGenerator<TopologyRecord> {
        @Override
        public void onEvent(TopologyRecord record, long timestamp, WatermarkOutput output) {}

        @Override
        public void onPeriodicEmit(WatermarkOutput output) {
            output.markIdle();
        }
    }
}
