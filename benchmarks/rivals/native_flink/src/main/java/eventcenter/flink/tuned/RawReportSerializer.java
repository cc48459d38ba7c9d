package eventcenter.flink.tuned;

import eventcenter.flink.types.RecordSerializer;
import eventcenter.flink.types.RecordType;
import java.io.IOException;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** Writes and reads raw reports; their event time travels as the timestamp of the element. */
public final class RawReportSerializer extends RecordSerializer<RawReport> {
    static final RawReportSerializer INSTANCE = new RawReportSerializer();
    static final RecordType<RawReport> TYPE = new RecordType<>(RawReport.class, INSTANCE);
    private static final long serialVersionUID = 1;

    @Override
    public RawReport createInstance() {
        return new RawReport();
    }

    @Override
    public RawReport copy(RawReport from) {
        RawReport copy = new RawReport();
        copy.payload = from.payload;
        copy.recordTimeMs = from.recordTimeMs;
        copy.eventTimeMs = from.eventTimeMs;
        return copy;
    }

    @Override
    public void serialize(RawReport report, DataOutputView out) throws IOException {
        out.writeLong(report.recordTimeMs);
        out.writeInt(report.payload.length);
        out.write(report.payload);
    }

    @Override
    public RawReport deserialize(DataInputView in) throws IOException {
        RawReport report = new RawReport();
        report.recordTimeMs = in.readLong();
        report.payload = new byte[in.readInt()];
        in.readFully(report.payload);
        return report;
    }

    @Override
    public TypeSerializerSnapshot<RawReport> snapshotConfiguration() {
        return new Snapshot();
    }

    /** For Flink: the format of a checkpoint. */
    public static final class Snapshot extends SimpleTypeSerializerSnapshot<RawReport> {
        /** For Flink. */
        public Snapshot() {
            super(() -> INSTANCE);
        }
    }
}
