package eventcenter.flink.rules;

/** How the powers of a link in one window lie in an array: AZ, then ZA, each T, R, To, Ro. */
public final class LinkPowers {
    /** Powers of a link in a window. */
    public static final int COUNT = 8;
    /** Where the powers of a span start. */
    public static final int AZ = 0, ZA = 4;

    private static final int TX = 0, RX = 1, TX_OSC = 2, RX_OSC = 3;

    private LinkPowers() {}

    /** Decides one span; limits are null where no receiver was ever heard. */
    public static Code decide(double[] powers, int span, SpanLimits limits, boolean cutBefore) {
        if (limits == null) {
            return Code.NO_DATA;
        }
        return DecisionRows.decide(
                powers[span + TX],
                powers[span + RX],
                powers[span + TX_OSC],
                powers[span + RX_OSC],
                limits,
                cutBefore);
    }

    /** Returns what an event says of one span. */
    public static SpanReading reading(double[] powers, int span, SpanLimits limits) {
        return SpanReading.of(
                powers[span + TX],
                powers[span + RX],
                powers[span + TX_OSC],
                powers[span + RX_OSC],
                limits);
    }
}
