package eventcenter.flink.events;

/** A record for an output topic. */
public class Outgoing {
    /** Key of the record. */
    public byte[] key;
    /** Value of the record. */
    public byte[] value;

    /** For Flink. */
    public Outgoing() {}

    /** Makes a record. */
    public Outgoing(byte[] key, byte[] value) {
        this.key = key;
        this.value = value;
    }
}
