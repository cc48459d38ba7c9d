package eventcenter.flink.rules;

import eventcenter.v1.Topology.FiberLink;
import eventcenter.v1.Topology.Span;
import eventcenter.v1.Topology.Thresholds;

/** What the topology says of one span: its bases and thresholds, defaults filled in. */
public class SpanLimits {
    /** Of a span whose topology is not known: nothing is dark, and no loss is above a base. */
    public static final SpanLimits UNKNOWN = unknown();

    private static final double LOS_DBM = -35;
    private static final double WARN_DB = 1;
    private static final double DEGRADE_DB = 3;
    private static final double SEVERE_DB = 6;
    private static final double CUT_DB = 10;
    private static final double OSC_LOS_DBM = -35;
    private static final double OSC_LOS_BELOW_BASE_DB = 10;

    /** At or below it is dark [dBm]. */
    public double losDbm;
    /** At or below it the OSC is dark [dBm]; NaN = not stated. */
    public double losOscDbm;
    /** Loss above base of FIBER_DEGRADE_WARN [dB]. */
    public double warnDb;
    /** Loss above base of FIBER_DEGRADE [dB]. */
    public double degradeDb;
    /** Loss above base of FIBER_DEGRADE_SEVERE [dB]. */
    public double severeDb;
    /** Loss above base of FIBER_CUT [dB]. */
    public double cutDb;
    /** Expected loss of the signal [dB]; NaN = not stated. */
    public double baseDb;
    /** Expected loss of the OSC [dB]; NaN = not stated. */
    public double baseOscDb;
    /** Both ends measure an OSC. */
    public boolean hasOsc;

    /** Returns the limits of the span from A to Z. */
    public static SpanLimits az(FiberLink link) {
        return of(link.getAz(), link);
    }

    /** Returns the limits of the span from Z to A. */
    public static SpanLimits za(FiberLink link) {
        return of(link.getZa(), link);
    }

    /** Returns at or below which power a launched OSC is dark [dBm]. */
    double txOscLosDbm() {
        return Double.isNaN(losOscDbm) ? OSC_LOS_DBM : losOscDbm;
    }

    /** Returns at or below which power a received OSC is dark, if that one is launched [dBm]. */
    double rxOscLosDbm(double txOsc) {
        if (!Double.isNaN(losOscDbm) || Double.isNaN(baseOscDb)) {
            return txOscLosDbm();
        }
        return Math.min(OSC_LOS_DBM, txOsc - baseOscDb - OSC_LOS_BELOW_BASE_DB);
    }

    private static SpanLimits unknown() {
        SpanLimits limits = of(Span.getDefaultInstance());
        limits.losDbm = Double.NaN;
        return limits;
    }

    private static SpanLimits of(Span span, FiberLink link) {
        SpanLimits limits = of(span);
        limits.hasOsc = link.getAEnd().getHasOsc() && link.getZEnd().getHasOsc();
        return limits;
    }

    /** Returns the limits that a span states, whether or not an OSC is measured. */
    public static SpanLimits of(Span span) {
        Thresholds given = span.getThresholds();
        SpanLimits limits = new SpanLimits();
        limits.losDbm = given.hasLosDbm() ? given.getLosDbm() : LOS_DBM;
        limits.losOscDbm = given.hasLosOscDbm() ? given.getLosOscDbm() : Double.NaN;
        limits.warnDb = given.hasDegradeWarnDb() ? given.getDegradeWarnDb() : WARN_DB;
        limits.degradeDb = given.hasDegradeDb() ? given.getDegradeDb() : DEGRADE_DB;
        limits.severeDb = given.hasDegradeSevereDb() ? given.getDegradeSevereDb() : SEVERE_DB;
        limits.cutDb = given.hasCutDb() ? given.getCutDb() : CUT_DB;
        limits.baseDb = span.hasSpanLossBaseDb() ? span.getSpanLossBaseDb() : Double.NaN;
        limits.baseOscDb = span.hasSpanLossBaseOscDb() ? span.getSpanLossBaseOscDb() : Double.NaN;
        return limits;
    }
}
