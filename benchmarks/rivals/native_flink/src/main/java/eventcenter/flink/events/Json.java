package eventcenter.flink.events;

import java.math.BigDecimal;
import java.math.RoundingMode;

/** Writes JSON into a reusable buffer. */
final class Json {
    private final StringBuilder text = new StringBuilder(2048);

    /** Empties the buffer. */
    Json clear() {
        text.setLength(0);
        return this;
    }

    /** Writes text that is already JSON. */
    Json raw(String json) {
        text.append(json);
        return this;
    }

    /** Writes a whole number. */
    Json number(long number) {
        text.append(number);
        return this;
    }

    /** Writes a number, or null if it is NaN. */
    Json number(double number) {
        if (Double.isNaN(number)) {
            text.append("null");
        } else {
            text.append(number);
        }
        return this;
    }

    /** Writes a number rounded to 0.01, or null if it is NaN. */
    Json rounded(double number) {
        if (Double.isNaN(number)) {
            return number(number);
        }
        // Of the exact value, as Python rounds.
        return number(new BigDecimal(number).setScale(2, RoundingMode.HALF_EVEN).doubleValue());
    }

    /** Writes text in quotes, or null. */
    Json stringOrNull(String value) {
        return value == null ? raw("null") : string(value);
    }

    /** Writes text in quotes. */
    Json string(String value) {
        text.append('"');
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            if (c == '"' || c == '\\') {
                text.append('\\').append(c);
            } else if (c < ' ') {
                text.append(String.format("\\u%04x", (int) c));
            } else {
                text.append(c);
            }
        }
        text.append('"');
        return this;
    }

    @Override
    public String toString() {
        return text.toString();
    }
}
