package eventcenter.flink.rules;

/** The decision for a span in a window, with the facts of each code that is published. */
public enum Code {
    NO_DATA,
    NORMAL,
    FIBER_DEGRADE_WARN(Family.FIBER, 1, Severity.WARNING, "opticalPowerDegraded"),
    FIBER_DEGRADE(Family.FIBER, 2, Severity.MINOR, "opticalPowerDegraded"),
    FIBER_DEGRADE_SEVERE(Family.FIBER, 3, Severity.MAJOR, "opticalPowerDegraded"),
    FIBER_CUT(Family.FIBER, 4, Severity.CRITICAL, "lossOfSignal"),
    UPSTREAM_POWER_LOSS(Family.SIGNAL, 1, Severity.WARNING, "serverSignalFail"),
    SIGNAL_DEGRADE(Family.SIGNAL, 2, Severity.MINOR, "opticalPowerDegraded"),
    SIGNAL_LOSS_EQUIPMENT(Family.SIGNAL, 3, Severity.MAJOR, "lossOfSignal"),
    LINK_DARK(Family.SIGNAL, 4, Severity.MAJOR, "lossOfSignal"),
    OSC_LOSS(Family.OSC, 1, Severity.MINOR, "lossOfSignalOSC"),
    TOPOLOGY_MISMATCH(Family.TOPOLOGY, 1, Severity.WARNING, "equipmentMiscabledConnection");

    private static final Code[] CODES = values();

    /** Family of the code. */
    public final Family family;
    /** Level within the family; 0 for codes that are not published. */
    public final int level;
    /** Severity on a link that carries unprotected services; null for codes not published. */
    public final Severity severity;
    /** Probable cause in Open ROADM's names; null for codes not published. */
    public final String probableCause;

    Code() {
        this(Family.NONE, 0, null, null);
    }

    Code(Family family, int level, Severity severity, String probableCause) {
        this.family = family;
        this.level = level;
        this.severity = severity;
        this.probableCause = probableCause;
    }

    /** Returns the code with an ordinal. */
    public static Code of(int ordinal) {
        return CODES[ordinal];
    }

    /** Returns the code of a family at a level. */
    public static Code of(Family family, int level) {
        for (Code code : CODES) {
            if (code.family == family && code.level == level) {
                return code;
            }
        }
        throw new IllegalArgumentException("no code of " + family + " at level " + level);
    }

    /** Returns whether the code is published when it is confirmed. */
    public boolean isAbnormal() {
        return level > 0;
    }

    /** Returns whether unprotected services are affected. */
    public boolean affectsService() {
        return this == FIBER_CUT || this == SIGNAL_LOSS_EQUIPMENT || this == LINK_DARK;
    }
}
