package eventcenter.flink.rules;

import java.util.ArrayList;
import java.util.List;

/** The match rule: two adjacent windows in a row confirm what they have in common. */
public final class PairRule {
    /** Bits of a direction: the span from A to Z, and the one from Z to A. */
    public static final int AZ = 1, ZA = 2;

    private static final Family[] FAMILIES = Family.values();

    private PairRule() {}

    /**
     * What two windows confirm on a link.
     *
     * @param family the family
     * @param level the highest level confirmed, over both spans
     * @param direction the spans that confirm, as bits
     */
    public record Confirmed(Family family, int level, int direction) {}

    /** Returns the level that two windows of one span have in common; 0 = none. */
    public static int levelInCommon(Code before, Code now) {
        return before.family == now.family ? Math.min(before.level, now.level) : 0;
    }

    /** Returns whether two windows confirm anything on a link. */
    public static boolean confirms(Code azBefore, Code zaBefore, Code azNow, Code zaNow) {
        return levelInCommon(azBefore, azNow) > 0 || levelInCommon(zaBefore, zaNow) > 0;
    }

    /** Returns what two windows confirm on a link, in order of family. */
    public static List<Confirmed> confirmed(Code azBefore, Code zaBefore, Code azNow, Code zaNow) {
        int azLevel = levelInCommon(azBefore, azNow);
        int zaLevel = levelInCommon(zaBefore, zaNow);
        List<Confirmed> found = new ArrayList<>(2);
        for (Family family : FAMILIES) {
            int az = azNow.family == family ? azLevel : 0;
            int za = zaNow.family == family ? zaLevel : 0;
            if (az > 0 || za > 0) {
                int direction = (az > 0 ? AZ : 0) | (za > 0 ? ZA : 0);
                found.add(new Confirmed(family, Math.max(az, za), direction));
            }
        }
        return found;
    }
}
