package eventcenter.flink.tuned;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * A map from names to values that looks up the bytes of a name in place, so that no strings are
 * made of the names in a report.
 *
 * @param <V> the value
 */
final class Names<V> {
    private static final VarHandle LONGS =
            MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final long MIX = 0x9E3779B97F4A7C15L;

    private Entry<V>[] table = newTable(16);
    private int size;

    /** A name and its value. */
    static final class Entry<V> {
        final byte[] name;
        final long hash;
        V value;
        /** The entry that was looked up after this one last time. */
        Entry<V> next;

        Entry(byte[] name, long hash, V value) {
            this.name = name;
            this.hash = hash;
            this.value = value;
        }

        boolean is(byte[] bytes, int from, int length) {
            return Arrays.equals(name, 0, name.length, bytes, from, from + length);
        }
    }

    /** Returns the entry of a name, or null. */
    Entry<V> find(byte[] bytes, int from, int length) {
        long hash = hash(bytes, from, length);
        int mask = table.length - 1;
        for (int i = (int) hash & mask; ; i = i + 1 & mask) {
            Entry<V> entry = table[i];
            if (entry == null || entry.hash == hash && entry.is(bytes, from, length)) {
                return entry;
            }
        }
    }

    /** Returns the value of a name, or null. */
    V get(String name) {
        byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
        Entry<V> entry = find(bytes, 0, bytes.length);
        return entry == null ? null : entry.value;
    }

    /** Sets the value of a name. Names stay: a network has a bounded number of them. */
    void put(String name, V value) {
        byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
        Entry<V> known = find(bytes, 0, bytes.length);
        if (known != null) {
            known.value = value;
            return;
        }
        if (++size * 2 > table.length) {
            grow();
        }
        insert(table, new Entry<>(bytes, hash(bytes, 0, bytes.length), value));
    }

    /** Returns whether an unknown name is valid text. */
    static boolean isText(byte[] bytes, int from, int length) {
        try {
            StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes, from, length));
            return true;
        } catch (CharacterCodingException e) {
            return false;
        }
    }

    private void grow() {
        Entry<V>[] larger = newTable(table.length * 2);
        for (Entry<V> entry : table) {
            if (entry != null) {
                insert(larger, entry);
            }
        }
        table = larger;
    }

    private static <V> void insert(Entry<V>[] table, Entry<V> entry) {
        int mask = table.length - 1;
        int i = (int) entry.hash & mask;
        while (table[i] != null) {
            i = i + 1 & mask;
        }
        table[i] = entry;
    }

    private static long hash(byte[] bytes, int from, int length) {
        long hash = length * MIX;
        int at = from;
        int end = from + length;
        for (; at <= end - 8; at += 8) {
            hash = (hash ^ (long) LONGS.get(bytes, at)) * MIX;
            hash ^= hash >>> 32;
        }
        for (; at < end; at++) {
            hash = (hash ^ bytes[at]) * MIX;
            hash ^= hash >>> 32;
        }
        return hash;
    }

    @SuppressWarnings("unchecked")
    private static <V> Entry<V>[] newTable(int capacity) {
        return (Entry<V>[]) new Entry<?>[capacity];
    }
}
