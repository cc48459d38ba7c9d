package eventcenter.flink.tuned;

import eventcenter.flink.pm.Rejections;
import eventcenter.flink.topology.TopologyKeeper;
import eventcenter.flink.topology.TopologyRecord;
import eventcenter.flink.topology.TopologyTopic;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.streaming.api.functions.co.BroadcastProcessFunction;
import org.apache.flink.util.Collector;

/**
 * Splits reports into samples and finds the link ends that each sample serves, so that no names are
 * sent on after this step.
 */
final class ResolveEnds extends BroadcastProcessFunction<RawReport, TopologyRecord, SampleBlock> {
    private static final long serialVersionUID = 1;

    private final TopologyKeeper topology;
    private final int[] shardKeys;
    private transient ReportReader reader;

    ResolveEnds(TopologyTopic topic, int[] shardKeys) {
        topology = new TopologyKeeper(topic);
        this.shardKeys = shardKeys;
    }

    @Override
    public void open(OpenContext context) throws Exception {
        MetricGroup metrics = getRuntimeContext().getMetricGroup();
        Ports ports = new Ports(shardKeys.length);
        topology.open(metrics, ports);
        reader =
                new ReportReader(
                        ports,
                        shardKeys,
                        new Rejections(metrics),
                        metrics.counter("components_unmatched"));
    }

    @Override
    public void processElement(
            RawReport report, ReadOnlyContext context, Collector<SampleBlock> out) {
        for (SampleBlock block : reader.read(report)) {
            if (block.length > 0) {
                // Serialized before the call returns, as a shuffle follows.
                out.collect(block);
            }
        }
    }

    @Override
    public void processBroadcastElement(
            TopologyRecord record, Context context, Collector<SampleBlock> out) {
        topology.apply(record);
    }
}
