package eventcenter.flink.stock;

/** The PM of one component at one moment: a flat record out of a nested report. */
public class Sample {
    /** Node of the component. */
    public String nodeId;
    /** Name of the component. */
    public String component;
    /** When the sample was taken [ns since the Unix epoch]. */
    public long timeNs;
    /** Sequence number of the report. */
    public long sequence;
    /** False where the sample stands for no data. */
    public boolean hasData;
    /** INPUT_POWER [dBm]; NaN = none, minus infinity = no light. */
    public double inputDbm = Double.NaN;
    /** OUTPUT_POWER, likewise. */
    public double outputDbm = Double.NaN;
    /** INPUT_POWER_OSC, likewise. */
    public double inputOscDbm = Double.NaN;
    /** OUTPUT_POWER_OSC, likewise. */
    public double outputOscDbm = Double.NaN;
}
