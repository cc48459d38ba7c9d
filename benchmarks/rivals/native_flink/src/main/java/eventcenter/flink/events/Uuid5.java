package eventcenter.flink.events;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.UUID;

/** Name-based UUIDs of version 5 in the namespace of URLs: the same name, the same id. */
public final class Uuid5 {
    private static final UUID NAMESPACE_URL =
            UUID.fromString("6ba7b811-9dad-11d1-80b4-00c04fd430c8");

    private final MessageDigest sha1;
    private final byte[] namespace;

    /** Prepares. */
    public Uuid5() {
        try {
            sha1 = MessageDigest.getInstance("SHA-1");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-1", e);
        }
        namespace =
                ByteBuffer.allocate(16)
                        .putLong(NAMESPACE_URL.getMostSignificantBits())
                        .putLong(NAMESPACE_URL.getLeastSignificantBits())
                        .array();
    }

    /** Returns the id of a name. */
    public UUID of(String name) {
        sha1.update(namespace);
        ByteBuffer hash = ByteBuffer.wrap(sha1.digest(name.getBytes(StandardCharsets.UTF_8)));
        long high = hash.getLong() & ~0xF000L | 0x5000L;
        long low = hash.getLong() & 0x3FFFFFFFFFFFFFFFL | 0x8000000000000000L;
        return new UUID(high, low);
    }
}
