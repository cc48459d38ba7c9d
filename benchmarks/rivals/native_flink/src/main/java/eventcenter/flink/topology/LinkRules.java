package eventcenter.flink.topology;

import com.google.protobuf.InvalidProtocolBufferException;
import eventcenter.flink.pm.PmRules;
import eventcenter.flink.rules.SpanLimits;
import eventcenter.v1.Topology.FiberLink;
import eventcenter.v1.Topology.LifecycleState;
import eventcenter.v1.Topology.LinkEnd;
import eventcenter.v1.Topology.MaintenanceWindow;
import eventcenter.v1.Topology.OpticalService;
import eventcenter.v1.Topology.Span;

/** What the contract demands of a link. */
public final class LinkRules {
    private static final double LOS_MIN_DBM = -70, LOS_MAX_DBM = 0;

    private LinkRules() {}

    /** Returns the link of a topology record, or null if it breaks the contract. */
    static FiberLink parse(byte[] bytes) {
        try {
            FiberLink link = FiberLink.parseFrom(bytes);
            return isSound(link) ? link : null;
        } catch (InvalidProtocolBufferException e) {
            return null;
        }
    }

    /** Returns whether events are decided for a link in its state of life. */
    public static boolean isDecided(FiberLink link) {
        LifecycleState state = link.getLifecycleState();
        return state == LifecycleState.LIFECYCLE_STATE_UNSPECIFIED
                || state == LifecycleState.DEPLOYED
                || state == LifecycleState.MAINTENANCE;
    }

    private static boolean isSound(FiberLink link) {
        return !link.getLinkId().isEmpty()
                && isSound(link.getAEnd())
                && isSound(link.getZEnd())
                && isSound(link.getAz())
                && isSound(link.getZa())
                && link.getLifecycleState() != LifecycleState.UNRECOGNIZED
                && link.getServicesList().stream().allMatch(LinkRules::isSound)
                && link.getMaintenanceList().stream().allMatch(LinkRules::isSound);
    }

    private static boolean isSound(LinkEnd end) {
        return !end.getNodeId().isEmpty()
                && !end.getTxComponent().isEmpty()
                && !end.getRxComponent().isEmpty();
    }

    private static boolean isSound(Span span) {
        boolean bounded = span.hasMinSpanLossDb() && span.hasMaxSpanLossDb();
        return (!span.hasSpanLossBaseDb() || isOverZero(span.getSpanLossBaseDb()))
                && (!span.hasSpanLossBaseOscDb() || isOverZero(span.getSpanLossBaseOscDb()))
                && (!span.hasEngineeredSpanLossDb() || isOverZero(span.getEngineeredSpanLossDb()))
                && (!span.hasMaxSpanLossDb() || isOverZero(span.getMaxSpanLossDb()))
                && (!span.hasMinSpanLossDb() || isOverZero(span.getMinSpanLossDb()))
                && !(bounded && span.getMinSpanLossDb() > span.getMaxSpanLossDb())
                // 0 where it is not stated.
                && isLosPower(span.getThresholds().getLosOscDbm())
                && areSound(SpanLimits.of(span));
    }

    private static boolean areSound(SpanLimits limits) {
        return isOverZero(limits.warnDb)
                && limits.warnDb < limits.degradeDb
                && limits.degradeDb < limits.severeDb
                && limits.severeDb < limits.cutDb
                && Double.isFinite(limits.cutDb)
                && isLosPower(limits.losDbm);
    }

    private static boolean isSound(OpticalService service) {
        return isNotNegative(service.getCapacityGbps())
                && isNotNegative(service.getCentralFrequencyThz());
    }

    private static boolean isSound(MaintenanceWindow window) {
        long startNs = window.getStartUnixNs();
        long endNs = window.getEndUnixNs();
        return (startNs == 0 || PmRules.isTime(startNs))
                && (endNs == 0 || PmRules.isTime(endNs) && endNs >= startNs);
    }

    private static boolean isOverZero(double number) {
        return number > 0 && Double.isFinite(number);
    }

    private static boolean isNotNegative(double number) {
        return number >= 0 && Double.isFinite(number);
    }

    /** Returns whether a power can mean that there is no light. */
    private static boolean isLosPower(double powerDbm) {
        return powerDbm >= LOS_MIN_DBM && powerDbm <= LOS_MAX_DBM;
    }
}
