package eventcenter.flink.tuned;

import eventcenter.flink.tuned.LinkTable.Facts;
import java.util.ArrayList;
import java.util.List;

/**
 * The state of the links of a shard: the samples of the open windows, and the decisions of the
 * last windows.
 *
 * <p>While a checkpoint is written, Flink continues with a copy. A copy shares the windows, and a
 * window is copied only when it changes; most no longer do.
 */
final class Shard {
    final Rows rows;
    final CodeHistory codes;
    final Published published;
    /** Open windows, in no order; there are about ten. */
    final List<Window> windows;

    private int room;
    /** The facts of each row, from that version of the topology. */
    private Facts[] facts = {};
    private int factsVersion = -1;
    private int factsRows;

    /** A window that is open. */
    static final class Window {
        final long startS;
        WindowSamples samples;
        /** Whether the window was evaluated, so that what comes now is late. */
        boolean evaluated;
        /** Whether no copy of the shard shares the samples. */
        boolean owned;

        Window(long startS, WindowSamples samples, boolean evaluated, boolean owned) {
            this.startS = startS;
            this.samples = samples;
            this.evaluated = evaluated;
            this.owned = owned;
        }
    }

    /** Makes an empty shard that remembers a number of windows. */
    Shard(int historyWindows) {
        this(new Rows(), new CodeHistory(historyWindows, 0), new Published(), new ArrayList<>(), 0);
    }

    Shard(Rows rows, CodeHistory codes, Published published, List<Window> windows, int room) {
        this.rows = rows;
        this.codes = codes;
        this.published = published;
        this.windows = windows;
        this.room = room;
    }

    /** Returns a copy; see above. */
    Shard copy() {
        List<Window> shared = new ArrayList<>(windows.size());
        for (Window window : windows) {
            shared.add(new Window(window.startS, window.samples, window.evaluated, false));
        }
        Shard copy = new Shard(rows.copy(), codes.copy(), published.copy(), shared, room);
        copy.facts = facts;
        copy.factsVersion = factsVersion;
        copy.factsRows = factsRows;
        return copy;
    }

    /** Returns the number of rows for which there is room. */
    int room() {
        return room;
    }

    /** Returns the open window of a second, or null. */
    Window window(long startS) {
        for (int i = windows.size() - 1; i >= 0; i--) {
            if (windows.get(i).startS == startS) {
                return windows.get(i);
            }
        }
        return null;
    }

    /** Opens a window. */
    Window open(long startS, boolean evaluated) {
        Window window = new Window(startS, new WindowSamples(room), evaluated, true);
        windows.add(window);
        return window;
    }

    /** Returns the samples of a window, to be changed. */
    WindowSamples writable(Window window) {
        if (!window.owned) {
            window.samples = window.samples.copy();
            window.owned = true;
        }
        if (window.samples.rows < room) {
            window.samples.grow(room);
        }
        return window.samples;
    }

    /** Returns the row of a link; makes room for a new link. */
    int row(long link) {
        int row = rows.of(link);
        if (row >= room) {
            room = Math.max(64, 2 * room);
            codes.grow(room);
        }
        return row;
    }

    /** Returns the facts of the rows; null for links without decisions. */
    Facts[] facts(LinkTable links) {
        if (factsVersion != links.version() || factsRows < rows.count()) {
            // Never in place: a copy of the shard may have the same array.
            Facts[] now = new Facts[room];
            for (int row = 0; row < rows.count(); row++) {
                now[row] = links.get(rows.link(row));
            }
            facts = now;
            factsVersion = links.version();
            factsRows = rows.count();
        }
        return facts;
    }
}
