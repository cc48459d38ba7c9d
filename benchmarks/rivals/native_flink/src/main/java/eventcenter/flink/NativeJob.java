package eventcenter.flink;

import eventcenter.flink.stock.StockJob;
import eventcenter.flink.tuned.TunedJob;
import java.time.Duration;
import org.apache.flink.api.common.RuntimeExecutionMode;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.streaming.api.CheckpointingMode;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** Starts the job in one of its two forms. */
public final class NativeJob {
    /** Number of key groups, the limit of the parallelism. */
    public static final int MAX_PARALLELISM = 128;

    private NativeJob() {}

    /** Submits the job. */
    public static void main(String[] arguments) throws Exception {
        JobOptions options = JobOptions.parse(arguments);
        StreamExecutionEnvironment env = environment(options);
        switch (options.form()) {
            case "stock" -> StockJob.build(env, options);
            case "tuned" -> TunedJob.build(env, options);
            default -> throw new IllegalArgumentException("--form is stock or tuned");
        }
        env.execute(options.jobName());
    }

    private static StreamExecutionEnvironment environment(JobOptions options) {
        Configuration config = new Configuration();
        config.set(RestartStrategyOptions.RESTART_STRATEGY, "fixed-delay");
        config.set(
                RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_ATTEMPTS, Integer.MAX_VALUE);
        config.set(
                RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_DELAY, Duration.ofSeconds(1));
        StreamExecutionEnvironment env =
                StreamExecutionEnvironment.getExecutionEnvironment(config);
        env.setRuntimeMode(RuntimeExecutionMode.STREAMING);
        env.setParallelism(options.parallelism());
        env.setMaxParallelism(MAX_PARALLELISM);
        env.enableCheckpointing(
                options.checkpointingInterval().toMillis(), CheckpointingMode.EXACTLY_ONCE);
        // Nothing may fall back to Kryo.
        env.getConfig().disableGenericTypes();
        // No step keeps or changes a record after handing it on.
        env.getConfig().enableObjectReuse();
        return env;
    }
}
