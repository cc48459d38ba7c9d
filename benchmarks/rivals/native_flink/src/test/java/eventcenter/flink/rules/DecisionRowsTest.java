package eventcenter.flink.rules;

import static org.junit.jupiter.api.Assertions.assertEquals;

import eventcenter.v1.Topology.Span;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The decision rows, worked out by hand: a base of 10 dB, and of 12 dB for the OSC. */
class DecisionRowsTest {
    private static final double NONE = Double.NaN;
    private static final double DARK = Double.NEGATIVE_INFINITY;
    private static final Span BOTH_BASES =
            Span.newBuilder().setSpanLossBaseDb(10).setSpanLossBaseOscDb(12).build();
    private static final Span NO_OSC_BASE = Span.newBuilder().setSpanLossBaseDb(10).build();
    private static final Span NO_BASE = Span.newBuilder().setSpanLossBaseOscDb(12).build();

    @ParameterizedTest
    @CsvSource({
        // Row 1.
        "NaN, -9, 1, -11, NO_DATA",
        "1, NaN, 1, -11, NO_DATA",
        "-Infinity, NaN, 1, -Infinity, NO_DATA",
        // Row 2a, the OSC at -35, and a little above it.
        "-Infinity, -Infinity, 1, -Infinity, FIBER_CUT",
        "-35, -36, 1, -35, FIBER_CUT",
        "-Infinity, -Infinity, 1, -34.9, UPSTREAM_POWER_LOSS",
        "-Infinity, -9, 1, -Infinity, UPSTREAM_POWER_LOSS",
        // Row 4.
        "-35, -9, NaN, NaN, UPSTREAM_POWER_LOSS",
        // Rows 5 and 6, with Do = 0, 0.9, 1 and no OSC.
        "1, -Infinity, 1, -11, SIGNAL_LOSS_EQUIPMENT",
        "1, -35, 1, -11.9, SIGNAL_LOSS_EQUIPMENT",
        "1, -Infinity, 1, -12, FIBER_CUT",
        "1, -Infinity, 1, -Infinity, FIBER_CUT",
        "1, -Infinity, -Infinity, -11, FIBER_CUT",
        "1, -Infinity, NaN, -11, FIBER_CUT",
        "1, -Infinity, 1, NaN, FIBER_CUT",
        // Row 7, by L and by D.
        "1, 2.5, NaN, NaN, TOPOLOGY_MISMATCH",
        "1, -3, NaN, NaN, TOPOLOGY_MISMATCH",
        "1, -3.1, NaN, NaN, NORMAL",
        // Row 8, at Do = D / 5 and at Do = 1.
        "1, -12, 1, -11.5, SIGNAL_DEGRADE",
        "1, -12, 1, -11.625, FIBER_DEGRADE",
        "1, -12, 1, -10, SIGNAL_DEGRADE",
        "1, -14, 1, -11.9375, SIGNAL_DEGRADE",
        "1, -14, 1, -12, FIBER_DEGRADE",
        "1, -19, 1, -11.9375, SIGNAL_DEGRADE",
        "1, -19, 1, -12, FIBER_CUT",
        "1, -11.9, 1, -11, FIBER_DEGRADE_WARN",
        // Rows 9 to 12.
        "1, -19, NaN, NaN, FIBER_CUT",
        "1, -18.9, NaN, NaN, FIBER_DEGRADE_SEVERE",
        "1, -15, NaN, NaN, FIBER_DEGRADE_SEVERE",
        "1, -14.9, NaN, NaN, FIBER_DEGRADE",
        "1, -12, NaN, NaN, FIBER_DEGRADE",
        "1, -11.9, NaN, NaN, FIBER_DEGRADE_WARN",
        "1, -10, 1, -Infinity, FIBER_DEGRADE_WARN",
        "1, -9.9, NaN, NaN, NORMAL",
        // Rows 13 and 14.
        "1, -9, 1, -14, OSC_LOSS",
        "1, -9, 1, -13.9, NORMAL",
        "1, -9, 1, -Infinity, OSC_LOSS",
        "1, -9, 1, -35, OSC_LOSS",
        "1, -9, -Infinity, -Infinity, NORMAL",
        "1, -9, 1, -11, NORMAL",
    })
    void theFirstTrueRowDecides(double tx, double rx, double txOsc, double rxOsc, Code expected) {
        SpanLosses span = new SpanLosses(tx, rx, txOsc, rxOsc, withOsc(BOTH_BASES));
        assertEquals(expected, DecisionRows.decide(span, sound(), false));
    }

    @ParameterizedTest
    @CsvSource({
        // Row 2c: no OSC, the other receiver dark, and a cut in the window before.
        "NaN, NaN, 1, -Infinity, NaN, true, FIBER_CUT",
        "NaN, NaN, -Infinity, -Infinity, NaN, true, FIBER_CUT",
        "-Infinity, -12, 1, -Infinity, NaN, true, FIBER_CUT",
        "NaN, NaN, 1, -Infinity, NaN, false, UPSTREAM_POWER_LOSS",
        "NaN, NaN, 1, -9, NaN, true, UPSTREAM_POWER_LOSS",
        "NaN, NaN, 1, NaN, NaN, true, UPSTREAM_POWER_LOSS",
        "1, -12, 1, -Infinity, NaN, true, UPSTREAM_POWER_LOSS",
        // Row 3: all dark, and no OSC on either span.
        "NaN, NaN, -Infinity, -Infinity, NaN, false, LINK_DARK",
        "-Infinity, -11, -36, -35, NaN, false, LINK_DARK",
        "NaN, NaN, -Infinity, -Infinity, -11, false, UPSTREAM_POWER_LOSS",
        "1, -11, -Infinity, -Infinity, NaN, false, UPSTREAM_POWER_LOSS",
        "NaN, NaN, NaN, -Infinity, NaN, false, UPSTREAM_POWER_LOSS",
        "NaN, NaN, -Infinity, -9, NaN, false, UPSTREAM_POWER_LOSS",
    })
    void withBothEndsDarkTheOtherSpanCounts(
            double txOsc,
            double rxOsc,
            double otherTx,
            double otherRx,
            double otherRxOsc,
            boolean cutBefore,
            Code expected) {
        SpanLimits limits = withOsc(BOTH_BASES);
        SpanLosses span = new SpanLosses(DARK, DARK, txOsc, rxOsc, limits);
        SpanLosses other = new SpanLosses(otherTx, otherRx, 1, otherRxOsc, limits);
        assertEquals(expected, DecisionRows.decide(span, other, cutBefore));
    }

    @Test
    void theOtherReceiverIsDarkByItsOwnThreshold() {
        SpanLimits high = withOsc(BOTH_BASES);
        high.losDbm = -20;
        SpanLosses span = new SpanLosses(DARK, DARK, NONE, NONE, high);
        SpanLosses lit = new SpanLosses(1, -30, NONE, NONE, withOsc(BOTH_BASES));
        assertEquals(Code.UPSTREAM_POWER_LOSS, DecisionRows.decide(span, lit, true));
        SpanLosses dark = new SpanLosses(1, -30, NONE, NONE, high);
        assertEquals(Code.FIBER_CUT, DecisionRows.decide(span, dark, true));
    }

    @ParameterizedTest
    @CsvSource({
        // Not stated: -35, or 10 dB below what the base lets expect, if that is lower.
        "NaN, 30, 1, -38.9, UPSTREAM_POWER_LOSS",
        "NaN, 30, 1, -39, FIBER_CUT",
        "NaN, 1, -20, -34.9, UPSTREAM_POWER_LOSS",
        "NaN, 1, -20, -35, FIBER_CUT",
        "NaN, NaN, 1, -34.9, UPSTREAM_POWER_LOSS",
        "NaN, NaN, 1, -35, FIBER_CUT",
        // Stated: for both ends, whatever the base.
        "-30, 30, 1, -38.9, FIBER_CUT",
        "-30, 12, 1, -30, FIBER_CUT",
        "-30, 12, 1, -29.9, UPSTREAM_POWER_LOSS",
        "-40, 12, 1, -39, UPSTREAM_POWER_LOSS",
        "-30, 12, -30, -Infinity, UPSTREAM_POWER_LOSS",
    })
    void darknessOfTheOsc(
            double losOscDbm, double baseOscDb, double txOsc, double rxOsc, Code expected) {
        SpanLimits limits = withOsc(BOTH_BASES);
        limits.losOscDbm = losOscDbm;
        limits.baseOscDb = baseOscDb;
        SpanLosses span = new SpanLosses(DARK, DARK, txOsc, rxOsc, limits);
        assertEquals(expected, DecisionRows.decide(span, sound(), false));
    }

    @ParameterizedTest
    @CsvSource({
        "1, -Infinity, 1, -30, SIGNAL_LOSS_EQUIPMENT",
        "1, -Infinity, 1, -Infinity, FIBER_CUT",
        "-Infinity, -Infinity, 1, -Infinity, FIBER_CUT",
        "1, -12, 1, -11, FIBER_DEGRADE",
        "1, -9, 1, -30, NORMAL",
    })
    void withoutABaseOfTheOsc(double tx, double rx, double txOsc, double rxOsc, Code expected) {
        SpanLosses span = new SpanLosses(tx, rx, txOsc, rxOsc, withOsc(NO_OSC_BASE));
        assertEquals(expected, DecisionRows.decide(span, sound(), false));
    }

    @ParameterizedTest
    @CsvSource({
        "1, 2.5, NaN, NaN, TOPOLOGY_MISMATCH",
        "1, 2, NaN, NaN, NORMAL",
        "1, -3, NaN, NaN, NORMAL",
        "1, -34.9, NaN, NaN, NORMAL",
        "1, -34.9, 1, -14, OSC_LOSS",
    })
    void withoutABase(double tx, double rx, double txOsc, double rxOsc, Code expected) {
        SpanLosses span = new SpanLosses(tx, rx, txOsc, rxOsc, withOsc(NO_BASE));
        assertEquals(expected, DecisionRows.decide(span, sound(), false));
    }

    @Test
    void withoutAnOscItsPowersDoNotCount() {
        SpanLosses span = new SpanLosses(1, DARK, 1, -11, SpanLimits.of(BOTH_BASES));
        assertEquals(Code.FIBER_CUT, DecisionRows.decide(span, sound(), false));
        assertEquals("osc-not-available", DecisionRows.specificProblem(Code.FIBER_CUT, span));
    }

    @ParameterizedTest
    @CsvSource(
            nullValues = "none",
            value = {
                "FIBER_CUT, 1, -Infinity, NaN, osc-not-available",
                "FIBER_CUT, 1, -Infinity, -Infinity, none",
                "FIBER_CUT, -Infinity, -Infinity, NaN, none",
                "FIBER_CUT, 1, -19, NaN, none",
                "FIBER_DEGRADE, 1, -Infinity, NaN, none",
                "TOPOLOGY_MISMATCH, 1, -3, NaN, loss-below-base",
                "TOPOLOGY_MISMATCH, 1, 2, NaN, loss-below-base",
                "TOPOLOGY_MISMATCH, 1, 2.5, NaN, none",
            })
    void specificProblems(Code code, double tx, double rx, double rxOsc, String expected) {
        SpanLosses span = new SpanLosses(tx, rx, 1, rxOsc, withOsc(BOTH_BASES));
        assertEquals(expected, DecisionRows.specificProblem(code, span));
    }

    private static SpanLosses sound() {
        return new SpanLosses(1, -9, NONE, NONE, withOsc(BOTH_BASES));
    }

    private static SpanLimits withOsc(Span span) {
        SpanLimits limits = SpanLimits.of(span);
        limits.hasOsc = true;
        return limits;
    }
}
