package eventcenter.flink.stock;

import eventcenter.flink.rules.Code;
import eventcenter.flink.rules.DecisionRows;
import eventcenter.flink.rules.LinkPowers;
import eventcenter.flink.rules.SpanLimits;
import eventcenter.flink.rules.SpanLosses;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;

/**
 * Compares both ends of a link in one window. Only what is abnormal goes on: nothing else can be
 * part of a match.
 */
final class DecideLink
        extends ProcessWindowFunction<LinkSecond, AbnormalSecond, String, TimeWindow> {
    private static final long serialVersionUID = 1;
    private static final ValueStateDescriptor<Long> CUTS =
            new ValueStateDescriptor<>("cuts", Types.LONG);

    @Override
    public void process(
            String linkId,
            Context context,
            Iterable<LinkSecond> seconds,
            Collector<AbnormalSecond> out)
            throws Exception {
        LinkSecond second = seconds.iterator().next();
        long windowS = context.window().getStart() / 1000;
        double[] powers = second.powers();
        ValueState<Long> cuts = context.globalState().getState(CUTS);
        Long history = cuts.value();
        boolean cutBefore = CutHistory.at(history, windowS - 1);
        SpanLosses azLosses = LinkPowers.losses(powers, LinkPowers.AZ, known(second.az));
        SpanLosses zaLosses = LinkPowers.losses(powers, LinkPowers.ZA, known(second.za));
        Code az = DecisionRows.decide(azLosses, zaLosses, cutBefore);
        Code za = DecisionRows.decide(zaLosses, azLosses, cutBefore);
        boolean isCut = az == Code.FIBER_CUT || za == Code.FIBER_CUT;
        if (history != null || isCut) {
            cuts.update(CutHistory.with(history, windowS, isCut));
        }
        if (az.isAbnormal() || za.isAbnormal()) {
            AbnormalSecond abnormal = new AbnormalSecond();
            abnormal.linkId = linkId;
            abnormal.windowS = windowS;
            abnormal.az = az.ordinal();
            abnormal.za = za.ordinal();
            abnormal.powers = powers;
            out.collect(abnormal);
        }
    }

    private static SpanLimits known(SpanLimits limits) {
        return limits == null ? SpanLimits.UNKNOWN : limits;
    }
}
