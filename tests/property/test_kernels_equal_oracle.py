"""The kernels put out what the oracle puts out, whatever the network, the traces and the order.

HYPOTHESIS_PROFILE=thorough tries 40 times as many scenes.
"""

from __future__ import annotations

import json
import os
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests import kernel_replay, oracle
from tests.restated import restated
from tests.scenes import Scene, scenes
from tests.stream.harness import traces_by_link

THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"
pytestmark = pytest.mark.timeout(0 if THOROUGH else 300)


def num_scenes(number: int) -> settings:
    return settings(
        max_examples=number * (40 if THOROUGH else 1),
        deadline=None,
        phases=[phase for phase in Phase if phase != Phase.explain],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


UNCOMPARED = ("text", "proposed_repair")  # words for people
INVALID = ("reason", "node_id", "component", "type", "payload_base64", "link_id")


def by_link(events: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for event in without_words(events):
        found.setdefault(event["subject"], []).append(event)
    return found


def without_words(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {**event, "data": {k: v for k, v in event["data"].items() if k not in UNCOMPARED}}
        for event in events
    ]


def sorted_lines(lines: list[dict[str, Any]], names: tuple[str, ...] | None = None) -> list[str]:
    return sorted(
        json.dumps({name: line.get(name) for name in names or sorted(line)}, sort_keys=True)
        for line in lines
    )


def check(
    scene: Scene,
    *,
    learn_windows: int,
    num_shards: int,
    failing: bool = False,
    live: bool = False,
    traces: bool = False,
    **options: Any,
) -> None:
    with (
        patch("kernels.track_links.learned_base.LEARN_WINDOWS", learn_windows),
        patch("tests.oracle_link.LEARN_WINDOWS", learn_windows),
    ):
        expected = oracle.replay(scene.payloads, scene.links, **options)
        found = kernel_replay.replay(
            scene.payloads,
            scene.links,
            num_shards=num_shards,
            failing=failing,
            live=live,
            traces=traces,
            **options,
        )
    assert by_link(found.events) == by_link(expected.events)
    assert without_words(found.incidents) == without_words(expected.incidents)
    if traces:
        assert traces_by_link(found.traces) == traces_by_link(expected.traces)
    assert sorted_lines(found.late) == sorted_lines(expected.late)
    assert sorted_lines(found.unmatched) == sorted_lines(expected.unmatched)
    assert sorted_lines(found.invalid, INVALID) == sorted_lines(expected.invalid, INVALID)
    assert found.counters == expected.counters
    counted = found.counters
    assert counted["components"] == sum(
        counted[f"components_{what}"] for what in ("rejected", "unmatched", "matched")
    )
    assert counted["ends_joined"] == counted["ends_windowed"] + counted["ends_late"]


LEARN_WINDOWS = st.sampled_from([3, 12, 60])
SHARDS = st.sampled_from([1, 2, 5])
GAPS = st.sampled_from([0, 1, 1, 1, 2, 5])
STREAM = st.fixed_dictionaries(
    {
        "allowed_lateness_s": st.sampled_from([0, 1, 5, 5.5, 12]),
        "out_of_orderness_s": st.sampled_from([0, 1, 2]),
        "window_s": st.sampled_from([1, 1, 2, 5]),
        "gap_windows": GAPS,
        "learn_windows": LEARN_WINDOWS,
        "num_shards": SHARDS,
        "live": st.booleans(),
    }
)
TRACES = st.booleans()


@num_scenes(25)
@given(scene=scenes(), traces=TRACES, options=STREAM)
def test_stream_lifecycle(scene: Scene, traces: bool, options: dict[str, Any]) -> None:
    check(scene, mode="stream", emit="lifecycle", traces=traces, **options)


@num_scenes(12)
@given(scene=scenes(), options=STREAM)
def test_stream_matches(scene: Scene, options: dict[str, Any]) -> None:
    check(scene, mode="stream", emit="matches", **options)


@num_scenes(15)
@given(
    scene=scenes(),
    emit=st.sampled_from(["lifecycle", "lifecycle", "matches"]),
    learn_windows=LEARN_WINDOWS,
    num_shards=SHARDS,
    gap_windows=GAPS,
)
def test_batch(scene: Scene, emit: str, **options: int) -> None:
    check(scene, mode="batch", emit=emit, traces=emit == "lifecycle", **options)


@num_scenes(100)
@given(
    scene=st.integers(0, 2**62).map(restated),
    emit=st.sampled_from(["lifecycle", "lifecycle", "matches"]),
    allowed_lateness_s=st.sampled_from([5, 12, 30]),
    learn_windows=LEARN_WINDOWS,
)
def test_windows_that_are_reported_again(
    scene: Scene, emit: str, allowed_lateness_s: float, learn_windows: int
) -> None:
    check(
        scene,
        mode="stream",
        emit=emit,
        allowed_lateness_s=allowed_lateness_s,
        out_of_orderness_s=0,
        learn_windows=learn_windows,
        num_shards=1,
        traces=emit == "lifecycle",
    )


@num_scenes(50)
@given(scene=scenes(max_links=1, mishaps=(20, 80)), options=STREAM)
def test_many_mishaps_on_one_link(scene: Scene, options: dict[str, Any]) -> None:
    check(scene, mode="stream", emit="lifecycle", traces=True, **options)


@num_scenes(6)
@given(scene=scenes(max_links=2), options=STREAM)
def test_whichever_call_of_the_state_fails(scene: Scene, options: dict[str, Any]) -> None:
    check(scene, mode="stream", emit="lifecycle", failing=True, traces=True, **options)
