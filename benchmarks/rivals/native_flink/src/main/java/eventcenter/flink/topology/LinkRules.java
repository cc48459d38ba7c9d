package eventcenter.flink.topology;

import com.google.protobuf.InvalidProtocolBufferException;
import eventcenter.flink.rules.SpanLimits;
import eventcenter.v1.Topology.FiberLink;
import eventcenter.v1.Topology.LifecycleState;
import eventcenter.v1.Topology.LinkEnd;
import eventcenter.v1.Topology.Span;

/** What the contract demands of a link. */
public final class LinkRules {
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
                && isSound(link.getZa());
    }

    private static boolean isSound(LinkEnd end) {
        return !end.getNodeId().isEmpty()
                && !end.getTxComponent().isEmpty()
                && !end.getRxComponent().isEmpty();
    }

    private static boolean isSound(Span span) {
        SpanLimits limits = SpanLimits.of(span);
        boolean bounded = span.hasMinSpanLossDb() && span.hasMaxSpanLossDb();
        return Double.isFinite(limits.losDbm)
                && Double.isFinite(limits.warnDb)
                && limits.warnDb < limits.degradeDb
                && limits.degradeDb < limits.severeDb
                && limits.severeDb < limits.cutDb
                && Double.isFinite(limits.cutDb)
                && !(span.hasSpanLossBaseDb() && !Double.isFinite(limits.baseDb))
                && !(span.hasSpanLossBaseOscDb() && !Double.isFinite(limits.baseOscDb))
                && !(span.hasMinSpanLossDb() && !Double.isFinite(span.getMinSpanLossDb()))
                && !(span.hasMaxSpanLossDb() && !Double.isFinite(span.getMaxSpanLossDb()))
                && !(bounded && span.getMinSpanLossDb() > span.getMaxSpanLossDb());
    }
}
