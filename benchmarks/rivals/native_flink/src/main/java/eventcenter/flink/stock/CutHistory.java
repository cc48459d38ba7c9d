package eventcenter.flink.stock;

/**
 * Which of the last windows of a link decided FIBER_CUT, packed into one number: the newest
 * window, and two bits for each of the last 8. A link that was never cut has none.
 */
final class CutHistory {
    private static final int WINDOWS = 8;
    private static final int BITS = 2 * WINDOWS;
    private static final long MASK = (1L << BITS) - 1;

    private CutHistory() {}

    /** Returns the spans that a window decided to be cut, as bits. */
    static int at(Long history, long windowS) {
        if (history == null) {
            return 0;
        }
        long back = (history >> BITS) - windowS;
        return back < 0 || back >= WINDOWS ? 0 : (int) (history >> 2 * back & 3);
    }

    /** Returns the history with a window added; null if there is nothing to remember. */
    static Long with(Long history, long windowS, int cut) {
        if (history == null) {
            return cut == 0 ? null : (Long) (windowS << BITS | cut);
        }
        long newestS = history >> BITS;
        long bits = history & MASK;
        if (windowS > newestS) {
            long steps = windowS - newestS;
            bits = steps >= WINDOWS ? 0 : bits << 2 * steps & MASK;
            bits |= cut;
            return bits == 0 ? null : (Long) (windowS << BITS | bits);
        }
        long back = newestS - windowS;
        if (back >= WINDOWS) {
            return history;
        }
        return newestS << BITS | bits & ~(3L << 2 * back) | (long) cut << 2 * back;
    }
}
