package eventcenter.flink.stock;

import eventcenter.flink.types.RecordSerializer;
import eventcenter.flink.types.RecordType;
import java.io.IOException;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** Writes and reads windows of links, with only those slots that have a sample. */
public final class LinkSecondSerializer extends RecordSerializer<LinkSecond> {
    static final LinkSecondSerializer INSTANCE = new LinkSecondSerializer();
    static final RecordType<LinkSecond> TYPE = new RecordType<>(LinkSecond.class, INSTANCE);
    private static final long serialVersionUID = 1;

    @Override
    public LinkSecond createInstance() {
        return LinkSecond.empty();
    }

    @Override
    public LinkSecond copy(LinkSecond from) {
        LinkSecond copy = new LinkSecond();
        copy.timeNs = from.timeNs.clone();
        copy.sequence = from.sequence.clone();
        copy.power = from.power.clone();
        copy.osc = from.osc.clone();
        copy.az = from.az;
        copy.za = from.za;
        return copy;
    }

    @Override
    public void serialize(LinkSecond second, DataOutputView out) throws IOException {
        for (int slot = 0; slot < second.timeNs.length; slot++) {
            out.writeLong(second.timeNs[slot]);
            if (second.timeNs[slot] != Long.MIN_VALUE) {
                out.writeLong(second.sequence[slot]);
                out.writeDouble(second.power[slot]);
                out.writeDouble(second.osc[slot]);
            }
        }
        LimitsFormat.write(second.az, out);
        LimitsFormat.write(second.za, out);
    }

    @Override
    public LinkSecond deserialize(DataInputView in) throws IOException {
        LinkSecond second = LinkSecond.empty();
        for (int slot = 0; slot < second.timeNs.length; slot++) {
            second.timeNs[slot] = in.readLong();
            if (second.timeNs[slot] != Long.MIN_VALUE) {
                second.sequence[slot] = in.readLong();
                second.power[slot] = in.readDouble();
                second.osc[slot] = in.readDouble();
            }
        }
        second.az = LimitsFormat.read(in);
        second.za = LimitsFormat.read(in);
        return second;
    }

    @Override
    public TypeSerializerSnapshot<LinkSecond> snapshotConfiguration() {
        return new Snapshot();
    }

    /** For Flink: the format of a checkpoint. */
    public static final class Snapshot extends SimpleTypeSerializerSnapshot<LinkSecond> {
        /** For Flink. */
        public Snapshot() {
            super(() -> INSTANCE);
        }
    }
}
