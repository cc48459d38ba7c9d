"""Powers and losses as people read them: rounded to 0.01 dB (spec, section 7)."""

import math


def rounded(value_db: float) -> float | None:
    """Returns a number rounded to 0.01, None for NaN; 0.0 adds no sign to zero."""
    return None if math.isnan(value_db) else round(value_db, 2) + 0.0
