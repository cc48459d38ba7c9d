package eventcenter.flink.topology;

import java.nio.charset.StandardCharsets;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/** Takes records of the topology topic as they are; who keeps the topology parses them. */
public final class TopologyRecordDeserializer
        implements KafkaRecordDeserializationSchema<TopologyRecord> {
    private static final long serialVersionUID = 1;

    @Override
    public void deserialize(
            ConsumerRecord<byte[], byte[]> record, Collector<TopologyRecord> out) {
        out.collect(of(record));
    }

    /** Returns a record with its place. */
    static TopologyRecord of(ConsumerRecord<byte[], byte[]> record) {
        String linkId =
                record.key() == null ? "" : new String(record.key(), StandardCharsets.UTF_8);
        return new TopologyRecord(linkId, record.partition(), record.offset(), record.value());
    }

    @Override
    public TypeInformation<TopologyRecord> getProducedType() {
        return TypeInformation.of(TopologyRecord.class);
    }
}
