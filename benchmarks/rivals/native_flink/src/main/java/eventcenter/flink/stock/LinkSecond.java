package eventcenter.flink.stock;

import eventcenter.flink.rules.LinkPowers;
import eventcenter.flink.rules.SpanLimits;
import eventcenter.flink.topology.ServedEnd;
import java.util.Arrays;

/** What is known of a link in one window: the sample that counts, per end and role. */
public class LinkSecond {
    private static final int SLOTS = 4;

    /** Sample time by slot [ns since the Unix epoch]; the smallest number = no sample. */
    public long[] timeNs;
    /** Sequence number by slot. */
    public long[] sequence;
    /** Power of the signal by slot [dBm]. */
    public double[] power;
    /** Power of the OSC by slot [dBm]. */
    public double[] osc;
    /** Limits of the span from A to Z; null = its receiver was not heard. */
    public SpanLimits az;
    /** Limits of the span from Z to A, likewise. */
    public SpanLimits za;

    /** Returns a window without samples. */
    static LinkSecond empty() {
        LinkSecond second = new LinkSecond();
        second.timeNs = new long[SLOTS];
        second.sequence = new long[SLOTS];
        second.power = new double[SLOTS];
        second.osc = new double[SLOTS];
        Arrays.fill(second.timeNs, Long.MIN_VALUE);
        Arrays.fill(second.power, Double.NaN);
        Arrays.fill(second.osc, Double.NaN);
        return second;
    }

    /** Takes a sample if it counts: the latest, then the highest sequence, then the first. */
    void add(EndSample joined) {
        Sample sample = joined.sample;
        if (!sample.hasData) {
            return;
        }
        if ((joined.roles & ServedEnd.TX) != 0) {
            int slot = txSlot(joined.end);
            if (counts(slot, sample.timeNs, sample.sequence)) {
                set(slot, sample, sample.outputDbm, sample.outputOscDbm);
            }
        }
        if ((joined.roles & ServedEnd.RX) != 0) {
            int slot = rxSlot(joined.end);
            if (counts(slot, sample.timeNs, sample.sequence)) {
                set(slot, sample, sample.inputDbm, sample.inputOscDbm);
            }
            if (joined.end == ServedEnd.Z) {
                az = joined.received;
            } else {
                za = joined.received;
            }
        }
    }

    /** Merges another part of the same window. */
    LinkSecond merge(LinkSecond other) {
        for (int slot = 0; slot < SLOTS; slot++) {
            if (counts(slot, other.timeNs[slot], other.sequence[slot])) {
                timeNs[slot] = other.timeNs[slot];
                sequence[slot] = other.sequence[slot];
                power[slot] = other.power[slot];
                osc[slot] = other.osc[slot];
            }
        }
        az = other.az != null ? other.az : az;
        za = other.za != null ? other.za : za;
        return this;
    }

    /** Returns the powers in the order of `LinkPowers`. */
    double[] powers() {
        double[] powers = new double[LinkPowers.COUNT];
        put(powers, LinkPowers.AZ, txSlot(ServedEnd.A), rxSlot(ServedEnd.Z));
        put(powers, LinkPowers.ZA, txSlot(ServedEnd.Z), rxSlot(ServedEnd.A));
        return powers;
    }

    private void put(double[] powers, int span, int tx, int rx) {
        powers[span] = power[tx];
        powers[span + 1] = power[rx];
        powers[span + 2] = osc[tx];
        powers[span + 3] = osc[rx];
    }

    private boolean counts(int slot, long sampleTimeNs, long sampleSequence) {
        if (sampleTimeNs != timeNs[slot]) {
            return sampleTimeNs > timeNs[slot];
        }
        return Long.compareUnsigned(sampleSequence, sequence[slot]) > 0;
    }

    private void set(int slot, Sample sample, double powerDbm, double oscDbm) {
        timeNs[slot] = sample.timeNs;
        sequence[slot] = sample.sequence;
        power[slot] = powerDbm;
        osc[slot] = oscDbm;
    }

    private static int txSlot(int end) {
        return 2 * end;
    }

    private static int rxSlot(int end) {
        return 2 * end + 1;
    }
}
