package eventcenter.flink.tuned;

/** A report as it came from Kafka. */
public class RawReport {
    /** The serialized PmReport. */
    public byte[] payload;
    /** Timestamp of the record [ms since the Unix epoch]. */
    public long recordTimeMs;
    /** The newest sample time in the report [ms since the Unix epoch]. */
    public long eventTimeMs;
}
