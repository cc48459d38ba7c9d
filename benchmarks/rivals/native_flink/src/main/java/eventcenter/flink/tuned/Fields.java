package eventcenter.flink.tuned;

/** Tags of the fields of a report on the wire: number and wire type of the field. */
final class Fields {
    /** Of PmReport. */
    static final int NODE_ID = 1 << 3 | Wire.DELIMITED,
            COLLECT_TIME = 2 << 3 | Wire.VARINT,
            SEQUENCE = 3 << 3 | Wire.VARINT,
            COMPONENTS = 5 << 3 | Wire.DELIMITED;

    /** Of ComponentPm. */
    static final int COMPONENT = 1 << 3 | Wire.DELIMITED,
            SAMPLE_TIME = 2 << 3 | Wire.VARINT,
            VALIDITY = 3 << 3 | Wire.VARINT,
            ADMIN_STATE = 4 << 3 | Wire.VARINT,
            VALUES = 5 << 3 | Wire.DELIMITED;

    /** Of PmValue. */
    static final int TYPE = 1 << 3 | Wire.VARINT,
            INSTANT = 2 << 3 | Wire.FIXED64,
            AVG = 3 << 3 | Wire.FIXED64,
            NO_LIGHT = 6 << 3 | Wire.VARINT,
            UNIT = 7 << 3 | Wire.VARINT;

    private Fields() {}
}
