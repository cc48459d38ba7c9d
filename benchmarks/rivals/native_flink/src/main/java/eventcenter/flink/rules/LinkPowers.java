package eventcenter.flink.rules;

/** How the powers of a link in one window lie in an array: AZ, then ZA, each T, R, To, Ro. */
public final class LinkPowers {
    /** Powers of a link in a window. */
    public static final int COUNT = 8;
    /** Where the powers of a span start. */
    public static final int AZ = 0, ZA = 4;

    private static final int TX = 0, RX = 1, TX_OSC = 2, RX_OSC = 3;

    private LinkPowers() {}

    /** Compares both ends of one span. */
    public static SpanLosses losses(double[] powers, int span, SpanLimits limits) {
        return new SpanLosses(
                powers[span + TX],
                powers[span + RX],
                powers[span + TX_OSC],
                powers[span + RX_OSC],
                limits);
    }
}
