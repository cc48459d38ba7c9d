package eventcenter.flink.rules;

/**
 * The decision for a span in a window: the decision rows of the contract, of which the first true
 * one decides. Row 2b is for alarms, which matches do not have. Bases are not learned.
 */
public final class DecisionRows {
    /** Reading shown where there is no light [dBm]. */
    public static final double DARK_DBM = -40;

    private static final double MISMATCH_DB = -1;
    private static final double BELOW_BASE_DB = -6;
    private static final double FIBER_LOST_DB = 1;
    private static final double FIBER_LOST_PART = 5;
    private static final double OSC_LOSS_DB = 3;

    private DecisionRows() {}

    /**
     * Decides.
     *
     * @param span what was measured on the span
     * @param other the same of the other span of the link
     * @param cutBefore the adjacent window before decided FIBER_CUT on this span or the other
     */
    public static Code decide(SpanLosses span, SpanLosses other, boolean cutBefore) {
        if (!span.isMeasured()) {
            return Code.NO_DATA;
        }
        if (span.txDark) {
            return decideUnlit(span, other, cutBefore);
        }
        if (span.rxDark) {
            return span.oscIsSound() ? Code.SIGNAL_LOSS_EQUIPMENT : Code.FIBER_CUT;
        }
        return decideLit(span);
    }

    /** Returns what is known of the cause of a code; null = nothing. */
    public static String specificProblem(Code code, SpanLosses span) {
        boolean lost = span.rxDark && !span.txDark;
        if (code == Code.FIBER_CUT && lost && !span.oscMeasured) {
            return "osc-not-available";
        }
        boolean plausible = span.lossDb >= MISMATCH_DB;
        return code == Code.TOPOLOGY_MISMATCH && plausible ? "loss-below-base" : null;
    }

    /** Rows 2 to 4: no light is launched. */
    private static Code decideUnlit(SpanLosses span, SpanLosses other, boolean cutBefore) {
        boolean cutIsHeld = span.oscMeasured ? span.oscDark : other.rxDark && cutBefore;
        if (span.rxDark && cutIsHeld) {
            return Code.FIBER_CUT;
        }
        boolean noOscTells = !span.oscMeasured && !other.oscMeasured;
        boolean allDark = span.rxDark && other.txDark && other.rxDark;
        return allDark && noOscTells ? Code.LINK_DARK : Code.UPSTREAM_POWER_LOSS;
    }

    /** Rows 7 to 14: light is launched and received. */
    private static Code decideLit(SpanLosses span) {
        if (span.lossDb < MISMATCH_DB || span.deltaDb <= BELOW_BASE_DB) {
            return Code.TOPOLOGY_MISMATCH;
        }
        if (span.deltaDb >= span.limits.degradeDb && fiberIsSound(span)) {
            return Code.SIGNAL_DEGRADE;
        }
        if (span.deltaDb >= span.limits.warnDb) {
            return degrade(span.deltaDb, span.limits);
        }
        boolean oscIsLost = span.oscDark || span.deltaOscDb >= OSC_LOSS_DB;
        return oscIsLost ? Code.OSC_LOSS : Code.NORMAL;
    }

    /** Returns whether the signal lost what the fiber did not. */
    private static boolean fiberIsSound(SpanLosses span) {
        return span.deltaOscDb < FIBER_LOST_DB
                && span.deltaOscDb < span.deltaDb / FIBER_LOST_PART;
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
}
