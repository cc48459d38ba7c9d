package eventcenter.flink.rules;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import eventcenter.flink.rules.PairRule.Confirmed;
import java.util.List;
import org.junit.jupiter.api.Test;

class PairRuleTest {
    @Test
    void theLowerLevelOfTheTwoWindowsIsConfirmed() {
        assertEquals(
                List.of(new Confirmed(Family.FIBER, 2, PairRule.AZ)),
                PairRule.confirmed(
                        Code.FIBER_DEGRADE, Code.NORMAL, Code.FIBER_DEGRADE_SEVERE, Code.NORMAL));
    }

    @Test
    void bothSpansOfALinkMakeOneMatchAtTheHigherLevel() {
        assertEquals(
                List.of(new Confirmed(Family.FIBER, 4, PairRule.AZ | PairRule.ZA)),
                PairRule.confirmed(
                        Code.FIBER_CUT, Code.FIBER_DEGRADE, Code.FIBER_CUT, Code.FIBER_DEGRADE));
    }

    @Test
    void twoFamiliesMakeTwoMatches() {
        assertEquals(
                List.of(
                        new Confirmed(Family.FIBER, 1, PairRule.ZA),
                        new Confirmed(Family.OSC, 1, PairRule.AZ)),
                PairRule.confirmed(
                        Code.OSC_LOSS, Code.FIBER_DEGRADE_WARN, Code.OSC_LOSS, Code.FIBER_CUT));
    }

    @Test
    void levelsOfTheSignalAreInCommonToo() {
        assertEquals(
                List.of(new Confirmed(Family.SIGNAL, 2, PairRule.AZ | PairRule.ZA)),
                PairRule.confirmed(
                        Code.SIGNAL_DEGRADE,
                        Code.UPSTREAM_POWER_LOSS,
                        Code.LINK_DARK,
                        Code.LINK_DARK));
        assertEquals(Code.SIGNAL_DEGRADE, Code.of(Family.SIGNAL, 2));
    }

    @Test
    void otherFamiliesAndMissingDataConfirmNothing() {
        assertTrue(
                PairRule.confirmed(
                                Code.FIBER_CUT,
                                Code.NO_DATA,
                                Code.UPSTREAM_POWER_LOSS,
                                Code.NO_DATA)
                        .isEmpty());
    }
}
