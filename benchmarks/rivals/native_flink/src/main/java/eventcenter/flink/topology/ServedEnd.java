package eventcenter.flink.topology;

import eventcenter.v1.Topology.FiberLink;
import eventcenter.v1.Topology.LinkEnd;
import java.util.ArrayList;
import java.util.List;

/**
 * An end of a link that a component serves, as the transmitter, the receiver or both.
 *
 * @param nodeId node of the component
 * @param component name of the component
 * @param end `A` or `Z`
 * @param roles bits `TX` and `RX`
 */
public record ServedEnd(String nodeId, String component, int end, int roles) {
    /** The ends of a link. */
    public static final int A = 0, Z = 1;
    /** What a component does at an end. */
    public static final int TX = 1, RX = 2;

    /** Returns which components serve the ends of a link. */
    public static List<ServedEnd> of(FiberLink link) {
        List<ServedEnd> served = new ArrayList<>(4);
        add(served, link.getAEnd(), A);
        add(served, link.getZEnd(), Z);
        return served;
    }

    private static void add(List<ServedEnd> served, LinkEnd end, int number) {
        if (end.getTxComponent().equals(end.getRxComponent())) {
            served.add(new ServedEnd(end.getNodeId(), end.getTxComponent(), number, TX | RX));
        } else {
            served.add(new ServedEnd(end.getNodeId(), end.getTxComponent(), number, TX));
            served.add(new ServedEnd(end.getNodeId(), end.getRxComponent(), number, RX));
        }
    }
}
