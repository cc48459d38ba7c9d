package eventcenter.flink.topology;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;

import com.google.protobuf.TextFormat;
import eventcenter.v1.Topology.FiberLink;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LinkRulesTest {
    private static final String ENDS =
            "a_end { node_id: 'A' tx_component: 'tx' rx_component: 'rx' }"
                    + " z_end { node_id: 'Z' tx_component: 'p' rx_component: 'p' } ";

    @ParameterizedTest
    @ValueSource(
            strings = {
                "az { span_loss_base_db: 0.1 max_span_loss_db: 9 min_span_loss_db: 9 }",
                "az { thresholds { los_dbm: -70 los_osc_dbm: 0 } }",
                "az { thresholds { degrade_warn_db: 2.9 } }",
                "lifecycle_state: RETIRED",
                "services { capacity_gbps: 0 central_frequency_thz: 193.1 }",
                "maintenance { }",
                "maintenance { start_unix_ns: 946684800000000000 }",
                "maintenance { start_unix_ns: 946684800000000000 end_unix_ns: 946684800000000000 }",
            })
    void sound(String fields) throws Exception {
        assertNotNull(parsed("link_id: 'L' " + ENDS + fields));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "az { span_loss_base_db: 0 }",
                "za { span_loss_base_osc_db: -1 }",
                "az { engineered_span_loss_db: inf }",
                "az { max_span_loss_db: nan }",
                "az { min_span_loss_db: 0 }",
                "az { max_span_loss_db: 9 min_span_loss_db: 9.1 }",
                "az { thresholds { degrade_warn_db: 0 } }",
                "az { thresholds { degrade_warn_db: 3 } }",
                "az { thresholds { degrade_severe_db: 10 } }",
                "za { thresholds { cut_db: inf } }",
                "az { thresholds { los_dbm: -70.1 } }",
                "az { thresholds { los_dbm: nan } }",
                "az { thresholds { los_osc_dbm: 0.1 } }",
                "az { thresholds { los_osc_dbm: nan } }",
                "services { capacity_gbps: -1 }",
                "services { capacity_gbps: 1 } services { central_frequency_thz: nan }",
                "maintenance { start_unix_ns: 1767225600000 }",
                "maintenance { end_unix_ns: -1 }",
                "maintenance { start_unix_ns: 946684800000000001 end_unix_ns: 946684800000000000 }",
            })
    void broken(String fields) throws Exception {
        assertNull(parsed("link_id: 'L' " + ENDS + fields));
    }

    @Test
    void aLinkHasAnIdAndBothEnds() throws Exception {
        assertNull(parsed(ENDS));
        assertNull(parsed("link_id: 'L' z_end { node_id: 'Z' tx_component: 'p' }"));
        assertEquals("L", parsed("link_id: 'L' " + ENDS).getLinkId());
    }

    @Test
    void aStateThatIsNotInTheListIsBroken() throws Exception {
        FiberLink.Builder link = FiberLink.newBuilder();
        TextFormat.merge("link_id: 'L' " + ENDS, link);
        assertNull(LinkRules.parse(link.setLifecycleStateValue(9).build().toByteArray()));
    }

    private static FiberLink parsed(String text) throws Exception {
        return LinkRules.parse(TextFormat.parse(text, FiberLink.class).toByteArray());
    }
}
