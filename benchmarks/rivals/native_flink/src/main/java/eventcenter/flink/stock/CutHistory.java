package eventcenter.flink.stock;

/**
 * Which of the last windows of a link decided FIBER_CUT on any span, packed into one number: the
 * newest window, and a bit for each of the last 16. A link that was never cut has none.
 */
final class CutHistory {
    private static final int WINDOWS = 16;
    private static final long MASK = (1L << WINDOWS) - 1;

    private CutHistory() {}

    /** Returns whether a window decided a cut. */
    static boolean at(Long history, long windowS) {
        if (history == null) {
            return false;
        }
        long back = (history >> WINDOWS) - windowS;
        return back >= 0 && back < WINDOWS && (history >> back & 1) != 0;
    }

    /** Returns the history with a window added; null if there is nothing to remember. */
    static Long with(Long history, long windowS, boolean isCut) {
        long cut = isCut ? 1 : 0;
        if (history == null) {
            return isCut ? (Long) (windowS << WINDOWS | cut) : null;
        }
        long newestS = history >> WINDOWS;
        long bits = history & MASK;
        if (windowS > newestS) {
            long steps = windowS - newestS;
            bits = steps >= WINDOWS ? 0 : bits << steps & MASK;
            bits |= cut;
            return bits == 0 ? null : (Long) (windowS << WINDOWS | bits);
        }
        long back = newestS - windowS;
        if (back >= WINDOWS) {
            return history;
        }
        return newestS << WINDOWS | bits & ~(1L << back) | cut << back;
    }
}
