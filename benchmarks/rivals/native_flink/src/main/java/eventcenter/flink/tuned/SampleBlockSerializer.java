package eventcenter.flink.tuned;

import eventcenter.flink.types.RecordSerializer;
import eventcenter.flink.types.RecordType;
import java.io.IOException;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** Writes and reads blocks of samples. */
public final class SampleBlockSerializer extends RecordSerializer<SampleBlock> {
    static final SampleBlockSerializer INSTANCE = new SampleBlockSerializer();
    static final RecordType<SampleBlock> TYPE = new RecordType<>(SampleBlock.class, INSTANCE);
    private static final long serialVersionUID = 1;

    @Override
    public SampleBlock createInstance() {
        return new SampleBlock(new byte[0]);
    }

    @Override
    public SampleBlock copy(SampleBlock from) {
        SampleBlock copy = new SampleBlock(from.bytes.clone());
        copy.shardKey = from.shardKey;
        copy.sequence = from.sequence;
        copy.length = from.length;
        return copy;
    }

    @Override
    public void serialize(SampleBlock block, DataOutputView out) throws IOException {
        out.writeInt(block.shardKey);
        out.writeLong(block.sequence);
        out.writeInt(block.length);
        out.write(block.bytes, 0, block.length);
    }

    @Override
    public SampleBlock deserialize(DataInputView in) throws IOException {
        int shardKey = in.readInt();
        long sequence = in.readLong();
        SampleBlock block = new SampleBlock(new byte[in.readInt()]);
        block.shardKey = shardKey;
        block.sequence = sequence;
        block.length = block.bytes.length;
        in.readFully(block.bytes);
        return block;
    }

    @Override
    public TypeSerializerSnapshot<SampleBlock> snapshotConfiguration() {
        return new Snapshot();
    }

    /** For Flink: the format of a checkpoint. */
    public static final class Snapshot extends SimpleTypeSerializerSnapshot<SampleBlock> {
        /** For Flink. */
        public Snapshot() {
            super(() -> INSTANCE);
        }
    }
}
