package eventcenter.flink.tuned;

import eventcenter.flink.tuned.Shard.Window;
import eventcenter.flink.types.RecordSerializer;
import eventcenter.flink.types.RecordType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** Writes and reads shards, column by column. */
public final class ShardSerializer extends RecordSerializer<Shard> {
    static final ShardSerializer INSTANCE = new ShardSerializer();
    static final RecordType<Shard> TYPE = new RecordType<>(Shard.class, INSTANCE);
    private static final long serialVersionUID = 1;

    @Override
    public Shard createInstance() {
        return new Shard(1);
    }

    @Override
    public Shard copy(Shard from) {
        return from.copy();
    }

    @Override
    public void serialize(Shard shard, DataOutputView out) throws IOException {
        int count = shard.rows.count();
        out.writeInt(count);
        out.writeInt(shard.room());
        for (int row = 0; row < count; row++) {
            out.writeLong(shard.rows.link(row));
        }
        out.writeInt(shard.codes.windows());
        out.write(shard.codes.cells());
        writeLongs(shard.codes.newestS(), shard.room(), out);
        out.writeInt(shard.windows.size());
        for (Window window : shard.windows) {
            out.writeLong(window.startS);
            out.writeBoolean(window.evaluated);
            writeSamples(window.samples, out);
        }
        out.writeInt(shard.published.entries().size());
        for (Map.Entry<Published.Key, Published.Entry> one : shard.published.entries().entrySet()) {
            out.writeInt(one.getKey().row());
            out.writeInt(one.getKey().family());
            out.writeLong(one.getKey().windowS());
            out.writeInt(one.getValue().level());
            out.writeInt(one.getValue().sequence());
        }
    }

    @Override
    public Shard deserialize(DataInputView in) throws IOException {
        int count = in.readInt();
        int room = in.readInt();
        Rows rows = new Rows();
        for (int row = 0; row < count; row++) {
            rows.of(in.readLong());
        }
        int historyWindows = in.readInt();
        byte[] cells = new byte[historyWindows * room];
        in.readFully(cells);
        CodeHistory codes = new CodeHistory(historyWindows, cells, readLongs(room, in));
        int open = in.readInt();
        List<Window> windows = new ArrayList<>(open);
        for (int i = 0; i < open; i++) {
            long startS = in.readLong();
            boolean evaluated = in.readBoolean();
            windows.add(new Window(startS, readSamples(in), evaluated, true));
        }
        Published published = new Published();
        for (int left = in.readInt(); left > 0; left--) {
            Published.Key key = new Published.Key(in.readInt(), in.readInt(), in.readLong());
            published.entries().put(key, new Published.Entry(in.readInt(), in.readInt()));
        }
        return new Shard(rows, codes, published, windows, room);
    }

    private static void writeSamples(WindowSamples samples, DataOutputView out)
            throws IOException {
        int slots = WindowSamples.SLOTS * samples.rows;
        out.writeInt(samples.rows);
        writeLongs(samples.timeNs, slots, out);
        writeLongs(samples.sequence, slots, out);
        writeDoubles(samples.power, slots, out);
        out.writeBoolean(samples.osc != null);
        if (samples.osc != null) {
            writeDoubles(samples.osc, slots, out);
        }
    }

    private static WindowSamples readSamples(DataInputView in) throws IOException {
        int rows = in.readInt();
        int slots = WindowSamples.SLOTS * rows;
        return new WindowSamples(
                rows,
                readLongs(slots, in),
                readLongs(slots, in),
                readDoubles(slots, in),
                in.readBoolean() ? readDoubles(slots, in) : null);
    }

    private static void writeLongs(long[] values, int count, DataOutputView out)
            throws IOException {
        ByteBuffer bytes = buffer(count);
        bytes.asLongBuffer().put(values, 0, count);
        out.write(bytes.array());
    }

    private static long[] readLongs(int count, DataInputView in) throws IOException {
        long[] values = new long[count];
        read(count, in).asLongBuffer().get(values);
        return values;
    }

    private static void writeDoubles(double[] values, int count, DataOutputView out)
            throws IOException {
        ByteBuffer bytes = buffer(count);
        bytes.asDoubleBuffer().put(values, 0, count);
        out.write(bytes.array());
    }

    private static double[] readDoubles(int count, DataInputView in) throws IOException {
        double[] values = new double[count];
        read(count, in).asDoubleBuffer().get(values);
        return values;
    }

    private static ByteBuffer read(int count, DataInputView in) throws IOException {
        ByteBuffer bytes = buffer(count);
        in.readFully(bytes.array());
        return bytes;
    }

    private static ByteBuffer buffer(int count) {
        return ByteBuffer.allocate(8 * count).order(ByteOrder.LITTLE_ENDIAN);
    }

    @Override
    public TypeSerializerSnapshot<Shard> snapshotConfiguration() {
        return new Snapshot();
    }

    /** For Flink: the format of a checkpoint. */
    public static final class Snapshot extends SimpleTypeSerializerSnapshot<Shard> {
        /** For Flink. */
        public Snapshot() {
            super(() -> INSTANCE);
        }
    }
}
