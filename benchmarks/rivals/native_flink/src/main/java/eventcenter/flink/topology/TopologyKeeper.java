package eventcenter.flink.topology;

import eventcenter.v1.Topology.FiberLink;
import java.io.Serializable;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.api.common.state.MapStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.MetricGroup;

/**
 * Keeps the topology of one task, and a listener up to date with it.
 *
 * <p>At every start a task reads what the topology topic holds before it takes its first sample,
 * so the topology is there for every sample. Samples that waited instead would become late, as a
 * two-input function cannot hold back the watermark. Changes then come by broadcast. The topology
 * is in no checkpoint: the compacted topic is its durable copy, and a checkpoint every second would
 * write it again for every task.
 */
public final class TopologyKeeper implements Serializable {
    /** State that a broadcast stream has to name; it stays empty, see above. */
    public static final MapStateDescriptor<String, String> BROADCAST =
            new MapStateDescriptor<>("topology", Types.STRING, Types.STRING);

    private static final long serialVersionUID = 1;

    private final TopologyTopic topic;
    private transient Map<String, FiberLink> links;
    /** Where the newest record of each link lies, deletions included. */
    private transient Map<String, Place> places;
    private transient LinkListener listener;
    private transient Counter rejected;

    private record Place(int partition, long offset) {}

    /** Names where the topology comes from. */
    public TopologyKeeper(TopologyTopic topic) {
        this.topic = topic;
    }

    /** Reads the topology in force. */
    public void open(MetricGroup metrics, LinkListener newListener) throws Exception {
        listener = newListener;
        links = new HashMap<>();
        places = new HashMap<>();
        rejected = metrics.counter("topology_rejected");
        topic.read(this::apply);
    }

    /** Takes a record; one that is not newer than what is known of its link changes nothing. */
    public void apply(TopologyRecord record) {
        Place known = places.get(record.linkId);
        if (known != null
                && known.partition == record.partition
                && record.offset <= known.offset) {
            if (record.offset == known.offset && record.link == null) {
                // The stream has reached the deletion, so nothing older can follow.
                places.remove(record.linkId);
            }
            return;
        }
        FiberLink before = links.get(record.linkId);
        FiberLink link = record.link == null ? null : LinkRules.parse(record.link);
        if (record.link != null) {
            if (link == null || !link.getLinkId().equals(record.linkId)) {
                rejected.inc();
                return;
            }
            if (before != null
                    && Long.compareUnsigned(link.getVersion(), before.getVersion()) < 0) {
                return;
            }
        }
        places.put(record.linkId, new Place(record.partition, record.offset));
        if (before != null) {
            listener.remove(links.remove(record.linkId));
        }
        if (link != null) {
            links.put(record.linkId, link);
            listener.put(link);
        }
    }

    /** Returns the link in force, or null. */
    public FiberLink link(String linkId) {
        return links.get(linkId);
    }
}
