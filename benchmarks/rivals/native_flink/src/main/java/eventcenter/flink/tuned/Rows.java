package eventcenter.flink.tuned;

import java.util.Arrays;

/** Gives the links of a shard the numbers 0, 1, 2, ... (an open-addressing hash map). */
final class Rows {
    private static final int FREE = -1;

    private long[] linkOfRow = new long[64];
    private int[] table = newTable(256);
    private int count;

    /** Returns how many links there are. */
    int count() {
        return count;
    }

    /** Returns the link of a row. */
    long link(int row) {
        return linkOfRow[row];
    }

    /** Returns the row of a link; a new one gets the next. */
    int of(long link) {
        int mask = table.length - 1;
        int i = (int) link & mask;
        while (table[i] != FREE) {
            if (linkOfRow[table[i]] == link) {
                return table[i];
            }
            i = i + 1 & mask;
        }
        return add(link, i);
    }

    /** Returns a copy. */
    Rows copy() {
        Rows copy = new Rows();
        copy.linkOfRow = linkOfRow.clone();
        copy.table = table.clone();
        copy.count = count;
        return copy;
    }

    private int add(long link, int place) {
        if (count == linkOfRow.length) {
            linkOfRow = Arrays.copyOf(linkOfRow, 2 * count);
        }
        linkOfRow[count] = link;
        table[place] = count++;
        if (4 * count > table.length) {
            rehash();
        }
        return count - 1;
    }

    private void rehash() {
        table = newTable(4 * table.length);
        int mask = table.length - 1;
        for (int row = 0; row < count; row++) {
            int i = (int) linkOfRow[row] & mask;
            while (table[i] != FREE) {
                i = i + 1 & mask;
            }
            table[i] = row;
        }
    }

    private static int[] newTable(int capacity) {
        int[] table = new int[capacity];
        Arrays.fill(table, FREE);
        return table;
    }
}
