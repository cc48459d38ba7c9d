package eventcenter.flink.stock;

import eventcenter.flink.rules.SpanLimits;
import eventcenter.flink.topology.LinkListener;
import eventcenter.flink.topology.LinkRules;
import eventcenter.flink.topology.ServedEnd;
import eventcenter.flink.topology.TopologyKeeper;
import eventcenter.flink.topology.TopologyRecord;
import eventcenter.flink.topology.TopologyTopic;
import eventcenter.v1.Topology.FiberLink;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.metrics.Counter;
import org.apache.flink.streaming.api.functions.co.BroadcastProcessFunction;
import org.apache.flink.util.Collector;

/**
 * Finds the link ends that a sample serves.
 *
 * <p>The sample of a receiver carries the limits of its span, so that the comparison of both ends
 * needs no topology.
 */
final class JoinTopology extends BroadcastProcessFunction<Sample, TopologyRecord, EndSample>
        implements LinkListener {
    private static final long serialVersionUID = 1;

    private final TopologyKeeper topology;
    /** Link ends by node and component. */
    private transient Map<String, Map<String, List<Served>>> served;
    private transient Counter unmatched;

    private record Served(String linkId, ServedEnd end, SpanLimits received) {}

    JoinTopology(TopologyTopic topic) {
        topology = new TopologyKeeper(topic);
    }

    @Override
    public void open(OpenContext context) throws Exception {
        served = new HashMap<>();
        unmatched = getRuntimeContext().getMetricGroup().counter("components_unmatched");
        topology.open(getRuntimeContext().getMetricGroup(), this);
    }

    @Override
    public void processElement(Sample sample, ReadOnlyContext context, Collector<EndSample> out) {
        Map<String, List<Served>> ofNode = served.get(sample.nodeId);
        List<Served> ends = ofNode == null ? null : ofNode.get(sample.component);
        if (ends == null) {
            unmatched.inc();
            return;
        }
        for (Served end : ends) {
            EndSample joined = new EndSample();
            joined.linkId = end.linkId;
            joined.end = end.end.end();
            joined.roles = end.end.roles();
            joined.sample = sample;
            joined.received = end.received;
            out.collect(joined);
        }
    }

    @Override
    public void processBroadcastElement(
            TopologyRecord record, Context context, Collector<EndSample> out) {
        topology.apply(record);
    }

    @Override
    public void put(FiberLink link) {
        if (!LinkRules.isDecided(link)) {
            return;
        }
        for (ServedEnd end : ServedEnd.of(link)) {
            SpanLimits received = null;
            if ((end.roles() & ServedEnd.RX) != 0) {
                boolean atZ = end.end() == ServedEnd.Z;
                received = atZ ? SpanLimits.az(link) : SpanLimits.za(link);
            }
            served.computeIfAbsent(end.nodeId(), node -> new HashMap<>())
                    .computeIfAbsent(end.component(), component -> new ArrayList<>(1))
                    .add(new Served(link.getLinkId(), end, received));
        }
    }

    @Override
    public void remove(FiberLink link) {
        for (ServedEnd end : ServedEnd.of(link)) {
            Map<String, List<Served>> ofNode = served.getOrDefault(end.nodeId(), Map.of());
            List<Served> ends = ofNode.get(end.component());
            if (ends != null) {
                ends.removeIf(one -> one.linkId.equals(link.getLinkId()));
                if (ends.isEmpty()) {
                    ofNode.remove(end.component());
                }
            }
        }
    }
}
