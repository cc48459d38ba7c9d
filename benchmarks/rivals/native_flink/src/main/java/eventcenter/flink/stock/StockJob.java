package eventcenter.flink.stock;

import eventcenter.flink.JobOptions;
import eventcenter.flink.Topics;
import eventcenter.flink.events.LateSample;
import eventcenter.flink.events.LateWriter;
import eventcenter.flink.events.Outgoing;
import eventcenter.flink.topology.TopologyKeeper;
import eventcenter.flink.topology.TopologyRecord;
import eventcenter.flink.topology.TopologyTopic;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.cep.CEP;
import org.apache.flink.streaming.api.datastream.BroadcastStream;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.time.Time;
import org.apache.flink.util.OutputTag;

/** The job out of Flink's own parts: broadcast join, tumbling window, CEP pattern. */
public final class StockJob {
    private static final long NS_PER_MS = 1_000_000;
    private static final OutputTag<EndSample> LATE =
            new OutputTag<>("late", EndSampleSerializer.TYPE);

    private StockJob() {}

    /** Builds the job. */
    public static void build(StreamExecutionEnvironment env, JobOptions options) {
        Topics topics = new Topics(options);
        TopologyTopic topic =
                new TopologyTopic(options.bootstrapServers(), options.topologyTopic());
        DataStream<Sample> samples =
                topics.reports(
                        env,
                        new SampleDeserializer(),
                        (sample, recordTime) -> Math.floorDiv(sample.timeNs, NS_PER_MS));
        BroadcastStream<TopologyRecord> topology =
                topics.topology(env).broadcast(TopologyKeeper.BROADCAST);

        SingleOutputStreamOperator<AbnormalSecond> abnormal =
                samples.connect(topology)
                        .process(new JoinTopology(topic), EndSampleSerializer.TYPE)
                        .name("Join topology")
                        .uid("join")
                        .keyBy(joined -> joined.linkId)
                        .window(TumblingEventTimeWindows.of(Time.seconds(1)))
                        .allowedLateness(Time.milliseconds(options.allowedLateness().toMillis()))
                        .sideOutputLateData(LATE)
                        .aggregate(
                                new CollectEnds(),
                                new DecideLink(),
                                LinkSecondSerializer.TYPE,
                                LinkSecondSerializer.TYPE,
                                TypeInformation.of(AbnormalSecond.class))
                        .name("Compare ends")
                        .uid("compare");

        topics.writeEvents(
                CEP.pattern(abnormal.keyBy(second -> second.linkId), MatchPattern.pattern())
                        .process(new MatchPattern.MakeMatches())
                        .name("Match")
                        .uid("match")
                        .connect(topology)
                        .process(new WriteEvents(topic, options.jobName()))
                        .name("Write events")
                        .uid("write-events"));
        topics.writeLate(
                abnormal.getSideOutput(LATE)
                        .map(new WriteLate(options))
                        .name("Write late")
                        .uid("write-late"));
    }

    private static final class WriteLate extends RichMapFunction<EndSample, Outgoing> {
        private static final long serialVersionUID = 1;

        private final long closesAfterMs;
        private transient LateWriter writer;

        WriteLate(JobOptions options) {
            closesAfterMs =
                    1000
                            + options.outOfOrderness().toMillis()
                            + options.allowedLateness().toMillis();
        }

        @Override
        public void open(OpenContext context) {
            writer = new LateWriter(closesAfterMs);
        }

        @Override
        public Outgoing map(EndSample late) {
            Sample sample = late.sample;
            return writer.write(
                    new LateSample(
                            sample.nodeId,
                            sample.component,
                            late.linkId,
                            late.end,
                            sample.timeNs,
                            sample.inputDbm,
                            sample.outputDbm,
                            sample.inputOscDbm,
                            sample.outputOscDbm));
        }
    }
}
