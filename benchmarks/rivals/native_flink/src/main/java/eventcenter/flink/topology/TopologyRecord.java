package eventcenter.flink.topology;

/** A record of the topology topic, with its place there. */
public class TopologyRecord {
    /** Identity of the link. */
    public String linkId;
    /** Partition of the record. */
    public int partition;
    /** Offset of the record in its partition. */
    public long offset;
    /** A serialized FiberLink; null = the link is deleted. */
    public byte[] link;

    /** For Flink. */
    public TopologyRecord() {}

    /** Describes a record. */
    public TopologyRecord(String linkId, int partition, long offset, byte[] link) {
        this.linkId = linkId;
        this.partition = partition;
        this.offset = offset;
        this.link = link;
    }
}
