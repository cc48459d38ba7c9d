package eventcenter.flink.events;

import eventcenter.flink.rules.Family;

/** A problem of a link on which two adjacent windows agree. */
public class Match {
    /** Identity of the link. */
    public String linkId;
    /** Start of the second window [s since the Unix epoch]. */
    public long windowS;
    /** Ordinal of the `Family`. */
    public int family;
    /** Highest level confirmed, over both spans. */
    public int level;
    /** Spans that confirm, as bits. */
    public int direction;
    /** 1 = published for the first time. */
    public int sequence;
    /** What was measured in the second window, as `LinkPowers` orders it. */
    public double[] powers;

    /** For Flink. */
    public Match() {}

    /** Makes a match. */
    public Match(
            String linkId,
            long windowS,
            Family family,
            int level,
            int direction,
            int sequence,
            double[] powers) {
        this.linkId = linkId;
        this.windowS = windowS;
        this.family = family.ordinal();
        this.level = level;
        this.direction = direction;
        this.sequence = sequence;
        this.powers = powers;
    }
}
