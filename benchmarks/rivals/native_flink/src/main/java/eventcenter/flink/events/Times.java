package eventcenter.flink.events;

import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;

/** Times as people and JSON read them. */
final class Times {
    private static final DateTimeFormatter RFC_3339 =
            DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSS'Z'").withZone(ZoneOffset.UTC);

    private Times() {}

    /** Returns milliseconds since the Unix epoch as RFC 3339 UTC. */
    static String rfc3339(long timeMs) {
        return RFC_3339.format(Instant.ofEpochMilli(timeMs));
    }
}
