"""The table of paths, and paths as text."""

from __future__ import annotations

import pytest

from collector.paths import (
    DEFAULT_PATHS,
    PLAIN,
    QUANTITIES,
    Owner,
    PmLeaf,
    State,
    StateLeaf,
    find_leaf,
    parse_path,
    path_text,
)
from schema.pm_report_pb2 import PmType

AMPLIFIER = "/optical-amplifier/amplifiers/amplifier[name=EDFA1]/state"
OSC = "/optical-amplifier/supervisory-channels/supervisory-channel[interface=OSC-1]/state"
CHANNEL = "/components/component[name=X]/transceiver/physical-channels/channel[index=1]/state"


@pytest.mark.parametrize(
    ("path", "name", "owner", "pm_type", "statistic"),
    [
        (
            "/components/component[name=L1]/port/optical-port/state/input-power/instant",
            *("L1", Owner.NAMED, PmType.INPUT_POWER, "instant"),
        ),
        (
            "/openconfig-platform:components/component[name=L1]/port/"
            "openconfig-transport-line-common:optical-port/state/output-power/avg",
            *("L1", Owner.NAMED, PmType.OUTPUT_POWER, "avg"),
        ),
        (
            f"{AMPLIFIER}/input-power-total/instant",
            *("EDFA1", Owner.INGRESS, PmType.INPUT_POWER, "instant"),
        ),
        (
            f"{AMPLIFIER}/output-power-total/min",
            *("EDFA1", Owner.EGRESS, PmType.OUTPUT_POWER, "min"),
        ),
        (f"{AMPLIFIER}/target-gain", "EDFA1", Owner.NAMED, PmType.TARGET_GAIN, "instant"),
        (
            f"{AMPLIFIER}/optical-return-loss/instant",
            *("EDFA1", Owner.NAMED, PmType.OPTICAL_RETURN_LOSS, "instant"),
        ),
        (f"{OSC}/input-power/instant", "OSC-1", Owner.NAMED, PmType.INPUT_POWER_OSC, "instant"),
        (f"{CHANNEL}/output-power/instant", "X", Owner.NAMED, PmType.OUTPUT_POWER, "instant"),
        (
            "/components/component[name=O]/optical-channel/state/pre-fec-ber/instant",
            *("O", Owner.NAMED, PmType.PRE_FEC_BER, "instant"),
        ),
    ],
)
def test_pm_leaves(path: str, name: str, owner: Owner, pm_type: int, statistic: str) -> None:
    leaf = find_leaf(parse_path(path))
    assert isinstance(leaf, PmLeaf)
    assert (leaf.name, leaf.owner, leaf.pm_type, leaf.statistic) == (
        *(name, owner, pm_type, statistic),
    )


@pytest.mark.parametrize(
    ("path", "state", "name"),
    [
        (
            "/components/component[name=L1]/port/optical-port/state/admin-state",
            *(State.ADMIN_STATE, "L1"),
        ),
        (f"{AMPLIFIER}/ingress-port", State.INGRESS_PORT, "EDFA1"),
        (f"{AMPLIFIER}/egress-port", State.EGRESS_PORT, "EDFA1"),
    ],
)
def test_state_leaves(path: str, state: State, name: str) -> None:
    leaf = find_leaf(parse_path(path))
    assert isinstance(leaf, StateLeaf)
    assert (leaf.state, leaf.name) == (state, name)


@pytest.mark.parametrize(
    "path",
    [
        "/components/component[name=L1]/state/temperature/instant",
        "/components/component[name=L1]/port/optical-port/state/input-power/interval",
        "/components/component/port/optical-port/state/input-power/instant",
        "/interfaces",
    ],
)
def test_leaves_that_the_table_does_not_have(path: str) -> None:
    assert find_leaf(parse_path(path)) is None


def test_keys_may_hold_slashes_and_brackets() -> None:
    path = parse_path(r"/components/component[name=1/0[a\]]/port")
    assert path[1] == ("component", (("name", "1/0[a]"),))
    assert path_text(parse_path("/a[x=1][b=2]/c")) == "/a[b=2][x=1]/c"


@pytest.mark.parametrize("text", ["", "/", "a//b", "/a[b]", "/a[b=c", "/a[=c]"])
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"path|key"):
        parse_path(text)


def test_each_type_of_the_contract_but_temperature_has_a_path() -> None:
    types = {pm_type for pm_type, _ in QUANTITIES.values()} | set(PLAIN.values())
    missing = set(PmType.values()) - types
    assert missing == {PmType.PM_TYPE_UNSPECIFIED, PmType.LASER_TEMPERATURE}
    assert len(DEFAULT_PATHS) == 2 * len(QUANTITIES) + len(PLAIN) + 3
