package eventcenter.flink.tuned;

import eventcenter.flink.events.EventWriter;
import eventcenter.flink.events.LateSample;
import eventcenter.flink.events.LateWriter;
import eventcenter.flink.events.Outgoing;
import eventcenter.flink.topology.TopologyKeeper;
import eventcenter.flink.topology.TopologyRecord;
import eventcenter.flink.topology.TopologyTopic;
import eventcenter.flink.tuned.LinkTable.Facts;
import eventcenter.flink.tuned.Shard.Window;
import eventcenter.v1.Topology.LinkEnd;
import java.util.Comparator;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.streaming.api.functions.co.KeyedBroadcastProcessFunction;
import org.apache.flink.util.Collector;
import org.apache.flink.util.OutputTag;

/**
 * Windows, decisions and matches of all links of a shard in one step: two timers per second and
 * shard, where Flink's own window has two per second and link.
 *
 * <p>Windows open, fire and close exactly when Flink's tumbling windows with allowed lateness do.
 */
final class CompareLinks
        extends KeyedBroadcastProcessFunction<Integer, SampleBlock, TopologyRecord, Outgoing> {
    /** Samples that came after their window had closed. */
    static final OutputTag<Outgoing> LATE =
            new OutputTag<>("late", TypeInformation.of(Outgoing.class));

    private static final long serialVersionUID = 1;
    private static final long NS_PER_S = 1_000_000_000;
    private static final ValueStateDescriptor<Shard> SHARD =
            new ValueStateDescriptor<>("shard", ShardSerializer.TYPE);
    /** Windows on which a decision may depend, in addition to those of the allowed lateness. */
    private static final int NEIGHBOURS = 3;

    private final TopologyKeeper topology;
    private final String source;
    private final long outOfOrdernessMs;
    private final long latenessMs;
    private transient LinkTable links;
    private transient ValueState<Shard> shards;
    private transient SampleBlock.Reader samples;
    private transient EventWriter events;
    private transient LateWriter lateWriter;

    CompareLinks(TopologyTopic topic, String source, long outOfOrdernessMs, long latenessMs) {
        topology = new TopologyKeeper(topic);
        this.source = source;
        this.outOfOrdernessMs = outOfOrdernessMs;
        this.latenessMs = latenessMs;
    }

    @Override
    public void open(OpenContext context) throws Exception {
        links = new LinkTable();
        topology.open(getRuntimeContext().getMetricGroup(), links);
        shards = getRuntimeContext().getState(SHARD);
        samples = new SampleBlock.Reader();
        events = new EventWriter(source);
        lateWriter = new LateWriter(1000 + outOfOrdernessMs + latenessMs);
    }

    @Override
    public void processElement(
            SampleBlock block, ReadOnlyContext context, Collector<Outgoing> out)
            throws Exception {
        Shard shard = shards.value();
        if (shard == null) {
            shard = new Shard((int) ((latenessMs + 999) / 1000) + NEIGHBOURS);
        }
        TreeMap<Long, TreeSet<Integer>> again = null;
        long windowStartNs = Long.MAX_VALUE;
        Window window = null;
        samples.set(block);
        while (samples.next()) {
            if (samples.timeNs < windowStartNs || samples.timeNs - windowStartNs >= NS_PER_S) {
                long startS = Math.floorDiv(samples.timeNs, NS_PER_S);
                windowStartNs = startS * NS_PER_S;
                window = openWindow(shard, startS, context);
            }
            if (window == null) {
                writeLate(context);
            } else if ((samples.flags & SampleBlock.HAS_DATA) != 0) {
                int row = shard.row(samples.link);
                put(shard.writable(window), row, block.sequence);
                if (window.evaluated) {
                    again = again == null ? new TreeMap<>() : again;
                    again.computeIfAbsent(window.startS, s -> new TreeSet<>()).add(row);
                }
            }
        }
        if (again != null) {
            evaluateAgain(shard, again, out);
        }
        shards.update(shard);
    }

    /** Returns the window of a second, or null if it has closed. */
    private Window openWindow(Shard shard, long startS, ReadOnlyContext context) {
        long lastMs = lastMs(startS);
        long watermark = context.currentWatermark();
        if (lastMs + latenessMs <= watermark) {
            return null;
        }
        Window window = shard.window(startS);
        if (window == null) {
            window = shard.open(startS, lastMs <= watermark);
            context.timerService().registerEventTimeTimer(lastMs);
            context.timerService().registerEventTimeTimer(lastMs + latenessMs);
        }
        return window;
    }

    private void put(WindowSamples window, int row, long sequence) {
        boolean atZ = (samples.flags & SampleBlock.END_Z) != 0;
        if ((samples.flags & SampleBlock.TX) != 0) {
            int slot = atZ ? WindowSamples.Z_TX : WindowSamples.A_TX;
            window.put(row, slot, samples.timeNs, sequence, samples.output, samples.outputOsc);
        }
        if ((samples.flags & SampleBlock.RX) != 0) {
            int slot = atZ ? WindowSamples.Z_RX : WindowSamples.A_RX;
            window.put(row, slot, samples.timeNs, sequence, samples.input, samples.inputOsc);
        }
    }

    private void evaluateAgain(
            Shard shard, TreeMap<Long, TreeSet<Integer>> again, Collector<Outgoing> out) {
        Evaluation evaluation = evaluation(out);
        again.forEach(
                (startS, rows) ->
                        rows.forEach(row -> evaluation.late(shard, shard.window(startS), row)));
    }

    @Override
    public void onTimer(long timeMs, OnTimerContext context, Collector<Outgoing> out)
            throws Exception {
        Shard shard = shards.value();
        if (shard == null) {
            return;
        }
        Evaluation evaluation = evaluation(out);
        shard.windows.stream()
                .filter(window -> !window.evaluated && lastMs(window.startS) <= timeMs)
                .sorted(Comparator.comparingLong(window -> window.startS))
                .forEach(
                        window -> {
                            window.evaluated = true;
                            evaluation.onTime(shard, window);
                        });
        if (shard.windows.removeIf(window -> lastMs(window.startS) + latenessMs <= timeMs)) {
            shard.published.forgetBefore(Math.floorDiv(timeMs - latenessMs, 1000L));
        }
        shards.update(shard);
    }

    private Evaluation evaluation(Collector<Outgoing> out) {
        return new Evaluation(links, (match, link) -> out.collect(events.write(match, link)));
    }

    private void writeLate(ReadOnlyContext context) {
        Facts facts = links.get(samples.link);
        if (facts == null) {
            return;
        }
        boolean atZ = (samples.flags & SampleBlock.END_Z) != 0;
        LinkEnd end = atZ ? facts.link().getZEnd() : facts.link().getAEnd();
        boolean launches = (samples.flags & SampleBlock.TX) != 0;
        LateSample late =
                new LateSample(
                        end.getNodeId(),
                        launches ? end.getTxComponent() : end.getRxComponent(),
                        facts.link().getLinkId(),
                        atZ ? 1 : 0,
                        samples.timeNs,
                        samples.input,
                        samples.output,
                        samples.inputOsc,
                        samples.outputOsc);
        context.output(LATE, lateWriter.write(late));
    }

    /** Returns the last millisecond of a window. */
    private static long lastMs(long startS) {
        return startS * 1000 + 999;
    }

    @Override
    public void processBroadcastElement(
            TopologyRecord record, Context context, Collector<Outgoing> out) {
        topology.apply(record);
    }
}
