package eventcenter.flink.stock;

import eventcenter.flink.types.RecordSerializer;
import eventcenter.flink.types.RecordType;
import java.io.IOException;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** Writes and reads samples. */
public final class SampleSerializer extends RecordSerializer<Sample> {
    static final SampleSerializer INSTANCE = new SampleSerializer();
    static final RecordType<Sample> TYPE = new RecordType<>(Sample.class, INSTANCE);
    private static final long serialVersionUID = 1;

    @Override
    public Sample createInstance() {
        return new Sample();
    }

    @Override
    public Sample copy(Sample from) {
        Sample copy = new Sample();
        copy.nodeId = from.nodeId;
        copy.component = from.component;
        copy.timeNs = from.timeNs;
        copy.sequence = from.sequence;
        copy.hasData = from.hasData;
        copy.inputDbm = from.inputDbm;
        copy.outputDbm = from.outputDbm;
        copy.inputOscDbm = from.inputOscDbm;
        copy.outputOscDbm = from.outputOscDbm;
        return copy;
    }

    @Override
    public void serialize(Sample sample, DataOutputView out) throws IOException {
        writeText(sample.nodeId, out);
        writeText(sample.component, out);
        out.writeLong(sample.timeNs);
        out.writeLong(sample.sequence);
        out.writeBoolean(sample.hasData);
        out.writeDouble(sample.inputDbm);
        out.writeDouble(sample.outputDbm);
        out.writeDouble(sample.inputOscDbm);
        out.writeDouble(sample.outputOscDbm);
    }

    @Override
    public Sample deserialize(DataInputView in) throws IOException {
        Sample sample = new Sample();
        sample.nodeId = readText(in);
        sample.component = readText(in);
        sample.timeNs = in.readLong();
        sample.sequence = in.readLong();
        sample.hasData = in.readBoolean();
        sample.inputDbm = in.readDouble();
        sample.outputDbm = in.readDouble();
        sample.inputOscDbm = in.readDouble();
        sample.outputOscDbm = in.readDouble();
        return sample;
    }

    @Override
    public TypeSerializerSnapshot<Sample> snapshotConfiguration() {
        return new Snapshot();
    }

    /** For Flink: the format of a checkpoint. */
    public static final class Snapshot extends SimpleTypeSerializerSnapshot<Sample> {
        /** For Flink. */
        public Snapshot() {
            super(() -> INSTANCE);
        }
    }
}
