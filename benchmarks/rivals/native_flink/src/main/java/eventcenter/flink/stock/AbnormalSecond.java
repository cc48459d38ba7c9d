package eventcenter.flink.stock;

import eventcenter.flink.rules.Code;
import eventcenter.flink.rules.PairRule;
import java.util.List;

/** A window of a link in which at least one span is neither normal nor without data. */
public class AbnormalSecond {
    /** Identity of the link. */
    public String linkId;
    /** Start of the window [s since the Unix epoch]. */
    public long windowS;
    /** Ordinal of the `Code` of the span from A to Z. */
    public int az;
    /** The same of the span from Z to A. */
    public int za;
    /** What was measured, as `LinkPowers` orders it. */
    public double[] powers;

    /** Returns whether this window and the one before agree on anything. */
    boolean confirms(AbnormalSecond before) {
        return windowS == before.windowS + 1
                && PairRule.confirms(
                        Code.of(before.az), Code.of(before.za), Code.of(az), Code.of(za));
    }

    /** Returns what this window and the one before agree on. */
    List<PairRule.Confirmed> confirmed(AbnormalSecond before) {
        return PairRule.confirmed(
                Code.of(before.az), Code.of(before.za), Code.of(az), Code.of(za));
    }
}
