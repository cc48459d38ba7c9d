package eventcenter.flink.stock;

import eventcenter.flink.events.EventWriter;
import eventcenter.flink.events.Match;
import eventcenter.flink.events.Outgoing;
import eventcenter.flink.topology.LinkListener;
import eventcenter.flink.topology.TopologyKeeper;
import eventcenter.flink.topology.TopologyRecord;
import eventcenter.flink.topology.TopologyTopic;
import eventcenter.v1.Topology.FiberLink;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.streaming.api.functions.co.BroadcastProcessFunction;
import org.apache.flink.util.Collector;

/** Adds to matches what the topology says of their link, and writes them as CloudEvents. */
final class WriteEvents extends BroadcastProcessFunction<Match, TopologyRecord, Outgoing> {
    private static final long serialVersionUID = 1;

    private final TopologyKeeper topology;
    private final String source;
    private transient EventWriter writer;

    WriteEvents(TopologyTopic topic, String source) {
        topology = new TopologyKeeper(topic);
        this.source = source;
    }

    @Override
    public void open(OpenContext context) throws Exception {
        writer = new EventWriter(source);
        topology.open(getRuntimeContext().getMetricGroup(), LinkListener.NOBODY);
    }

    @Override
    public void processElement(Match match, ReadOnlyContext context, Collector<Outgoing> out) {
        FiberLink link = topology.link(match.linkId);
        if (link != null) {
            out.collect(writer.write(match, link));
        }
    }

    @Override
    public void processBroadcastElement(
            TopologyRecord record, Context context, Collector<Outgoing> out) {
        topology.apply(record);
    }
}
