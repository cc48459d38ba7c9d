package eventcenter.flink.stock;

import eventcenter.flink.rules.Code;
import eventcenter.flink.rules.LinkPowers;
import eventcenter.flink.rules.PairRule;
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
        int before = CutHistory.at(history, windowS - 1);
        boolean azCut = (before & PairRule.AZ) != 0;
        boolean zaCut = (before & PairRule.ZA) != 0;
        Code az = LinkPowers.decide(powers, LinkPowers.AZ, second.az, azCut);
        Code za = LinkPowers.decide(powers, LinkPowers.ZA, second.za, zaCut);
        int cut =
                (az == Code.FIBER_CUT ? PairRule.AZ : 0)
                        | (za == Code.FIBER_CUT ? PairRule.ZA : 0);
        if (history != null || cut != 0) {
            cuts.update(CutHistory.with(history, windowS, cut));
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
}
