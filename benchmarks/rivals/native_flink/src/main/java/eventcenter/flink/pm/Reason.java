package eventcenter.flink.pm;

/** Why a report, a component or a value is rejected. */
public enum Reason {
    MALFORMED_PROTOBUF,
    MISSING_NODE_ID,
    MISSING_TIME,
    MISSING_COMPONENT,
    TIME_OUT_OF_BOUNDS,
    NO_VALUES,
    UNKNOWN_TYPE,
    UNIT_MISMATCH,
    NO_READING,
    NOT_FINITE,
    OUT_OF_RANGE
}
