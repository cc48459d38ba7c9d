package eventcenter.flink.tuned;

import eventcenter.flink.pm.PmRules;
import eventcenter.flink.pm.Reason;
import eventcenter.flink.pm.Rejections;
import eventcenter.flink.tuned.Wire.MalformedException;
import org.apache.flink.api.common.serialization.DeserializationSchema.InitializationContext;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/**
 * Reads only the times in a report, which the watermark of its Kafka partition needs. A report
 * without a credible time does not affect event time, and all of it would be rejected.
 */
public final class RawReportDeserializer implements KafkaRecordDeserializationSchema<RawReport> {
    private static final long serialVersionUID = 1;
    private static final long NS_PER_MS = 1_000_000;

    private transient Rejections rejections;
    private transient Wire wire;
    /** When the report was collected. */
    private transient long collectNs;

    @Override
    public void open(InitializationContext context) {
        rejections = new Rejections(context.getMetricGroup());
        wire = new Wire();
    }

    @Override
    public void deserialize(ConsumerRecord<byte[], byte[]> record, Collector<RawReport> out) {
        byte[] payload = record.value() == null ? new byte[0] : record.value();
        try {
            wire.set(payload, 0, payload.length);
            long newestNs = newestTimeNs(record.timestamp());
            if (newestNs == Long.MIN_VALUE) {
                boolean hasTime = PmRules.isTime(collectNs);
                rejections.count(hasTime ? Reason.TIME_OUT_OF_BOUNDS : Reason.MISSING_TIME);
                return;
            }
            RawReport report = new RawReport();
            report.payload = payload;
            report.recordTimeMs = record.timestamp();
            report.eventTimeMs = Math.floorDiv(newestNs, NS_PER_MS);
            out.collect(report);
        } catch (MalformedException e) {
            rejections.count(Reason.MALFORMED_PROTOBUF);
        }
    }

    /** Returns the newest sample time that counts; the smallest number = none. */
    private long newestTimeNs(long recordTimeMs) throws MalformedException {
        collectNs = 0;
        long newestNs = Long.MIN_VALUE;
        for (int tag = wire.tag(); tag != 0; tag = wire.tag()) {
            if (tag == Fields.COLLECT_TIME) {
                collectNs = wire.varint();
            } else if (tag == Fields.COMPONENTS) {
                long ownNs = sampleTimeNs(wire.length());
                long timeNs = ownNs == 0 ? collectNs : ownNs;
                if (timeNs > newestNs && PmRules.isInBounds(timeNs, recordTimeMs)) {
                    newestNs = timeNs;
                }
            } else {
                wire.skip(tag);
            }
        }
        return PmRules.isTime(collectNs) ? newestNs : Long.MIN_VALUE;
    }

    /** Returns the time of the next component, and moves past it. */
    private long sampleTimeNs(int length) throws MalformedException {
        int endOfReport = wire.end;
        int endOfComponent = wire.at + length;
        wire.end = endOfComponent;
        long timeNs = 0;
        for (int tag = wire.tag(); tag != 0; tag = wire.tag()) {
            if (tag == Fields.SAMPLE_TIME) {
                timeNs = wire.varint();
                break;
            }
            wire.skip(tag);
        }
        wire.at = endOfComponent;
        wire.end = endOfReport;
        return timeNs;
    }

    @Override
    public TypeInformation<RawReport> getProducedType() {
        return RawReportSerializer.TYPE;
    }
}
