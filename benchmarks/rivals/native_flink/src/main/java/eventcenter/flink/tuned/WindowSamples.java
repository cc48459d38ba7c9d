package eventcenter.flink.tuned;

import eventcenter.flink.rules.LinkPowers;
import java.util.Arrays;

/** The samples that count in one window of a shard, as columns: four slots for every row. */
final class WindowSamples {
    /** Slots of a row: launched and received power at the A end, then at the Z end. */
    static final int SLOTS = 4, A_TX = 0, A_RX = 1, Z_TX = 2, Z_RX = 3;
    /** Time of a slot without a sample. */
    static final long NONE = Long.MIN_VALUE;

    /** Number of rows for which there is room. */
    int rows;
    long[] timeNs;
    long[] sequence;
    double[] power;
    /** Powers of the OSC; null while no sample had one. */
    double[] osc;

    WindowSamples(int rows) {
        this.rows = rows;
        timeNs = new long[SLOTS * rows];
        sequence = new long[SLOTS * rows];
        power = new double[SLOTS * rows];
        Arrays.fill(timeNs, NONE);
        Arrays.fill(power, Double.NaN);
    }

    WindowSamples(int rows, long[] timeNs, long[] sequence, double[] power, double[] osc) {
        this.rows = rows;
        this.timeNs = timeNs;
        this.sequence = sequence;
        this.power = power;
        this.osc = osc;
    }

    /** Returns a copy. */
    WindowSamples copy() {
        return new WindowSamples(
                rows,
                timeNs.clone(),
                sequence.clone(),
                power.clone(),
                osc == null ? null : osc.clone());
    }

    /** Takes a sample if it counts: the latest, then the highest sequence, then the first. */
    void put(
            int row,
            int slotOfRow,
            long sampleTimeNs,
            long sampleSequence,
            double powerDbm,
            double oscDbm) {
        int slot = SLOTS * row + slotOfRow;
        long known = timeNs[slot];
        if (sampleTimeNs < known
                || sampleTimeNs == known
                        && Long.compareUnsigned(sampleSequence, sequence[slot]) <= 0) {
            return;
        }
        timeNs[slot] = sampleTimeNs;
        sequence[slot] = sampleSequence;
        power[slot] = powerDbm;
        if (osc != null) {
            osc[slot] = oscDbm;
        } else if (oscDbm == oscDbm) {
            osc = new double[SLOTS * rows];
            Arrays.fill(osc, Double.NaN);
            osc[slot] = oscDbm;
        }
    }

    /** Makes room for more rows. */
    void grow(int newRows) {
        int before = SLOTS * rows;
        int after = SLOTS * newRows;
        rows = newRows;
        timeNs = Arrays.copyOf(timeNs, after);
        Arrays.fill(timeNs, before, after, NONE);
        sequence = Arrays.copyOf(sequence, after);
        power = Arrays.copyOf(power, after);
        Arrays.fill(power, before, after, Double.NaN);
        if (osc != null) {
            osc = Arrays.copyOf(osc, after);
            Arrays.fill(osc, before, after, Double.NaN);
        }
    }

    /** Returns whether a link has a sample in the window. */
    boolean has(int row) {
        int slot = SLOTS * row;
        return timeNs[slot] != NONE
                || timeNs[slot + 1] != NONE
                || timeNs[slot + 2] != NONE
                || timeNs[slot + 3] != NONE;
    }

    /** Returns the power of the OSC in a slot. */
    double osc(int slot) {
        return osc == null ? Double.NaN : osc[slot];
    }

    /** Returns the powers of a link in the order of `LinkPowers`. */
    double[] powers(int row) {
        int slot = SLOTS * row;
        double[] powers = new double[LinkPowers.COUNT];
        put(powers, LinkPowers.AZ, slot + A_TX, slot + Z_RX);
        put(powers, LinkPowers.ZA, slot + Z_TX, slot + A_RX);
        return powers;
    }

    private void put(double[] powers, int span, int tx, int rx) {
        powers[span] = power[tx];
        powers[span + 1] = power[rx];
        powers[span + 2] = osc(tx);
        powers[span + 3] = osc(rx);
    }
}
