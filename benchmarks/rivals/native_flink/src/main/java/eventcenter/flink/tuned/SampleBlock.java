package eventcenter.flink.tuned;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * The samples of one report that go to one shard, packed: link, time, flags, and the powers that
 * it has. Sent over the network one by one, the samples would cost 20 times as much.
 */
public final class SampleBlock {
    /** Flags of a sample. */
    static final int END_Z = 1, TX = 2, RX = 4, HAS_DATA = 8;
    /** Flags of a sample: which powers it has. */
    static final int INPUT = 16, OUTPUT = 32, INPUT_OSC = 64, OUTPUT_OSC = 128;
    /** The maximum size of a sample. */
    static final int MAX_SIZE = 8 + 8 + 1 + 4 * 8;

    private static final VarHandle LONGS =
            MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    /** Key of the shard. */
    public int shardKey;
    /** Sequence number of the report. */
    public long sequence;
    /** The samples. */
    byte[] bytes;
    /** How far `bytes` is filled. */
    int length;

    SampleBlock(byte[] bytes) {
        this.bytes = bytes;
    }

    /** Appends a sample; powers that are NaN are left out. */
    void append(
            long link,
            long timeNs,
            int flags,
            double input,
            double output,
            double inputOsc,
            double outputOsc) {
        if (bytes.length - length < MAX_SIZE) {
            bytes = Arrays.copyOf(bytes, bytes.length * 2 + MAX_SIZE);
        }
        LONGS.set(bytes, length, link);
        LONGS.set(bytes, length + 8, timeNs);
        int at = length + 17;
        int all = flags;
        if (input == input) {
            all |= INPUT;
            LONGS.set(bytes, at, Double.doubleToRawLongBits(input));
            at += 8;
        }
        if (output == output) {
            all |= OUTPUT;
            LONGS.set(bytes, at, Double.doubleToRawLongBits(output));
            at += 8;
        }
        if (inputOsc == inputOsc) {
            all |= INPUT_OSC;
            LONGS.set(bytes, at, Double.doubleToRawLongBits(inputOsc));
            at += 8;
        }
        if (outputOsc == outputOsc) {
            all |= OUTPUT_OSC;
            LONGS.set(bytes, at, Double.doubleToRawLongBits(outputOsc));
            at += 8;
        }
        bytes[length + 16] = (byte) all;
        length = at;
    }

    /** Reads the samples of a block one after the other, into the fields of the reader. */
    static final class Reader {
        long link;
        long timeNs;
        int flags;
        double input;
        double output;
        double inputOsc;
        double outputOsc;

        private byte[] bytes;
        private int at;
        private int end;

        /** Goes to the start of a block. */
        void set(SampleBlock block) {
            bytes = block.bytes;
            at = 0;
            end = block.length;
        }

        /** Goes to the next sample; returns whether there is one. */
        boolean next() {
            if (at >= end) {
                return false;
            }
            link = (long) LONGS.get(bytes, at);
            timeNs = (long) LONGS.get(bytes, at + 8);
            flags = bytes[at + 16];
            at += 17;
            input = power(INPUT);
            output = power(OUTPUT);
            inputOsc = power(INPUT_OSC);
            outputOsc = power(OUTPUT_OSC);
            return true;
        }

        private double power(int flag) {
            if ((flags & flag) == 0) {
                return Double.NaN;
            }
            double value = Double.longBitsToDouble((long) LONGS.get(bytes, at));
            at += 8;
            return value;
        }
    }
}
