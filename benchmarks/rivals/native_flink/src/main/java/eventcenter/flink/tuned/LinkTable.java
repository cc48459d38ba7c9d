package eventcenter.flink.tuned;

import eventcenter.flink.rules.SpanLimits;
import eventcenter.flink.topology.LinkListener;
import eventcenter.flink.topology.LinkRules;
import eventcenter.v1.Topology.FiberLink;
import java.util.HashMap;
import java.util.Map;

/** The links for which events are decided, by number. */
final class LinkTable implements LinkListener {
    private final Map<Long, Facts> facts = new HashMap<>();
    private int version;

    /**
     * A link, and the limits for its windows.
     *
     * @param link the link
     * @param az limits of the span from A to Z
     * @param za limits of the span from Z to A
     */
    record Facts(FiberLink link, SpanLimits az, SpanLimits za) {}

    /** Returns a link, or null if no events are decided for it. */
    Facts get(long link) {
        return facts.get(link);
    }

    /** Returns a number that changes with every change of the table. */
    int version() {
        return version;
    }

    @Override
    public void put(FiberLink link) {
        if (LinkRules.isDecided(link)) {
            version++;
            Facts now = new Facts(link, SpanLimits.az(link), SpanLimits.za(link));
            Facts other = facts.put(Keys.ofLink(link.getLinkId()), now);
            if (other != null) {
                throw new IllegalStateException(
                        "two links share a number; one of them needs another name: "
                                + link.getLinkId()
                                + " and "
                                + other.link.getLinkId());
            }
        }
    }

    @Override
    public void remove(FiberLink link) {
        version++;
        facts.remove(Keys.ofLink(link.getLinkId()));
    }
}
