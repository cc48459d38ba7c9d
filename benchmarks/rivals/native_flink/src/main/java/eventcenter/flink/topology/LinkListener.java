package eventcenter.flink.topology;

import eventcenter.v1.Topology.FiberLink;

/** Gets to know which links are in force. */
public interface LinkListener {
    /** Ignores all changes. */
    LinkListener NOBODY =
            new LinkListener() {
                @Override
                public void put(FiberLink link) {}

                @Override
                public void remove(FiberLink link) {}
            };

    /** A link is new, or has changed. */
    void put(FiberLink link);

    /** A link is gone, or makes room for its next version. */
    void remove(FiberLink link);
}
