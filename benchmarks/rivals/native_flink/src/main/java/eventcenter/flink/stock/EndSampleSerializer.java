package eventcenter.flink.stock;

import eventcenter.flink.types.RecordSerializer;
import eventcenter.flink.types.RecordType;
import java.io.IOException;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** Writes and reads samples at link ends. */
public final class EndSampleSerializer extends RecordSerializer<EndSample> {
    static final EndSampleSerializer INSTANCE = new EndSampleSerializer();
    static final RecordType<EndSample> TYPE = new RecordType<>(EndSample.class, INSTANCE);
    private static final long serialVersionUID = 1;

    @Override
    public EndSample createInstance() {
        return new EndSample();
    }

    @Override
    public EndSample copy(EndSample from) {
        EndSample copy = new EndSample();
        copy.linkId = from.linkId;
        copy.end = from.end;
        copy.roles = from.roles;
        copy.sample = SampleSerializer.INSTANCE.copy(from.sample);
        copy.received = from.received;
        return copy;
    }

    @Override
    public void serialize(EndSample joined, DataOutputView out) throws IOException {
        writeText(joined.linkId, out);
        out.writeByte(joined.end);
        out.writeByte(joined.roles);
        SampleSerializer.INSTANCE.serialize(joined.sample, out);
        LimitsFormat.write(joined.received, out);
    }

    @Override
    public EndSample deserialize(DataInputView in) throws IOException {
        EndSample joined = new EndSample();
        joined.linkId = readText(in);
        joined.end = in.readByte();
        joined.roles = in.readByte();
        joined.sample = SampleSerializer.INSTANCE.deserialize(in);
        joined.received = LimitsFormat.read(in);
        return joined;
    }

    @Override
    public TypeSerializerSnapshot<EndSample> snapshotConfiguration() {
        return new Snapshot();
    }

    /** For Flink: the format of a checkpoint. */
    public static final class Snapshot extends SimpleTypeSerializerSnapshot<EndSample> {
        /** For Flink. */
        public Snapshot() {
            super(() -> INSTANCE);
        }
    }
}
