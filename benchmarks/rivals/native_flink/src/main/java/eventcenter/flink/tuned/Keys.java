package eventcenter.flink.tuned;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.apache.flink.runtime.state.KeyGroupRangeAssignment;

/** Numbers that stand for links and their shards between the steps. */
final class Keys {
    private Keys() {}

    /**
     * Returns the number of a link: 64 bits of a hash, the same in every task and after every
     * restart, without a central counter. The chance that two of a million links share one is 1
     * in 37 million; the table of links detects it, and fails.
     */
    static long ofLink(String linkId) {
        ByteBuffer bytes = ByteBuffer.wrap(linkId.getBytes(StandardCharsets.UTF_8));
        long hash = bytes.remaining();
        while (bytes.hasRemaining()) {
            long part = bytes.remaining() >= 8 ? bytes.getLong() : bytes.get();
            hash = mix(hash ^ part);
        }
        return hash;
    }

    /** Returns the shard of a link. */
    static int shardOf(long link, int shards) {
        return (int) Long.remainderUnsigned(link >>> 16, shards);
    }

    /**
     * Returns a key for each shard, chosen so that the shards spread evenly over the key groups,
     * and so over the tasks. Hashes of the shards' numbers would not, as they are few.
     */
    static int[] ofShards(int shards, int maxParallelism) {
        int[] keys = new int[shards];
        for (int shard = 0; shard < shards; shard++) {
            int group = shard * maxParallelism / shards;
            int key = 0;
            while (KeyGroupRangeAssignment.assignToKeyGroup(key, maxParallelism) != group) {
                key++;
            }
            keys[shard] = key;
        }
        return keys;
    }

    /** Mixes all bits into all bits (the finalizer of SplitMix64). */
    static long mix(long bits) {
        long mixed = bits + 0x9E3779B97F4A7C15L;
        mixed = (mixed ^ mixed >>> 30) * 0xBF58476D1CE4E5B9L;
        mixed = (mixed ^ mixed >>> 27) * 0x94D049BB133111EBL;
        return mixed ^ mixed >>> 31;
    }
}
