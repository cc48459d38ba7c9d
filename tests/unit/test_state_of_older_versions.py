"""State of an older version is read, or refused in words.

`tests/golden/tracks_state_v<N>.bin` is what version N kept in the middle of a trace. When the
format changes, raise the version, keep the old file, and write the new one with
`python -m tests.unit.test_state_of_older_versions`.
"""

from __future__ import annotations

import pickle
import struct
from pathlib import Path

import pytest

from kernels.track_links.state_codec import unpack_tracks
from schema.topology_pb2 import FiberLink
from schema.versions import TRACKER_STATE_VERSION
from tests import builders
from tests.kernel_replay import KernelReplay

GOLDEN = Path(__file__).parent.parent / "golden"
#: The oldest version that is read; state of earlier ones is refused.
OLDEST_READ = 6
#: In the middle each link has an open alarm.
TRACES = {
    "L0": "0*10 x*30 0*20",
    "L1": "0*12 4*20 7*8 0*40",
    "L2": "0*5 b*20 0*40",
    "L3": "1.5*25 0*50",
}
HALF_S = 22
LATENESS_S = 5


def links() -> list[FiberLink]:
    return [builders.link(name, f"{name}-A", f"{name}-Z") for name in TRACES]


def feed(run: KernelReplay, first_s: int, last_s: int) -> None:
    for at in range(first_s, last_s):
        payloads = [
            payload
            for name, trace in TRACES.items()
            for payload in builders.second(
                at,
                (builders.words(trace) + ["0"] * 80)[at],
                a=f"{name}-A",
                z=f"{name}-Z",
                sequence=at,
            )
        ]
        for parts in run.take(payloads).values():
            for part in parts:
                run.receive(part)
        run.advance(builders.ns(at + 1))


def new_run() -> KernelReplay:
    return KernelReplay(
        links(),
        bounded=False,
        emit="lifecycle",
        out_of_orderness_s=0,
        allowed_lateness_s=LATENESS_S,
        num_shards=1,
        source="event-center",
    )


@pytest.mark.parametrize("version", range(OLDEST_READ, TRACKER_STATE_VERSION + 1))
def test_alarms_go_on_from_saved_state(version: int) -> None:
    whole = new_run()
    feed(whole, 0, HALF_S)
    before = len(whole.out.events)
    assert before
    resumed = new_run()
    tracks, *log = pickle.loads((GOLDEN / f"tracks_state_v{version}.bin").read_bytes())
    (cells,) = resumed.cells.values()
    cells.tracks.value, cells.read.values = tracks, log
    # The head has the version, a token, the moment reached, and the sizes of two logs.
    reached_us = builders.ns(HALF_S) // 1000
    cells.head.value = struct.pack("<B16sqQI", version, b"t" * 16, reached_us, 0, len(log))
    feed(whole, HALF_S, 90)
    feed(resumed, HALF_S, 90)
    assert resumed.out.events == whole.out.events[before:]
    assert {e["data"]["action"] for e in resumed.out.events} >= {"CHANGE", "CLEAR"}


def test_state_of_a_newer_version_is_refused_in_words() -> None:
    data, *_ = pickle.loads((GOLDEN / f"tracks_state_v{TRACKER_STATE_VERSION}.bin").read_bytes())
    with pytest.raises(ValueError, match="state of version 200 cannot be read by version"):
        unpack_tracks(bytes([200]) + data[1:], [], 1)


@pytest.mark.parametrize("version", range(1, OLDEST_READ))
def test_state_of_the_first_versions_is_refused_in_words(version: int) -> None:
    data = (GOLDEN / f"tracks_state_v{version}.bin").read_bytes()
    packed = data if version == 1 else pickle.loads(data)[0]
    with pytest.raises(ValueError, match=rf"state of version {version} cannot be .* start without"):
        unpack_tracks(packed, [], 1)


if __name__ == "__main__":
    half = new_run()
    feed(half, 0, HALF_S)
    GOLDEN.mkdir(exist_ok=True)
    path = GOLDEN / f"tracks_state_v{TRACKER_STATE_VERSION}.bin"
    (cells,) = half.cells.values()
    path.write_bytes(pickle.dumps([cells.tracks.value, *cells.read.values]))
    print(path.stat().st_size)
