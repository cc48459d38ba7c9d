package eventcenter.flink.rules;

/**
 * The measurements of a span in an event; NaN = not measured.
 *
 * @param txDbm power launched; -40 where there is no light
 * @param rxDbm power received; -40 where there is no light
 * @param lossDb loss of the signal; a lower bound of it if R is dark and T lit
 * @param lossOscDb loss of the OSC
 * @param baseDb base that the loss was compared with
 * @param deltaDb loss above base, of lit readings
 */
public record SpanReading(
        double txDbm,
        double rxDbm,
        double lossDb,
        double lossOscDb,
        double baseDb,
        double deltaDb) {


    /** Computes the losses of a span. */
    public static SpanReading of(
            double tx, double rx, double txOsc, double rxOsc, SpanLimits limits) {
        boolean txDark = tx <= limits.losDbm;
        boolean rxDark = rx <= limits.losDbm;
        double lossDb = txDark || rxDark ? Double.NaN : tx - rx;
        double deltaDb = lossDb - limits.baseDb;
        if (rxDark && !txDark && !Double.isNaN(tx)) {
            lossDb = tx - DecisionRows.DARK_DBM;
        }
        boolean oscLit =
                DecisionRows.oscIsMeasured(txOsc, rxOsc, limits) && !(rxOsc <= limits.losDbm);
        double lossOscDb = oscLit ? txOsc - rxOsc : Double.NaN;
        return new SpanReading(shown(tx), shown(rx), lossDb, lossOscDb, limits.baseDb, deltaDb);
    }

    private static double shown(double powerDbm) {
        return powerDbm == Double.NEGATIVE_INFINITY ? DecisionRows.DARK_DBM : powerDbm;
    }
}
