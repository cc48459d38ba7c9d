package eventcenter.flink.stock;

import eventcenter.flink.events.Match;
import eventcenter.flink.rules.PairRule.Confirmed;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.flink.cep.functions.PatternProcessFunction;
import org.apache.flink.cep.pattern.Pattern;
import org.apache.flink.cep.pattern.conditions.IterativeCondition;
import org.apache.flink.util.Collector;

/** The match rule as a pattern: two adjacent windows of a link that agree on a problem. */
final class MatchPattern {
    private static final String FIRST = "first", SECOND = "second";

    private MatchPattern() {}

    /** Returns the pattern. */
    static Pattern<AbnormalSecond, ?> pattern() {
        return Pattern.<AbnormalSecond>begin(FIRST)
                .next(SECOND)
                .where(new AgreesWithFirst())
                .within(Duration.ofSeconds(2));
    }

    private static final class AgreesWithFirst extends IterativeCondition<AbnormalSecond> {
        private static final long serialVersionUID = 1;

        @Override
        public boolean filter(AbnormalSecond second, Context<AbnormalSecond> context)
                throws Exception {
            return second.confirms(context.getEventsForPattern(FIRST).iterator().next());
        }
    }

    /** Makes a match of each problem that the two windows agree on. */
    static final class MakeMatches extends PatternProcessFunction<AbnormalSecond, Match> {
        private static final long serialVersionUID = 1;

        @Override
        public void processMatch(
                Map<String, List<AbnormalSecond>> found, Context context, Collector<Match> out) {
            AbnormalSecond first = found.get(FIRST).get(0);
            AbnormalSecond second = found.get(SECOND).get(0);
            for (Confirmed confirmed : second.confirmed(first)) {
                out.collect(
                        new Match(
                                second.linkId,
                                second.windowS,
                                confirmed.family(),
                                confirmed.level(),
                                confirmed.direction(),
                                1,
                                second.powers));
            }
        }
    }
}
