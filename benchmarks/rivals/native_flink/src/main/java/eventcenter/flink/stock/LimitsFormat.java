package eventcenter.flink.stock;

import eventcenter.flink.rules.SpanLimits;
import java.io.IOException;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** Writes and reads the limits of a span, which may be unknown (null). */
final class LimitsFormat {
    private LimitsFormat() {}

    static void write(SpanLimits limits, DataOutputView out) throws IOException {
        out.writeBoolean(limits != null);
        if (limits != null) {
            out.writeDouble(limits.losDbm);
            out.writeDouble(limits.losOscDbm);
            out.writeDouble(limits.warnDb);
            out.writeDouble(limits.degradeDb);
            out.writeDouble(limits.severeDb);
            out.writeDouble(limits.cutDb);
            out.writeDouble(limits.baseDb);
            out.writeDouble(limits.baseOscDb);
            out.writeBoolean(limits.hasOsc);
        }
    }

    static SpanLimits read(DataInputView in) throws IOException {
        if (!in.readBoolean()) {
            return null;
        }
        SpanLimits limits = new SpanLimits();
        limits.losDbm = in.readDouble();
        limits.losOscDbm = in.readDouble();
        limits.warnDb = in.readDouble();
        limits.degradeDb = in.readDouble();
        limits.severeDb = in.readDouble();
        limits.cutDb = in.readDouble();
        limits.baseDb = in.readDouble();
        limits.baseOscDb = in.readDouble();
        limits.hasOsc = in.readBoolean();
        return limits;
    }
}
