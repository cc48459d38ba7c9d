package eventcenter.flink.stock;

import com.google.protobuf.InvalidProtocolBufferException;
import eventcenter.flink.pm.PmRules;
import eventcenter.flink.pm.Reason;
import eventcenter.flink.pm.Rejections;
import eventcenter.v1.PmReportOuterClass.ComponentPm;
import eventcenter.v1.PmReportOuterClass.PmReport;
import eventcenter.v1.PmReportOuterClass.PmValue;
import org.apache.flink.api.common.serialization.DeserializationSchema.InitializationContext;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/**
 * Takes reports apart into samples inside the source, so that the watermark of each Kafka
 * partition follows the sample times themselves.
 */
public final class SampleDeserializer implements KafkaRecordDeserializationSchema<Sample> {
    private static final long serialVersionUID = 1;

    private transient Rejections rejections;

    @Override
    public void open(InitializationContext context) {
        rejections = new Rejections(context.getMetricGroup());
    }

    @Override
    public void deserialize(ConsumerRecord<byte[], byte[]> record, Collector<Sample> out) {
        PmReport report;
        try {
            report = PmReport.parseFrom(record.value() == null ? new byte[0] : record.value());
        } catch (InvalidProtocolBufferException e) {
            rejections.count(Reason.MALFORMED_PROTOBUF);
            return;
        }
        if (report.getNodeId().isEmpty()) {
            rejections.count(Reason.MISSING_NODE_ID);
        } else if (!PmRules.isTime(report.getCollectTimeUnixNs())) {
            rejections.count(Reason.MISSING_TIME);
        } else {
            for (ComponentPm component : report.getComponentsList()) {
                Sample sample = sample(report, component, record.timestamp());
                if (sample != null) {
                    out.collect(sample);
                }
            }
        }
    }

    private Sample sample(PmReport report, ComponentPm component, long recordTimeMs) {
        Sample sample = new Sample();
        sample.nodeId = report.getNodeId();
        sample.component = component.getComponent();
        sample.sequence = report.getSequence();
        sample.timeNs = component.getSampleTimeUnixNs();
        if (sample.timeNs == 0) {
            sample.timeNs = report.getCollectTimeUnixNs();
        }
        sample.hasData =
                PmRules.hasData(component.getValidityValue(), component.getAdminStateValue());
        Reason reason = null;
        if (sample.component.isEmpty()) {
            reason = Reason.MISSING_COMPONENT;
        } else if (!PmRules.isInBounds(sample.timeNs, recordTimeMs)) {
            reason = Reason.TIME_OUT_OF_BOUNDS;
        } else if (!readValues(component, sample)) {
            reason = Reason.NO_VALUES;
        }
        if (reason != null) {
            rejections.count(reason);
            return null;
        }
        return sample;
    }

    /** Fills in the powers; returns whether any value is sound. */
    private boolean readValues(ComponentPm component, Sample sample) {
        boolean anySound = false;
        for (PmValue value : component.getValuesList()) {
            int type = value.getTypeValue();
            double reading =
                    PmRules.reading(
                            type,
                            value.hasInstant(),
                            value.getInstant(),
                            value.getAvg(),
                            value.getNoLight());
            boolean hasReading = value.hasInstant() || value.hasAvg();
            Reason reason =
                    PmRules.check(
                            type, value.getUnitValue(), hasReading, reading, value.getNoLight());
            if (reason != null) {
                rejections.count(reason);
                continue;
            }
            anySound = true;
            switch (type) {
                case PmRules.INPUT_POWER -> sample.inputDbm = reading;
                case PmRules.OUTPUT_POWER -> sample.outputDbm = reading;
                case PmRules.INPUT_POWER_OSC -> sample.inputOscDbm = reading;
                case PmRules.OUTPUT_POWER_OSC -> sample.outputOscDbm = reading;
                default -> {}
            }
        }
        return anySound;
    }

    @Override
    public TypeInformation<Sample> getProducedType() {
        return SampleSerializer.TYPE;
    }
}
