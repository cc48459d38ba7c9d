package eventcenter.flink.rules;

import java.util.Locale;

/** Perceived severity of X.733, ascending. */
public enum Severity {
    WARNING,
    MINOR,
    MAJOR,
    CRITICAL;

    private final String published = name().toLowerCase(Locale.ROOT);

    /** Returns the severity one step lower, but not below warning. */
    public Severity lowered() {
        return this == WARNING ? WARNING : values()[ordinal() - 1];
    }

    /** Returns the name as it is published. */
    public String published() {
        return published;
    }
}
