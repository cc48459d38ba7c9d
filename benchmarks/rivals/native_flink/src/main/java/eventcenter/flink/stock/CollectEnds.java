package eventcenter.flink.stock;

import org.apache.flink.api.common.functions.AggregateFunction;

/** Aggregates both ends of a link in a window as samples come, so that no sample is kept. */
final class CollectEnds implements AggregateFunction<EndSample, LinkSecond, LinkSecond> {
    private static final long serialVersionUID = 1;

    @Override
    public LinkSecond createAccumulator() {
        return LinkSecond.empty();
    }

    @Override
    public LinkSecond add(EndSample sample, LinkSecond second) {
        second.add(sample);
        return second;
    }

    @Override
    public LinkSecond getResult(LinkSecond second) {
        return second;
    }

    @Override
    public LinkSecond merge(LinkSecond one, LinkSecond other) {
        return one.merge(other);
    }
}
