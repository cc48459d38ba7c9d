package eventcenter.flink.tuned;

import eventcenter.flink.topology.LinkListener;
import eventcenter.flink.topology.LinkRules;
import eventcenter.flink.topology.ServedEnd;
import eventcenter.v1.Topology.FiberLink;
import java.util.Arrays;

/** Which link ends the components of all nodes serve, by the bytes of their names. */
final class Ports implements LinkListener {
    private static final Port[] NONE = {};

    private final int shards;
    private final Names<Names<Port[]>> nodes = new Names<>();

    /**
     * A link end that a component serves.
     *
     * @param link number of the link
     * @param shard shard of the link
     * @param flags end and roles, flags of `SampleBlock`
     */
    record Port(long link, int shard, int flags) {}

    Ports(int shards) {
        this.shards = shards;
    }

    /** Returns the components of a node, or null. */
    Names<Port[]> ofNode(byte[] bytes, int from, int length) {
        Names.Entry<Names<Port[]>> entry = nodes.find(bytes, from, length);
        return entry == null ? null : entry.value;
    }

    @Override
    public void put(FiberLink link) {
        if (!LinkRules.isDecided(link)) {
            return;
        }
        long key = Keys.ofLink(link.getLinkId());
        for (ServedEnd end : ServedEnd.of(link)) {
            Names<Port[]> components = nodes.get(end.nodeId());
            if (components == null) {
                components = new Names<>();
                nodes.put(end.nodeId(), components);
            }
            Port[] known = components.get(end.component());
            Port[] before = known == null ? NONE : known;
            Port[] ports = Arrays.copyOf(before, before.length + 1);
            ports[ports.length - 1] = new Port(key, Keys.shardOf(key, shards), flags(end));
            components.put(end.component(), ports);
        }
    }

    @Override
    public void remove(FiberLink link) {
        long key = Keys.ofLink(link.getLinkId());
        for (ServedEnd end : ServedEnd.of(link)) {
            Names<Port[]> components = nodes.get(end.nodeId());
            Port[] known = components == null ? null : components.get(end.component());
            if (known != null) {
                components.put(
                        end.component(),
                        Arrays.stream(known)
                                .filter(port -> port.link != key)
                                .toArray(Port[]::new));
            }
        }
    }

    private static int flags(ServedEnd end) {
        return (end.end() == ServedEnd.Z ? SampleBlock.END_Z : 0)
                | ((end.roles() & ServedEnd.TX) != 0 ? SampleBlock.TX : 0)
                | ((end.roles() & ServedEnd.RX) != 0 ? SampleBlock.RX : 0);
    }
}
