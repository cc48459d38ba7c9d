package eventcenter.flink;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/** The options of the job, given as `--name=value` or `--name value`. */
public final class JobOptions {
    private static final Map<String, String> DEFAULTS =
            Map.of(
                    "form", "stock",
                    "out_of_orderness_s", "2",
                    "allowed_lateness_s", "5",
                    "parallelism", "1",
                    "checkpointing_interval", "1000",
                    "job_name", "native-flink");
    private static final Set<String> REQUIRED =
            Set.of(
                    "bootstrap_servers",
                    "pm_kafka_topic",
                    "topology_kafka_topic",
                    "events_kafka_topic",
                    "late_kafka_topic");

    private final Map<String, String> values;

    private JobOptions(Map<String, String> values) {
        this.values = values;
    }

    /** Reads a command line. */
    public static JobOptions parse(String[] arguments) {
        Map<String, String> values = new HashMap<>(DEFAULTS);
        for (int i = 0; i < arguments.length; i++) {
            String argument = arguments[i];
            if (!argument.startsWith("--")) {
                throw new IllegalArgumentException("not an option: " + argument);
            }
            int equals = argument.indexOf('=');
            String name = equals < 0 ? argument.substring(2) : argument.substring(2, equals);
            if (!DEFAULTS.containsKey(name) && !REQUIRED.contains(name)) {
                throw new IllegalArgumentException("no such option: --" + name);
            }
            if (equals < 0 && ++i == arguments.length) {
                throw new IllegalArgumentException("no value for --" + name);
            }
            values.put(name, equals < 0 ? arguments[i] : argument.substring(equals + 1));
        }
        for (String name : REQUIRED) {
            if (!values.containsKey(name)) {
                throw new IllegalArgumentException("--" + name + " is missing");
            }
        }
        return new JobOptions(values);
    }

    /** Returns the form of the job. */
    public String form() {
        return values.get("form");
    }

    /** Returns where the brokers are. */
    public String bootstrapServers() {
        return values.get("bootstrap_servers");
    }

    /** Returns the topic of the reports. */
    public String pmTopic() {
        return values.get("pm_kafka_topic");
    }

    /** Returns the topic of the links. */
    public String topologyTopic() {
        return values.get("topology_kafka_topic");
    }

    /** Returns the topic that takes the events. */
    public String eventsTopic() {
        return values.get("events_kafka_topic");
    }

    /** Returns the topic that takes the late samples. */
    public String lateTopic() {
        return values.get("late_kafka_topic");
    }

    /** Returns how far samples may be out of order. */
    public Duration outOfOrderness() {
        return seconds("out_of_orderness_s");
    }

    /** Returns how long after its evaluation a window may be evaluated again. */
    public Duration allowedLateness() {
        return seconds("allowed_lateness_s");
    }

    /** Returns the parallelism of all steps but the source of the topology. */
    public int parallelism() {
        return Integer.parseInt(values.get("parallelism"));
    }

    /** Returns how often a checkpoint is taken. */
    public Duration checkpointingInterval() {
        return Duration.ofMillis(Long.parseLong(values.get("checkpointing_interval")));
    }

    /** Returns the name of the job, which is the source of its events. */
    public String jobName() {
        return values.get("job_name");
    }

    private Duration seconds(String name) {
        return Duration.ofMillis(Math.round(Double.parseDouble(values.get(name)) * 1000));
    }
}
