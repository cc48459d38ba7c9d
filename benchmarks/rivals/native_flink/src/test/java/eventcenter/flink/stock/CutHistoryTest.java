package eventcenter.flink.stock;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class CutHistoryTest {
    private static final long NOW_S = 1_767_225_600;

    @Test
    void remembersWhichWindowsWereCut() {
        Long history = CutHistory.with(null, NOW_S, true);
        history = CutHistory.with(history, NOW_S + 1, false);
        history = CutHistory.with(history, NOW_S + 3, true);
        assertTrue(CutHistory.at(history, NOW_S));
        assertFalse(CutHistory.at(history, NOW_S + 1));
        assertFalse(CutHistory.at(history, NOW_S + 2));
        assertTrue(CutHistory.at(history, NOW_S + 3));
        assertFalse(CutHistory.at(history, NOW_S + 4));
        assertFalse(CutHistory.at(history, NOW_S - 1));
    }

    @Test
    void lateDataChangesAnEarlierWindow() {
        Long history = CutHistory.with(CutHistory.with(null, NOW_S, true), NOW_S + 1, true);
        history = CutHistory.with(history, NOW_S, false);
        assertFalse(CutHistory.at(history, NOW_S));
        assertTrue(CutHistory.at(history, NOW_S + 1));
        assertEquals(history, CutHistory.with(history, NOW_S - 15, true));
    }

    @Test
    void forgetsWhatIsLongAgo() {
        Long history = CutHistory.with(null, NOW_S, true);
        assertTrue(CutHistory.at(CutHistory.with(history, NOW_S + 15, false), NOW_S));
        assertNull(CutHistory.with(history, NOW_S + 16, false));
        assertNull(CutHistory.with(null, NOW_S, false));
    }
}
