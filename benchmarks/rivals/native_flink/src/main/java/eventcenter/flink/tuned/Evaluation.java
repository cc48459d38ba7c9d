package eventcenter.flink.tuned;

import eventcenter.flink.events.Match;
import eventcenter.flink.rules.Code;
import eventcenter.flink.rules.DecisionRows;
import eventcenter.flink.rules.PairRule;
import eventcenter.flink.rules.PairRule.Confirmed;
import eventcenter.flink.rules.SpanLimits;
import eventcenter.flink.rules.SpanLosses;
import eventcenter.flink.tuned.LinkTable.Facts;
import eventcenter.flink.tuned.Shard.Window;
import eventcenter.v1.Topology.FiberLink;
import java.util.function.BiConsumer;

/** Compares both ends of links in a window, and each window with the one before. */
final class Evaluation {
    private static final int ZA_SHIFT = 4;
    private static final int CODE_MASK = 15;

    private final LinkTable links;
    private final BiConsumer<Match, FiberLink> matches;

    /** Takes the topology, and the receiver of matches. */
    Evaluation(LinkTable links, BiConsumer<Match, FiberLink> matches) {
        this.links = links;
        this.matches = matches;
    }

    /** Evaluates a window for the first time. */
    void onTime(Shard shard, Window window) {
        Facts[] facts = shard.facts(links);
        int count = Math.min(window.samples.rows, shard.rows.count());
        for (int row = 0; row < count; row++) {
            if (facts[row] != null && window.samples.has(row)) {
                int before = shard.codes.at(row, window.startS - 1);
                int now = decide(window.samples, row, facts[row], before);
                shard.codes.set(row, window.startS, now);
                if (isAbnormal(now) && isAbnormal(before)) {
                    for (Confirmed confirmed : confirmed(before, now)) {
                        publish(window, row, facts[row], confirmed, 1);
                    }
                }
            }
        }
    }

    /**
     * Evaluates a window again for one link. It may confirm the window after it, which is not
     * decided again.
     */
    void late(Shard shard, Window window, int row) {
        Facts facts = shard.facts(links)[row];
        if (facts == null) {
            return;
        }
        long startS = window.startS;
        int before = shard.codes.at(row, startS - 1);
        int was = shard.codes.at(row, startS);
        int next = shard.codes.at(row, startS + 1);
        for (Confirmed stood : confirmed(before, was)) {
            shard.published.stood(row, stood.family(), startS, stood.level());
        }
        for (Confirmed stood : confirmed(was, next)) {
            shard.published.stood(row, stood.family(), startS + 1, stood.level());
        }
        int now = decide(window.samples, row, facts, before);
        shard.codes.set(row, startS, now);
        publishNews(shard, window, row, facts, before, now);
        Window after = shard.window(startS + 1);
        if (after != null) {
            publishNews(shard, after, row, facts, now, next);
        }
    }

    private void publishNews(
            Shard shard, Window window, int row, Facts facts, int before, int now) {
        for (Confirmed confirmed : confirmed(before, now)) {
            int sequence =
                    shard.published.sequenceFor(
                            row, confirmed.family(), window.startS, confirmed.level());
            if (sequence > 0) {
                publish(window, row, facts, confirmed, sequence);
            }
        }
    }

    private void publish(
            Window window, int row, Facts facts, Confirmed confirmed, int sequence) {
        matches.accept(
                new Match(
                        facts.link().getLinkId(),
                        window.startS,
                        confirmed.family(),
                        confirmed.level(),
                        confirmed.direction(),
                        sequence,
                        window.samples.powers(row)),
                facts.link());
    }

    /** Returns the codes of both spans, packed. */
    private static int decide(WindowSamples samples, int row, Facts facts, int before) {
        int slot = WindowSamples.SLOTS * row;
        int aTx = slot + WindowSamples.A_TX;
        int aRx = slot + WindowSamples.A_RX;
        int zTx = slot + WindowSamples.Z_TX;
        int zRx = slot + WindowSamples.Z_RX;
        SpanLosses az = losses(samples, aTx, zRx, facts.az());
        SpanLosses za = losses(samples, zTx, aRx, facts.za());
        boolean cutBefore = az(before) == Code.FIBER_CUT || za(before) == Code.FIBER_CUT;
        Code azCode = DecisionRows.decide(az, za, cutBefore);
        Code zaCode = DecisionRows.decide(za, az, cutBefore);
        return azCode.ordinal() | zaCode.ordinal() << ZA_SHIFT;
    }

    private static SpanLosses losses(WindowSamples samples, int tx, int rx, SpanLimits limits) {
        return new SpanLosses(
                samples.power[tx], samples.power[rx], samples.osc(tx), samples.osc(rx), limits);
    }

    private static Iterable<Confirmed> confirmed(int before, int now) {
        return PairRule.confirmed(az(before), za(before), az(now), za(now));
    }

    private static boolean isAbnormal(int codes) {
        return az(codes).isAbnormal() || za(codes).isAbnormal();
    }

    private static Code az(int codes) {
        return Code.of(codes & CODE_MASK);
    }

    private static Code za(int codes) {
        return Code.of(codes >> ZA_SHIFT);
    }
}
