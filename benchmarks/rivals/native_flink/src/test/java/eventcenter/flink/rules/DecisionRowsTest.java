package eventcenter.flink.rules;

import static org.junit.jupiter.api.Assertions.assertEquals;

import eventcenter.v1.Topology.Span;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DecisionRowsTest {
    private static final double DARK = Double.NEGATIVE_INFINITY;

    @ParameterizedTest
    @CsvSource({
        "NaN, -5, 0, -21, NO_DATA",
        "15, NaN, 0, -21, NO_DATA",
        "-Infinity, -5, 0, -21, UPSTREAM_POWER_LOSS",
        "-35, -5, 0, -21, UPSTREAM_POWER_LOSS",
        "15, -Infinity, 0, -21.9, SIGNAL_LOSS_EQUIPMENT",
        "15, -Infinity, 0, -22, FIBER_CUT",
        "15, -Infinity, 0, -Infinity, FIBER_CUT",
        "15, -35, NaN, -21, FIBER_CUT",
        "15, -Infinity, -Infinity, -21, FIBER_CUT",
        "-5, -3.9, 0, -21, TOPOLOGY_MISMATCH",
        "-5, -4, 0, -21, NORMAL",
        "15, -15, 0, -21, FIBER_CUT",
        "15, -11, 0, -21, FIBER_DEGRADE_SEVERE",
        "15, -8, 0, -21, FIBER_DEGRADE",
        "15, -6, 0, -21, FIBER_DEGRADE_WARN",
        "15, -5.9, 0, -24, OSC_LOSS",
        "15, -5.9, 0, -Infinity, OSC_LOSS",
        "15, -5.9, 0, -23.9, NORMAL",
        "15, -5.9, NaN, -24, NORMAL",
    })
    void theFirstTrueRowDecides(
            double tx, double rx, double txOsc, double rxOsc, Code expected) {
        assertEquals(expected, DecisionRows.decide(tx, rx, txOsc, rxOsc, limits(true), false));
    }

    @Test
    void aCutIsHeldWhileBothEndsAreDark() {
        SpanLimits limits = limits(true);
        assertEquals(Code.FIBER_CUT, DecisionRows.decide(DARK, DARK, 0, DARK, limits, true));
        assertEquals(
                Code.UPSTREAM_POWER_LOSS, DecisionRows.decide(DARK, -5, 0, -21, limits, true));
    }

    @Test
    void withoutAnOscADarkReceiverIsACut() {
        assertEquals(Code.FIBER_CUT, DecisionRows.decide(15, DARK, 0, -21, limits(false), false));
    }

    private static SpanLimits limits(boolean hasOsc) {
        Span span = Span.newBuilder().setSpanLossBaseDb(20).setSpanLossBaseOscDb(21).build();
        SpanLimits limits = SpanLimits.of(span);
        limits.hasOsc = hasOsc;
        return limits;
    }
}
