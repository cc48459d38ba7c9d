package eventcenter.flink.tuned;

import eventcenter.flink.rules.Family;
import java.util.HashMap;
import java.util.Map;

/**
 * What was published of windows that late samples have changed since. A match is published again
 * only at a higher level. What was published on time follows from the present decisions.
 */
final class Published {
    private final Map<Key, Entry> entries;

    /** A possible match. */
    record Key(int row, int family, long windowS) {}

    /** The highest level published, and the number of the last event. */
    record Entry(int level, int sequence) {}

    Published() {
        this(new HashMap<>());
    }

    Published(Map<Key, Entry> entries) {
        this.entries = entries;
    }

    Map<Key, Entry> entries() {
        return entries;
    }

    Published copy() {
        return new Published(new HashMap<>(entries));
    }

    /** Stores what was published on time, before the decisions change. */
    void stood(int row, Family family, long windowS, int level) {
        entries.putIfAbsent(new Key(row, family.ordinal(), windowS), new Entry(level, 1));
    }

    /** Returns the number of the event that is due for a match; 0 if none is. */
    int sequenceFor(int row, Family family, long windowS, int level) {
        Key key = new Key(row, family.ordinal(), windowS);
        Entry known = entries.get(key);
        if (known != null && known.level >= level) {
            return 0;
        }
        Entry now = new Entry(level, known == null ? 1 : known.sequence + 1);
        entries.put(key, now);
        return now.sequence;
    }

    /** Forgets windows that can no longer change. */
    void forgetBefore(long windowS) {
        if (!entries.isEmpty()) {
            entries.keySet().removeIf(key -> key.windowS < windowS);
        }
    }
}
