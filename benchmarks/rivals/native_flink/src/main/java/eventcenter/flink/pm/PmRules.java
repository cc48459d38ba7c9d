package eventcenter.flink.pm;

/** Which values and times are sound; both forms of the job use the same checks. */
public final class PmRules {
    /** The powers that are compared, as the contract numbers them. */
    public static final int INPUT_POWER = 1,
            OUTPUT_POWER = 2,
            INPUT_POWER_OSC = 3,
            OUTPUT_POWER_OSC = 4;

    private static final int TARGET_OUTPUT_POWER = 8;
    private static final int SUSPECT = 3;
    private static final int DISABLED = 2;
    /** Greater numbers are not in the list of units, and read as none. */
    private static final int LAST_UNIT = 8;
    private static final double DARK_BELOW_DBM = -70, MAX_DBM = 35;
    private static final long MAX_AHEAD_NS = 60_000_000_000L, MAX_BEHIND_NS = 600_000_000_000L;
    private static final long NS_PER_MS = 1_000_000;
    /** 2000-01-01; what is before it is not set, or not in nanoseconds. */
    private static final long FIRST_TIME_NS = 946_684_800_000_000_000L;
    /** Canonical unit by type, as the contract numbers both; type 0 has none. */
    private static final int[] UNIT_OF_TYPE = {
        -1, 1, 1, 1, 1, 2, 2, 2, 1, 3, 4, 2, 5, 5, 2, 2, 2, 6, 7, 2, 8
    };

    private PmRules() {}

    /** Returns the reading of a value; minus infinity = dark. */
    public static double reading(
            int type, boolean hasInstant, double instant, double avg, boolean noLight) {
        double told = hasInstant ? instant : avg;
        boolean isDark = noLight || isPower(type) && told < DARK_BELOW_DBM;
        return isDark ? Double.NEGATIVE_INFINITY : told;
    }

    /** Returns why a value is rejected, or null. */
    public static Reason check(
            int type, int unit, boolean hasReading, double reading, boolean noLight) {
        if (type <= 0 || type >= UNIT_OF_TYPE.length) {
            return Reason.UNKNOWN_TYPE;
        }
        if (unit > 0 && unit <= LAST_UNIT && unit != UNIT_OF_TYPE[type]) {
            return Reason.UNIT_MISMATCH;
        }
        if (noLight) {
            return null;
        }
        if (!hasReading) {
            return Reason.NO_READING;
        }
        if (isPower(type) && reading == Double.NEGATIVE_INFINITY) {
            return null;
        }
        if (!(Math.abs(reading) <= Double.MAX_VALUE)) {
            return Reason.NOT_FINITE;
        }
        return isPower(type) && reading > MAX_DBM ? Reason.OUT_OF_RANGE : null;
    }

    private static boolean isPower(int type) {
        return type <= OUTPUT_POWER_OSC || type == TARGET_OUTPUT_POWER;
    }

    /** Returns whether a sample counts, or stands for no data. */
    public static boolean hasData(int validity, int adminState) {
        return validity != SUSPECT && adminState != DISABLED;
    }

    /** Returns whether a number can be a time in nanoseconds. */
    public static boolean isTime(long timeNs) {
        return timeNs >= FIRST_TIME_NS;
    }

    /** Returns whether a sample time is near enough to the timestamp of its record. */
    public static boolean isInBounds(long sampleTimeNs, long recordTimeMs) {
        long recordTimeNs = recordTimeMs * NS_PER_MS;
        // Unsigned, as the difference of two longs may not fit into a long.
        return sampleTimeNs >= recordTimeNs
                ? Long.compareUnsigned(sampleTimeNs - recordTimeNs, MAX_AHEAD_NS) <= 0
                : Long.compareUnsigned(recordTimeNs - sampleTimeNs, MAX_BEHIND_NS) <= 0;
    }
}
