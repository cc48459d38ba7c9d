package eventcenter.flink.rules;

/**
 * The decision for a span in a window: the twelve decision rows of the contract, of which the first
 * true one decides. Powers are in dBm; NaN = no valid sample, minus infinity = no light.
 */
public final class DecisionRows {
    /** Reading shown where there is no light [dBm]. */
    public static final double DARK_DBM = -40;

    private static final double OSC_SOUND_DB = 1;
    private static final double OSC_LOSS_DB = 3;
    private static final double MISMATCH_DB = -1;

    private DecisionRows() {}

    /**
     * Decides.
     *
     * @param tx power launched at the transmitting end
     * @param rx power received at the other end
     * @param txOsc the same for the OSC
     * @param rxOsc the same for the OSC
     * @param limits what the topology says of the span
     * @param cutBefore the adjacent window before decided FIBER_CUT
     */
    public static Code decide(
            double tx,
            double rx,
            double txOsc,
            double rxOsc,
            SpanLimits limits,
            boolean cutBefore) {
        if (Double.isNaN(tx) || Double.isNaN(rx)) {
            return Code.NO_DATA;
        }
        boolean rxDark = rx <= limits.losDbm;
        if (tx <= limits.losDbm) {
            return rxDark && cutBefore ? Code.FIBER_CUT : Code.UPSTREAM_POWER_LOSS;
        }
        if (rxDark) {
            return oscIsSound(txOsc, rxOsc, limits) ? Code.SIGNAL_LOSS_EQUIPMENT : Code.FIBER_CUT;
        }
        double lossDb = tx - rx;
        if (lossDb < MISMATCH_DB) {
            return Code.TOPOLOGY_MISMATCH;
        }
        double deltaDb = lossDb - limits.baseDb;
        if (deltaDb >= limits.warnDb) {
            return degrade(deltaDb, limits);
        }
        return oscIsLost(txOsc, rxOsc, limits) ? Code.OSC_LOSS : Code.NORMAL;
    }

    /** Returns whether the OSC can tell a broken fiber from a dead signal. */
    static boolean oscIsMeasured(double txOsc, double rxOsc, SpanLimits limits) {
        return limits.hasOsc
                && !Double.isNaN(txOsc)
                && !Double.isNaN(rxOsc)
                && !(txOsc <= limits.losDbm);
    }

    private static Code degrade(double deltaDb, SpanLimits limits) {
        if (deltaDb >= limits.cutDb) {
            return Code.FIBER_CUT;
        }
        if (deltaDb >= limits.severeDb) {
            return Code.FIBER_DEGRADE_SEVERE;
        }
        return deltaDb >= limits.degradeDb ? Code.FIBER_DEGRADE : Code.FIBER_DEGRADE_WARN;
    }

    private static boolean oscIsSound(double txOsc, double rxOsc, SpanLimits limits) {
        if (!oscIsMeasured(txOsc, rxOsc, limits) || rxOsc <= limits.losDbm) {
            return false;
        }
        return Double.isNaN(limits.baseOscDb) || txOsc - rxOsc - limits.baseOscDb < OSC_SOUND_DB;
    }

    private static boolean oscIsLost(double txOsc, double rxOsc, SpanLimits limits) {
        if (!oscIsMeasured(txOsc, rxOsc, limits)) {
            return false;
        }
        return rxOsc <= limits.losDbm || txOsc - rxOsc - limits.baseOscDb >= OSC_LOSS_DB;
    }
}
