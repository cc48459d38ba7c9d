package eventcenter.flink.tuned;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * A cursor over protobuf's wire format that makes no objects and skips what is not needed.
 * Throws `MalformedException` if the bytes are not protobuf.
 */
final class Wire {
    /** How a value is written. */
    static final int VARINT = 0, FIXED64 = 1, DELIMITED = 2, GROUP = 3, END_GROUP = 4, FIXED32 = 5;

    private static final VarHandle LONGS =
            MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final int MAX_DEPTH = 100;

    byte[] bytes;
    int at;
    int end;

    /** The bytes are not protobuf. One instance is enough, as it carries no details. */
    static final class MalformedException extends Exception {
        private static final long serialVersionUID = 1;
        static final MalformedException INSTANCE = new MalformedException();

        private MalformedException() {
            super("not protobuf", null, false, false);
        }
    }

    /** Moves to a part of some bytes. */
    void set(byte[] newBytes, int from, int to) {
        bytes = newBytes;
        at = from;
        end = to;
    }

    /** Reads a tag; 0 at the end. */
    int tag() throws MalformedException {
        if (at >= end) {
            return 0;
        }
        int first = bytes[at];
        if (first > 0) {
            at++;
        } else {
            first = (int) varint();
        }
        if (first >>> 3 == 0) {
            throw MalformedException.INSTANCE;
        }
        return first;
    }

    /** Reads a varint. */
    long varint() throws MalformedException {
        byte[] b = bytes;
        int p = at;
        int stop = Math.min(end, p + 10);
        long value = 0;
        for (int shift = 0; p < stop; shift += 7) {
            byte next = b[p++];
            value |= (long) (next & 0x7F) << shift;
            if (next >= 0) {
                at = p;
                return value;
            }
        }
        throw MalformedException.INSTANCE;
    }

    /** Reads a double. */
    double fixed64() throws MalformedException {
        if (end - at < 8) {
            throw MalformedException.INSTANCE;
        }
        double value = Double.longBitsToDouble((long) LONGS.get(bytes, at));
        at += 8;
        return value;
    }

    /** Reads the length of a delimited field, and checks that all of it is there. */
    int length() throws MalformedException {
        long length = at < end && bytes[at] >= 0 ? bytes[at++] : varint();
        if (length < 0 || length > end - at) {
            throw MalformedException.INSTANCE;
        }
        return (int) length;
    }

    /** Skips the value after a tag. */
    void skip(int tag) throws MalformedException {
        skip(tag, 0);
    }

    private void skip(int tag, int depth) throws MalformedException {
        switch (tag & 7) {
            case VARINT -> varint();
            case FIXED64 -> advance(8);
            case FIXED32 -> advance(4);
            case DELIMITED -> advance(length());
            case GROUP -> skipGroup(tag, depth);
            default -> throw MalformedException.INSTANCE;
        }
    }

    private void skipGroup(int tag, int depth) throws MalformedException {
        if (depth == MAX_DEPTH) {
            throw MalformedException.INSTANCE;
        }
        for (int inner = tag(); inner != (tag & ~7 | END_GROUP); inner = tag()) {
            if (inner == 0) {
                throw MalformedException.INSTANCE;
            }
            skip(inner, depth + 1);
        }
    }

    private void advance(int count) throws MalformedException {
        if (count > end - at) {
            throw MalformedException.INSTANCE;
        }
        at += count;
    }
}
