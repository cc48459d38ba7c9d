package eventcenter.flink.stock;

import eventcenter.flink.rules.SpanLimits;

/** A sample at one of the link ends that its component serves. */
public class EndSample {
    /** Identity of the link. */
    public String linkId;
    /** End of the link, see `ServedEnd`. */
    public int end;
    /** What the component does there, bits of `ServedEnd`. */
    public int roles;
    /** The sample. */
    public Sample sample;
    /** Limits of the span that is received here; null where the component does not receive. */
    public SpanLimits received;
}
