package eventcenter.flink.pm;

import java.util.Locale;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.MetricGroup;

/** Counts what is rejected, by reason. */
public final class Rejections {
    private final Counter[] counters = new Counter[Reason.values().length];

    /** Registers a counter for each reason. */
    public Rejections(MetricGroup metrics) {
        for (Reason reason : Reason.values()) {
            String name = "rejected_" + reason.name().toLowerCase(Locale.ROOT);
            counters[reason.ordinal()] = metrics.counter(name);
        }
    }

    /** Counts one. */
    public void count(Reason reason) {
        counters[reason.ordinal()].inc();
    }
}
