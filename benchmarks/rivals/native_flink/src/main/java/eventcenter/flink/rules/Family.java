package eventcenter.flink.rules;

/** Codes that exclude each other: a window decides at most one code of a family for a span. */
public enum Family {
    NONE,
    FIBER,
    SIGNAL,
    OSC,
    TOPOLOGY
}
