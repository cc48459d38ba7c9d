package eventcenter.flink.tuned;

import eventcenter.flink.JobOptions;
import eventcenter.flink.Topics;
import eventcenter.flink.events.Outgoing;
import eventcenter.flink.topology.TopologyKeeper;
import eventcenter.flink.topology.TopologyRecord;
import eventcenter.flink.topology.TopologyTopic;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.streaming.api.datastream.BroadcastStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** The job by hand: numbers instead of names, blocks instead of samples, one stateful step. */
public final class TunedJob {
    /** Number of shards of the links, and limit of the number of tasks. */
    private static final int SHARDS = 8;

    private TunedJob() {}

    /** Builds the job. */
    public static void build(StreamExecutionEnvironment env, JobOptions options) {
        Topics topics = new Topics(options);
        TopologyTopic topic =
                new TopologyTopic(options.bootstrapServers(), options.topologyTopic());
        BroadcastStream<TopologyRecord> topology =
                topics.topology(env).broadcast(TopologyKeeper.BROADCAST);
        int[] shardKeys = Keys.ofShards(SHARDS, env.getMaxParallelism());

        SingleOutputStreamOperator<Outgoing> events =
                topics.reports(
                                env,
                                new RawReportDeserializer(),
                                (report, recordTime) -> report.eventTimeMs)
                        .connect(topology)
                        .process(new ResolveEnds(topic, shardKeys), SampleBlockSerializer.TYPE)
                        .name("Resolve ends")
                        .uid("resolve")
                        .keyBy(block -> block.shardKey, Types.INT)
                        .connect(topology)
                        .process(
                                new CompareLinks(
                                        topic,
                                        options.jobName(),
                                        options.outOfOrderness().toMillis(),
                                        options.allowedLateness().toMillis()),
                                TypeInformation.of(Outgoing.class))
                        .name("Compare links")
                        .uid("compare");
        topics.writeEvents(events);
        topics.writeLate(events.getSideOutput(CompareLinks.LATE));
    }
}
