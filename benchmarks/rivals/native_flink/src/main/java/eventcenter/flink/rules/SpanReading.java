package eventcenter.flink.rules;

/**
 * The measurements of a span in an event; NaN = not measured.
 *
 * @param txDbm power launched; -40 where there is no light
 * @param rxDbm power received; -40 where there is no light
 * @param lossDb loss of the signal; a lower bound of it if R is dark and T lit
 * @param lossIsLowerBound whether it is a lower bound
 * @param lossOscDb loss of the OSC
 * @param baseDb base that the loss was compared with
 * @param deltaDb loss above base, of lit readings
 */
public record SpanReading(
        double txDbm,
        double rxDbm,
        double lossDb,
        boolean lossIsLowerBound,
        double lossOscDb,
        double baseDb,
        double deltaDb) {

    /** Returns what an event says of a span. */
    public static SpanReading of(SpanLosses span) {
        boolean isLowerBound = span.isMeasured() && span.rxDark && !span.txDark;
        return new SpanReading(
                shown(span.txDbm),
                shown(span.rxDbm),
                isLowerBound ? span.txDbm - DecisionRows.DARK_DBM : span.lossDb,
                isLowerBound,
                span.lossOscDb,
                span.limits.baseDb,
                span.deltaDb);
    }

    private static double shown(double powerDbm) {
        return powerDbm == Double.NEGATIVE_INFINITY ? DecisionRows.DARK_DBM : powerDbm;
    }
}
