package eventcenter.flink.events;

import eventcenter.flink.rules.Code;
import eventcenter.flink.rules.DecisionRows;
import eventcenter.flink.rules.Family;
import eventcenter.flink.rules.LinkPowers;
import eventcenter.flink.rules.PairRule;
import eventcenter.flink.rules.Severity;
import eventcenter.flink.rules.SpanLimits;
import eventcenter.flink.rules.SpanLosses;
import eventcenter.flink.rules.SpanReading;
import eventcenter.v1.Topology.FiberLink;
import eventcenter.v1.Topology.OpticalService;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/** Writes matches as CloudEvents 1.0 in structured JSON. */
public final class EventWriter {
    private static final String[] DIRECTIONS = {"", "AZ", "ZA", "BOTH"};
    private static final long DURATION_MS = 2_000;

    private final String source;
    private final Uuid5 uuids = new Uuid5();
    private final Json json = new Json();

    /** Takes the name of the job, the source of the events. */
    public EventWriter(String source) {
        this.source = source;
    }

    /** Returns the event of a match. */
    public Outgoing write(Match match, FiberLink link) {
        Family family = Family.values()[match.family];
        Code code = Code.of(family, match.level);
        String onset = rfc3339(match.windowS - 1);
        String alarmId = uuids.of(link.getLinkId() + "|" + family + "|" + onset).toString();
        json.clear().raw("{\"specversion\":\"1.0\",\"id\":\"").raw(alarmId).raw(":");
        json.number(match.sequence).raw("\",\"source\":").string(source);
        json.raw(",\"type\":\"eventcenter.fiber.").raw(code.name().toLowerCase(Locale.ROOT));
        json.raw(".match\",\"subject\":").string(link.getLinkId());
        json.raw(",\"time\":\"").raw(rfc3339(match.windowS + 1));
        json.raw("\",\"datacontenttype\":\"application/json\",\"data\":{\"alarm_id\":\"");
        json.raw(alarmId).raw("\",\"sequence\":").number(match.sequence);
        json.raw(",\"action\":\"MATCH\",\"state\":\"ACTIVE\",\"code\":\"").raw(code.name());
        json.raw("\",\"family\":\"").raw(family.name());
        json.raw("\",\"severity\":\"").raw(severity(code, link).published());
        SpanLosses az = LinkPowers.losses(match.powers, LinkPowers.AZ, SpanLimits.az(link));
        SpanLosses za = LinkPowers.losses(match.powers, LinkPowers.ZA, SpanLimits.za(link));
        json.raw("\",\"probable_cause\":\"").raw(code.probableCause);
        json.raw("\",\"specific_problem\":");
        json.stringOrNull(specificProblem(code, match.direction, az, za));
        json.raw(",\"direction\":\"").raw(DIRECTIONS[match.direction]);
        json.raw("\",\"onset_time\":\"").raw(onset);
        json.raw("\",\"duration_ms\":").number(DURATION_MS);
        writeLink(link);
        json.raw(",\"measurement\":{\"AZ\":");
        writeReading(SpanReading.of(az));
        json.raw(",\"ZA\":");
        writeReading(SpanReading.of(za));
        json.raw("},\"service_affecting\":\"");
        json.raw(isAffecting(code, link) ? "SERVICE_AFFECTING" : "NOT_SERVICE_AFFECTING");
        json.raw("\",\"impacted_capacity_gbps\":").number(unprotectedGbps(link));
        json.raw(",\"protected\":").raw(Boolean.toString(link.getProtected()));
        json.raw(",\"topology_version\":").raw(Long.toUnsignedString(link.getVersion()));
        json.raw("}}");
        return new Outgoing(
                link.getLinkId().getBytes(StandardCharsets.UTF_8),
                json.toString().getBytes(StandardCharsets.UTF_8));
    }

    private void writeLink(FiberLink link) {
        json.raw(",\"link\":{\"link_id\":").string(link.getLinkId());
        json.raw(",\"name\":").string(link.getName());
        json.raw(",\"a_end\":").string(link.getAEnd().getNodeId());
        json.raw(",\"z_end\":").string(link.getZEnd().getNodeId()).raw("}");
    }

    private void writeReading(SpanReading reading) {
        json.raw("{\"tx_dbm\":").rounded(reading.txDbm());
        json.raw(",\"rx_dbm\":").rounded(reading.rxDbm());
        json.raw(",\"span_loss_db\":").rounded(reading.lossDb());
        json.raw(",\"span_loss_osc_db\":").rounded(reading.lossOscDb());
        json.raw(",\"base_db\":").rounded(reading.baseDb());
        json.raw(",\"delta_db\":").rounded(reading.deltaDb());
        String isLowerBound = Boolean.toString(reading.lossIsLowerBound());
        json.raw(",\"loss_is_lower_bound\":").raw(isLowerBound).raw("}");
    }

    /** Returns what is known of the cause, on the first span of the direction that tells it. */
    private static String specificProblem(
            Code code, int direction, SpanLosses az, SpanLosses za) {
        String problem = null;
        if ((direction & PairRule.AZ) != 0) {
            problem = DecisionRows.specificProblem(code, az);
        }
        if ((direction & PairRule.ZA) != 0 && problem == null) {
            problem = DecisionRows.specificProblem(code, za);
        }
        return problem;
    }

    private static Severity severity(Code code, FiberLink link) {
        return isExposed(link) ? code.severity : code.severity.lowered();
    }

    private static boolean isAffecting(Code code, FiberLink link) {
        return code.affectsService() && isExposed(link);
    }

    /** Returns whether nothing protects a service of the link. */
    private static boolean isExposed(FiberLink link) {
        return !link.getProtected()
                && !link.getServicesList().stream().allMatch(OpticalService::getProtected);
    }

    private static double unprotectedGbps(FiberLink link) {
        double sum = 0;
        for (OpticalService service : link.getServicesList()) {
            sum += service.getProtected() ? 0 : service.getCapacityGbps();
        }
        return sum;
    }

    private static String rfc3339(long timeS) {
        return Times.rfc3339(timeS * 1000);
    }
}
