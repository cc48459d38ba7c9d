package eventcenter.flink.events;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.TextFormat;
import eventcenter.flink.rules.Family;
import eventcenter.flink.rules.PairRule;
import eventcenter.v1.Topology.FiberLink;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class EventWriterTest {
    private static final double DARK = Double.NEGATIVE_INFINITY;
    private static final double NONE = Double.NaN;
    private static final int BOTH = PairRule.AZ | PairRule.ZA;
    private static final double[] CUT_OF_AZ = {1, DARK, NONE, NONE, 1, -9, NONE, NONE};

    @ParameterizedTest
    @CsvSource({
        "services { capacity_gbps: 400 }, critical, SERVICE_AFFECTING",
        "services { protected: true } services { }, critical, SERVICE_AFFECTING",
        "services { protected: true }, major, NOT_SERVICE_AFFECTING",
        "services { } protected: true, major, NOT_SERVICE_AFFECTING",
        "'', major, NOT_SERVICE_AFFECTING",
    })
    void whatIsProtectedSuffersLess(String fields, String severity, String affecting)
            throws Exception {
        String event = written(fields, Family.FIBER, 4, PairRule.AZ, CUT_OF_AZ);
        assertHas(event, "\"severity\":\"" + severity + "\"");
        assertHas(event, "\"service_affecting\":\"" + affecting + "\"");
    }

    @Test
    void everyServiceSuffersFromADarkLink() throws Exception {
        double[] dark = {DARK, DARK, NONE, NONE, DARK, DARK, NONE, NONE};
        String event = written("services { }", Family.SIGNAL, 4, BOTH, dark);
        assertHas(event, "\"code\":\"LINK_DARK\",\"family\":\"SIGNAL\",\"severity\":\"major\"");
        assertHas(event, "\"service_affecting\":\"SERVICE_AFFECTING\"");
    }

    @Test
    void theSpecificProblemIsThatOfASpanOfTheDirection() throws Exception {
        String cut = written("", Family.FIBER, 4, BOTH, CUT_OF_AZ);
        assertHas(cut, "\"specific_problem\":\"osc-not-available\"");
        String other = written("", Family.FIBER, 4, PairRule.ZA, CUT_OF_AZ);
        assertHas(other, "\"specific_problem\":null");
    }

    @Test
    void powersAndLossesAreRounded() throws Exception {
        double[] powers = {1.005, -9.125, NONE, NONE, 1.234, DARK, NONE, NONE};
        String event =
                written("az { span_loss_base_db: 10.13 }", Family.FIBER, 4, PairRule.ZA, powers);
        assertHas(
                event,
                "\"AZ\":{\"tx_dbm\":1.0,\"rx_dbm\":-9.12,\"span_loss_db\":10.13,"
                        + "\"span_loss_osc_db\":null,\"base_db\":10.13,\"delta_db\":0.0,"
                        + "\"loss_is_lower_bound\":false}");
        assertHas(
                event,
                "\"ZA\":{\"tx_dbm\":1.23,\"rx_dbm\":-40.0,\"span_loss_db\":41.23,"
                        + "\"span_loss_osc_db\":null,\"base_db\":null,\"delta_db\":null,"
                        + "\"loss_is_lower_bound\":true}");
    }

    private static void assertHas(String event, String part) {
        assertTrue(event.contains(part), event);
    }

    private static String written(
            String fields, Family family, int level, int direction, double[] powers)
            throws Exception {
        FiberLink link = TextFormat.parse("link_id: 'L' " + fields, FiberLink.class);
        Match match = new Match("L", 1_767_225_600, family, level, direction, 1, powers);
        Outgoing event = new EventWriter("test").write(match, link);
        assertEquals("L", new String(event.key, StandardCharsets.UTF_8));
        return new String(event.value, StandardCharsets.UTF_8);
    }
}
