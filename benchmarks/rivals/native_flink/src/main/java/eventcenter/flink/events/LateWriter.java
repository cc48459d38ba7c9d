package eventcenter.flink.events;

import eventcenter.flink.rules.DecisionRows;
import java.nio.charset.StandardCharsets;

/** Writes late samples as JSON: the sample, its window, and the moment it missed. */
public final class LateWriter {
    private static final long NS_PER_S = 1_000_000_000;

    private final long closesAfterMs;
    private final Json json = new Json();

    /**
     * Takes the time at which windows close.
     *
     * @param closesAfterMs from the start of a window to its closing
     */
    public LateWriter(long closesAfterMs) {
        this.closesAfterMs = closesAfterMs;
    }

    /** Returns the record of a late sample. */
    public Outgoing write(LateSample late) {
        long windowS = Math.floorDiv(late.timeNs(), NS_PER_S);
        json.clear().raw("{\"node_id\":").string(late.nodeId());
        json.raw(",\"component\":").string(late.component());
        json.raw(",\"link_id\":").string(late.linkId());
        json.raw(",\"end\":\"").raw(late.end() == 0 ? "A" : "Z");
        json.raw("\",\"sample_time_unix_ns\":").number(late.timeNs());
        json.raw(",\"window_start\":\"").raw(Times.rfc3339(windowS * 1000));
        String closedAt = Times.rfc3339(windowS * 1000 + closesAfterMs);
        json.raw("\",\"closed_at\":\"").raw(closedAt).raw("\",\"readings\":{");
        String comma = reading("", "INPUT_POWER", late.inputDbm());
        comma = reading(comma, "OUTPUT_POWER", late.outputDbm());
        comma = reading(comma, "INPUT_POWER_OSC", late.inputOscDbm());
        reading(comma, "OUTPUT_POWER_OSC", late.outputOscDbm());
        json.raw("}}");
        return new Outgoing(
                late.linkId().getBytes(StandardCharsets.UTF_8),
                json.toString().getBytes(StandardCharsets.UTF_8));
    }

    private String reading(String comma, String type, double powerDbm) {
        if (Double.isNaN(powerDbm)) {
            return comma;
        }
        boolean dark = powerDbm == Double.NEGATIVE_INFINITY;
        json.raw(comma).raw("\"").raw(type).raw("\":");
        json.number(dark ? DecisionRows.DARK_DBM : powerDbm);
        return ",";
    }
}
