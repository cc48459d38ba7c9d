package eventcenter.flink.tuned;

import java.util.Arrays;

/**
 * What the last windows decided for every link of a shard: a ring of one byte per window and
 * link, ordinals of the codes of both spans. A window without a sample decided NO_DATA (0).
 */
final class CodeHistory {
    private final int windows;
    private byte[] cells;
    private long[] newestS;

    /** Makes room for a number of windows, rounded up to a power of two. */
    CodeHistory(int atLeast, int rows) {
        windows = Math.max(2, Integer.highestOneBit(atLeast - 1) << 1);
        cells = new byte[windows * rows];
        newestS = new long[rows];
        Arrays.fill(newestS, Long.MIN_VALUE);
    }

    CodeHistory(int windows, byte[] cells, long[] newestS) {
        this.windows = windows;
        this.cells = cells;
        this.newestS = newestS;
    }

    /** Returns a copy. */
    CodeHistory copy() {
        return new CodeHistory(windows, cells.clone(), newestS.clone());
    }

    int windows() {
        return windows;
    }

    byte[] cells() {
        return cells;
    }

    long[] newestS() {
        return newestS;
    }

    /** Makes room for more rows. */
    void grow(int rows) {
        int before = newestS.length;
        cells = Arrays.copyOf(cells, windows * rows);
        newestS = Arrays.copyOf(newestS, rows);
        Arrays.fill(newestS, before, rows, Long.MIN_VALUE);
    }

    /** Returns what a window decided for both spans, packed. */
    int at(int row, long windowS) {
        long newest = newestS[row];
        if (windowS > newest || newest - windowS >= windows || newest == Long.MIN_VALUE) {
            return 0;
        }
        return cells[cell(row, windowS)] & 0xFF;
    }

    /** Stores what a window decided. */
    void set(int row, long windowS, int codes) {
        long newest = newestS[row];
        if (windowS > newest) {
            if (newest == Long.MIN_VALUE || windowS - newest >= windows) {
                Arrays.fill(cells, windows * row, windows * (row + 1), (byte) 0);
            } else {
                for (long between = newest + 1; between < windowS; between++) {
                    cells[cell(row, between)] = 0;
                }
            }
            newestS[row] = windowS;
        } else if (newest - windowS >= windows) {
            return;
        }
        cells[cell(row, windowS)] = (byte) codes;
    }

    private int cell(int row, long windowS) {
        return windows * row + (int) (windowS & windows - 1);
    }
}
