package eventcenter.flink.rules;

/**
 * What the powers of a span in one window come to, by its own limits. Powers are in dBm; NaN = no
 * valid sample, minus infinity = no light. Losses are of lit readings, in dB; NaN = none.
 */
public final class SpanLosses {
    private static final double OSC_SOUND_DB = 1;

    /** What the topology says of the span. */
    final SpanLimits limits;
    /** Power launched, and power received at the other end. */
    final double txDbm, rxDbm;
    /** No light, or a power at or below the threshold. */
    final boolean txDark, rxDark;
    /** Loss of the signal, and how far it is above the base. */
    final double lossDb, deltaDb;
    /** Both ends have an OSC and told its powers, and the launched one is lit. */
    final boolean oscMeasured;
    /** An OSC that is measured does not arrive. */
    final boolean oscDark;
    /** The same of the OSC as of the signal. */
    final double lossOscDb, deltaOscDb;

    /**
     * Compares both ends of a span.
     *
     * @param tx power launched at the transmitting end
     * @param rx power received at the other end
     * @param txOsc the same for the OSC
     * @param rxOsc the same for the OSC
     * @param limits what the topology says of the span
     */
    public SpanLosses(double tx, double rx, double txOsc, double rxOsc, SpanLimits limits) {
        this.limits = limits;
        txDbm = tx;
        rxDbm = rx;
        txDark = tx <= limits.losDbm;
        rxDark = rx <= limits.losDbm;
        lossDb = txDark || rxDark ? Double.NaN : tx - rx;
        deltaDb = lossDb - limits.baseDb;
        oscMeasured = limits.hasOsc && txOsc > limits.txOscLosDbm() && !Double.isNaN(rxOsc);
        oscDark = oscMeasured && rxOsc <= limits.rxOscLosDbm(txOsc);
        lossOscDb = oscMeasured && !oscDark ? txOsc - rxOsc : Double.NaN;
        deltaOscDb = lossOscDb - limits.baseOscDb;
    }

    /** Returns whether both ends have a valid sample. */
    boolean isMeasured() {
        return !Double.isNaN(txDbm) && !Double.isNaN(rxDbm);
    }

    /** Returns whether the OSC says that the fiber is sound. */
    boolean oscIsSound() {
        boolean asExpected = Double.isNaN(limits.baseOscDb) || deltaOscDb < OSC_SOUND_DB;
        return oscMeasured && !oscDark && asExpected;
    }
}
