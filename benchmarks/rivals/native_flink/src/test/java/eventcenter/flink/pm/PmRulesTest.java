package eventcenter.flink.pm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PmRulesTest {
    @ParameterizedTest
    @CsvSource({
        "1, true, -70, 5, false, -70",
        "1, true, -70.01, 5, false, -Infinity",
        "4, true, -255, 5, false, -Infinity",
        "8, true, -99, 5, false, -Infinity",
        "5, true, -99, 5, false, -99",
        "1, true, 3, 5, true, -Infinity",
        "1, false, 0, -9, false, -9",
        "1, false, 0, -99, false, -Infinity",
    })
    void readings(
            int type,
            boolean hasInstant,
            double instant,
            double avg,
            boolean noLight,
            double expected) {
        assertEquals(expected, PmRules.reading(type, hasInstant, instant, avg, noLight));
    }

    @ParameterizedTest
    @CsvSource(
            nullValues = "none",
            value = {
                "1, 0, true, -9, none",
                "1, 1, true, -9, none",
                "1, 99, true, -9, none",
                "1, -1, true, -9, none",
                "1, 2, true, -9, UNIT_MISMATCH",
                "0, 0, true, -9, UNKNOWN_TYPE",
                "21, 0, true, -9, UNKNOWN_TYPE",
                "1, 0, false, 0, NO_READING",
                "1, 0, true, NaN, NOT_FINITE",
                "1, 0, true, Infinity, NOT_FINITE",
                "1, 0, true, -Infinity, none",
                "15, 0, true, -Infinity, NOT_FINITE",
                "1, 0, true, 35, none",
                "1, 0, true, 35.1, OUT_OF_RANGE",
                "15, 0, true, 35.1, none",
            })
    void values(int type, int unit, boolean hasReading, double reading, Reason expected) {
        assertEquals(expected, PmRules.check(type, unit, hasReading, reading, false));
    }

    @Test
    void stateNumbersThatAreNotInTheListCount() {
        assertTrue(PmRules.hasData(77, 77));
        assertFalse(PmRules.hasData(3, 1));
        assertFalse(PmRules.hasData(1, 2));
    }

    @Test
    void timesStartWithTheYear2000() {
        assertTrue(PmRules.isTime(946_684_800_000_000_000L));
        assertFalse(PmRules.isTime(946_684_799_999_999_999L));
        assertFalse(PmRules.isTime(1_767_225_600_000L));
        assertFalse(PmRules.isTime(-1));
    }
}
