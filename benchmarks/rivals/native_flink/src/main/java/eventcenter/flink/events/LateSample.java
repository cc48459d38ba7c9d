package eventcenter.flink.events;

/**
 * A sample that came after its window had closed, at one of the link ends that it serves.
 *
 * @param nodeId node of the component
 * @param component name of the component
 * @param linkId identity of the link
 * @param end 0 = A, 1 = Z
 * @param timeNs sample time [ns since the Unix epoch]
 * @param inputDbm INPUT_POWER; NaN = none, minus infinity = no light
 * @param outputDbm OUTPUT_POWER, likewise
 * @param inputOscDbm INPUT_POWER_OSC, likewise
 * @param outputOscDbm OUTPUT_POWER_OSC, likewise
 */
public record LateSample(
        String nodeId,
        String component,
        String linkId,
        int end,
        long timeNs,
        double inputDbm,
        double outputDbm,
        double inputOscDbm,
        double outputOscDbm) {}
