"""Scenes of one link in which some windows are reported again and again, late.

There are few words and few windows, so that earlier decisions come back. A scene is drawn from a
seed: random chance finds the faults here, and there is no need to shrink a scene, as it is short.
"""

from __future__ import annotations

from random import Random

from tests.builders import BASE_DB, link, maintenance, second
from tests.scenes import Scene

WORDS = ("1", "4", "7", "12", "x", "b", "u", "-12", ".")


def restated(seed: int) -> Scene:
    """Draws a scene from a seed."""
    random = Random(seed)
    palette = ["0", "0", *random.sample(WORDS, random.randint(1, 3))]
    az: list[str] = []
    za: list[str] = []
    length = random.randint(8, 45)
    for walk in (az, za):
        while len(walk) < length:
            walk += [random.choice(palette)] * random.choice((1, 2, 2, 3, 8, 10, 12))
    if random.random() < 0.5:
        za = ["0"] * length
    touched = random.sample(range(length), min(length, random.randint(2, 5)))
    touched += [at + 1 for at in touched]
    payloads: list[bytes] = []
    sequence = 0
    for at in range(length):
        payloads += second(at, az[at], za[at])
        for _ in range(random.choice((0, 0, 1, 2))):
            window = random.choice([other for other in touched if other <= at] or [at])
            words = [random.choice(palette), random.choice([*palette, ".", ".", "."])]
            random.shuffle(words)
            sequence += 1
            payloads += second(window, *words, sequence=sequence)
    planned = [maintenance(start, start + random.randint(1, 12))
               for start in random.sample(range(length), random.choice((0, 0, 1, 2)))]  # fmt: skip
    base_db = random.choice((BASE_DB, BASE_DB, BASE_DB, None))
    return Scene([link(base_db=base_db, maintenance=planned)], payloads)
