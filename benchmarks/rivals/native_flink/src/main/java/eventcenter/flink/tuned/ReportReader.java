package eventcenter.flink.tuned;

import eventcenter.flink.pm.PmRules;
import eventcenter.flink.pm.Reason;
import eventcenter.flink.pm.Rejections;
import eventcenter.flink.tuned.Ports.Port;
import eventcenter.flink.tuned.Wire.MalformedException;
import java.util.Arrays;
import org.apache.flink.metrics.Counter;

/** Reads reports straight off the wire into blocks of samples, one block per shard. */
final class ReportReader {
    private final Ports ports;
    private final Rejections rejections;
    private final Counter unmatched;
    private final SampleBlock[] blocks;
    private final Wire wire = new Wire();
    /** Start and end of each component of the report. */
    private int[] components = new int[256];

    // The component that is being read.
    private int nameFrom;
    private int nameLength;
    private long timeNs;
    private int validity;
    private int adminState;
    private boolean anySound;
    private double input;
    private double output;
    private double inputOsc;
    private double outputOsc;

    ReportReader(Ports ports, int[] shardKeys, Rejections rejections, Counter unmatched) {
        this.ports = ports;
        this.rejections = rejections;
        this.unmatched = unmatched;
        blocks = new SampleBlock[shardKeys.length];
        for (int shard = 0; shard < blocks.length; shard++) {
            blocks[shard] = new SampleBlock(new byte[64 * SampleBlock.MAX_SIZE]);
            blocks[shard].shardKey = shardKeys[shard];
        }
    }

    /** Reads a report; returns a block for each shard, all of which the next report reuses. */
    SampleBlock[] read(RawReport report) {
        for (SampleBlock block : blocks) {
            block.length = 0;
        }
        try {
            readReport(report);
        } catch (MalformedException e) {
            rejections.count(Reason.MALFORMED_PROTOBUF);
            for (SampleBlock block : blocks) {
                block.length = 0;
            }
        }
        return blocks;
    }

    private void readReport(RawReport report) throws MalformedException {
        byte[] bytes = report.payload;
        wire.set(bytes, 0, bytes.length);
        int nodeFrom = 0;
        int nodeLength = 0;
        long collectNs = 0;
        long sequence = 0;
        int count = 0;
        for (int tag = wire.tag(); tag != 0; tag = wire.tag()) {
            switch (tag) {
                case Fields.NODE_ID -> {
                    nodeLength = wire.length();
                    nodeFrom = wire.at;
                    wire.at += nodeLength;
                }
                case Fields.COLLECT_TIME -> collectNs = wire.varint();
                case Fields.SEQUENCE -> sequence = wire.varint();
                case Fields.COMPONENTS -> {
                    if (count == components.length) {
                        components = Arrays.copyOf(components, 2 * count);
                    }
                    int length = wire.length();
                    components[count++] = wire.at;
                    wire.at += length;
                    components[count++] = wire.at;
                }
                default -> wire.skip(tag);
            }
        }
        if (nodeLength == 0 || !PmRules.isTime(collectNs)) {
            rejections.count(nodeLength == 0 ? Reason.MISSING_NODE_ID : Reason.MISSING_TIME);
            return;
        }
        Names<Port[]> ofNode = ports.ofNode(bytes, nodeFrom, nodeLength);
        if (ofNode == null && !Names.isText(bytes, nodeFrom, nodeLength)) {
            throw MalformedException.INSTANCE;
        }
        for (SampleBlock block : blocks) {
            block.sequence = sequence;
        }
        Names.Entry<Port[]> before = null;
        for (int i = 0; i < count; i += 2) {
            wire.set(bytes, components[i], components[i + 1]);
            readComponent(collectNs);
            if (isSound(report.recordTimeMs)) {
                before = append(ofNode, before);
            }
        }
    }

    private void readComponent(long collectNs) throws MalformedException {
        nameLength = 0;
        timeNs = 0;
        validity = 0;
        adminState = 0;
        anySound = false;
        input = Double.NaN;
        output = Double.NaN;
        inputOsc = Double.NaN;
        outputOsc = Double.NaN;
        for (int tag = wire.tag(); tag != 0; tag = wire.tag()) {
            switch (tag) {
                case Fields.COMPONENT -> {
                    nameLength = wire.length();
                    nameFrom = wire.at;
                    wire.at += nameLength;
                }
                case Fields.SAMPLE_TIME -> timeNs = wire.varint();
                case Fields.VALIDITY -> validity = (int) wire.varint();
                case Fields.ADMIN_STATE -> adminState = (int) wire.varint();
                case Fields.VALUES -> {
                    int length = wire.length();
                    int endOfComponent = wire.end;
                    wire.end = wire.at + length;
                    readValue();
                    wire.end = endOfComponent;
                }
                default -> wire.skip(tag);
            }
        }
        if (timeNs == 0) {
            timeNs = collectNs;
        }
    }

    private void readValue() throws MalformedException {
        int type = 0;
        int unit = 0;
        boolean hasInstant = false;
        boolean hasAvg = false;
        boolean noLight = false;
        double instant = 0;
        double avg = 0;
        for (int tag = wire.tag(); tag != 0; tag = wire.tag()) {
            switch (tag) {
                case Fields.TYPE -> type = (int) wire.varint();
                case Fields.INSTANT -> {
                    instant = wire.fixed64();
                    hasInstant = true;
                }
                case Fields.AVG -> {
                    avg = wire.fixed64();
                    hasAvg = true;
                }
                case Fields.NO_LIGHT -> noLight = wire.varint() != 0;
                case Fields.UNIT -> unit = (int) wire.varint();
                default -> wire.skip(tag);
            }
        }
        double reading = PmRules.reading(type, hasInstant, instant, avg, noLight);
        Reason reason = PmRules.check(type, unit, hasInstant || hasAvg, reading, noLight);
        if (reason != null) {
            rejections.count(reason);
            return;
        }
        anySound = true;
        switch (type) {
            case PmRules.INPUT_POWER -> input = reading;
            case PmRules.OUTPUT_POWER -> output = reading;
            case PmRules.INPUT_POWER_OSC -> inputOsc = reading;
            case PmRules.OUTPUT_POWER_OSC -> outputOsc = reading;
            default -> {}
        }
    }

    private boolean isSound(long recordTimeMs) {
        Reason reason = null;
        if (nameLength == 0) {
            reason = Reason.MISSING_COMPONENT;
        } else if (!PmRules.isInBounds(timeNs, recordTimeMs)) {
            reason = Reason.TIME_OUT_OF_BOUNDS;
        } else if (!anySound) {
            reason = Reason.NO_VALUES;
        }
        if (reason != null) {
            rejections.count(reason);
        }
        return reason == null;
    }

    /** Appends the component to the blocks of all links that it serves; returns its entry. */
    private Names.Entry<Port[]> append(Names<Port[]> ofNode, Names.Entry<Port[]> before)
            throws MalformedException {
        Names.Entry<Port[]> entry = find(ofNode, before);
        if (entry == null || entry.value.length == 0) {
            if (entry == null && !Names.isText(wire.bytes, nameFrom, nameLength)) {
                throw MalformedException.INSTANCE;
            }
            unmatched.inc();
            return entry == null ? before : entry;
        }
        int hasData = PmRules.hasData(validity, adminState) ? SampleBlock.HAS_DATA : 0;
        for (Port port : entry.value) {
            blocks[port.shard()].append(
                    port.link(),
                    timeNs,
                    port.flags() | hasData,
                    input,
                    output,
                    inputOsc,
                    outputOsc);
        }
        return entry;
    }

    /** Finds a component, which mostly is the one that came next in the node's last report. */
    private Names.Entry<Port[]> find(Names<Port[]> ofNode, Names.Entry<Port[]> before) {
        if (ofNode == null) {
            return null;
        }
        if (before != null
                && before.next != null
                && before.next.is(wire.bytes, nameFrom, nameLength)) {
            return before.next;
        }
        Names.Entry<Port[]> entry = ofNode.find(wire.bytes, nameFrom, nameLength);
        if (before != null) {
            before.next = entry;
        }
        return entry;
    }
}
