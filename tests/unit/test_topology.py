"""Topology records and files: what is refused, and what stays in force."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format

from schema import topology_pb2 as topo
from schema.errors import NotUsableError
from schema.side_lines import bad_topology_line
from schema.topology import (
    BadTopologyError,
    check_link,
    los_osc_dbm_of,
    parse_link,
    parse_link_json,
    thresholds_of,
)
from schema.topology_file import read_topology
from tests.builders import T0, end, link, ns, span
from tests.oracle_input import bad_topology

YEAR_2000_NS = 946_684_800 * 10**9
NAN, INF = float("nan"), float("inf")


def limited(**thresholds: float) -> topo.FiberLink:
    return link(za=span(thresholds=topo.Thresholds(**thresholds)))


def without(name: str) -> topo.FiberLink:
    one = link()
    one.ClearField(name)  # type: ignore[arg-type]
    return one


def planned(start_ns: int, end_ns: int) -> topo.FiberLink:
    times = {"start_unix_ns": start_ns, "end_unix_ns": end_ns}
    return link(maintenance=[topo.MaintenanceWindow(ticket="T", **times)])


BAD: list[tuple[topo.FiberLink, str]] = [
    (link(""), "no link_id"),
    (without("a_end"), "a_end is missing"),
    (without("z_end"), "z_end is missing"),
    (link(z_end=end("")), "z_end has no node_id"),
    (link(a_end=topo.LinkEnd(node_id="A", tx_component="tx")), "a_end has no rx_component"),
    (link(a_end=topo.LinkEnd(node_id="A", rx_component="rx")), "a_end has no tx_component"),
    (limited(degrade_warn_db=3.0), "za: thresholds do not ascend"),  # the default of degrade_db
    (limited(cut_db=6.0), "za: thresholds do not ascend"),
    (limited(degrade_db=5.0, degrade_severe_db=4.0), "za: thresholds do not ascend"),
    (link(az=span(min_span_loss_db=3, max_span_loss_db=2)), "az: min_span_loss_db is above"),
    (limited(cut_db=INF), "za: a threshold is not finite and over 0"),
    (limited(cut_db=NAN), "za: a threshold is not finite and over 0"),
    (limited(degrade_warn_db=0.0), "za: a threshold is not finite and over 0"),
    (limited(degrade_warn_db=-1.0), "za: a threshold is not finite and over 0"),
    (limited(los_dbm=NAN), "za: los_dbm is outside -70..0 dBm"),
    (limited(los_dbm=0.01), "za: los_dbm is outside"),
    (limited(los_dbm=-70.01), "za: los_dbm is outside"),
    (limited(los_osc_dbm=NAN), "za: los_osc_dbm is outside -70..0 dBm"),
    (limited(los_osc_dbm=0.01), "za: los_osc_dbm is outside"),
    (limited(los_osc_dbm=-70.01), "za: los_osc_dbm is outside"),
    *(
        (link(az=topo.Span(**{name: number})), f"az: {name} is not finite and over 0")
        for name in ("span_loss_base_db", "span_loss_base_osc_db", "engineered_span_loss_db",
                     "max_span_loss_db", "min_span_loss_db")
        for number in (0.0, -10.0, NAN, INF)
    ),
    (link(lifecycle_state=9), "lifecycle_state 9 is not in the contract"),
    (link(lifecycle_state=-1), "lifecycle_state -1 is not in the contract"),
    *(
        (link(services=[topo.OpticalService(service_id="S", **{name: number})]),
         f"service S: {name} is not finite, or below 0")
        for name in ("capacity_gbps", "central_frequency_thz")
        for number in (-400.0, NAN, INF)
    ),
    (planned(ns(2), ns(1)), "maintenance T: it ends before it starts"),
    *(
        (planned(*times), "maintenance T: a time is before 2000-01-01")
        for times in ((T0, 0), (T0 * 1000, 0), (ns(0), T0 * 1_000_000), (-1, 0),
                      (0, YEAR_2000_NS - 1))
    ),
]  # fmt: skip
GOOD = [
    link(),
    link(a_end=topo.LinkEnd(node_id="A", tx_component="p", rx_component="p")),
    limited(cut_db=6.001),
    limited(degrade_warn_db=0.001, los_dbm=0.0, los_osc_dbm=-70.0),
    limited(los_dbm=-70.0, los_osc_dbm=0.0),
    *(link(lifecycle_state=state) for state in range(5)),
    link(services=[topo.OpticalService(service_id="S")]),
    planned(0, 0),
    planned(ns(1), 0),
    planned(0, ns(1)),
    planned(ns(1), ns(1)),
    planned(YEAR_2000_NS, 0),
    link(az=span(min_span_loss_db=3, max_span_loss_db=3)),
    link(az=topo.Span(), za=topo.Span(), services=[]),
]


@pytest.mark.parametrize(("one", "detail"), BAD)
def test_bad_links(one: topo.FiberLink, detail: str) -> None:
    for parse in (
        lambda: check_link(one),
        lambda: parse_link(one.SerializeToString(), one.link_id.encode()),
        lambda: parse_link_json(json_format.MessageToJson(one, indent=None)),
    ):
        with pytest.raises(BadTopologyError) as caught:
            parse()
        assert caught.value.detail.startswith(detail)
        assert caught.value.link_id == (one.link_id or None)
    assert bad_topology(one)


@pytest.mark.parametrize("one", GOOD)
def test_good_links(one: topo.FiberLink) -> None:
    assert parse_link(one.SerializeToString(), one.link_id.encode()) == one
    for names in (True, False):
        line = json_format.MessageToJson(one, indent=None, preserving_proto_field_name=names)
        assert parse_link_json(line) == one
    assert not bad_topology(one)


@pytest.mark.parametrize(
    ("line", "link_id"),
    [
        ("{", None),
        ("", None),
        ("[]", None),
        ("7", None),
        ("null", None),
        ("{}", None),
        ('{"link_id": 7}', None),
        ('{"link_id": "L1", "a_end": 7}', "L1"),
        ('{"linkId": "L1", "az": {"lengthKm": "far"}}', "L1"),
        ('{"link_id": "L1", "version": -1}', "L1"),
        ('{"link_id": "L1", "lifecycle_state": "DECOMMISSIONED"}', "L1"),
        ('{"linkId": "L1", "lifecycleState": "retired"}', "L1"),
        ('{"link_id": "L1", "maintenance": [{"start_unix_ns": 1e300}]}', "L1"),
    ],
)
def test_lines_that_are_not_a_link(line: str, link_id: str | None) -> None:
    with pytest.raises(BadTopologyError) as caught:
        parse_link_json(line)
    assert caught.value.link_id == link_id


def test_bytes_that_are_not_a_link() -> None:
    with pytest.raises(BadTopologyError) as caught:
        parse_link(b"\xff", b"L9")
    assert caught.value.link_id == "L9"


def test_unknown_fields_are_ignored() -> None:
    record = {**json_format.MessageToDict(link()), "colour": "blue"}
    assert parse_link_json(json.dumps(record)) == link()


@pytest.mark.parametrize("name", ["lifecycle_state", "lifecycleState"])
@pytest.mark.parametrize("state", ["DECOMMISSIONED", "retired", "", 9, -1, 2.5, True])
def test_a_state_of_life_that_is_not_in_the_contract(name: str, state: Any) -> None:
    record = {**json_format.MessageToDict(link()), name: state}
    record.pop({"lifecycle_state": "lifecycleState"}.get(name, "lifecycle_state"), None)
    with pytest.raises(
        BadTopologyError, match=r"lifecycle_state .*is not in the contract"
    ) as caught:
        parse_link_json(json.dumps(record))
    assert caught.value.link_id == "L1"


@pytest.mark.parametrize("state", ["RETIRED", 4])
def test_states_of_life_in_json(state: Any) -> None:
    record = {**json_format.MessageToDict(link()), "lifecycleState": state}
    assert parse_link_json(json.dumps(record)).lifecycle_state == topo.RETIRED


@pytest.mark.parametrize("key", [None, b"", b"L2", b"l1", b"\xff"])
def test_the_key_of_a_record_is_its_link_id(key: bytes | None) -> None:
    with pytest.raises(BadTopologyError, match="the key of the record") as caught:
        parse_link(link().SerializeToString(), key)
    assert caught.value.link_id == "L1"
    assert parse_link(link().SerializeToString(), b"L1") == link()


def test_the_threshold_of_the_osc() -> None:
    assert los_osc_dbm_of(topo.Span()) is None
    assert los_osc_dbm_of(topo.Span(thresholds=topo.Thresholds(los_dbm=-20.0))) is None
    assert los_osc_dbm_of(topo.Span(thresholds=topo.Thresholds(los_osc_dbm=0.0))) == 0.0


def test_a_byte_order_mark_in_front_of_a_file_is_none(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    line = json_format.MessageToJson(link(), indent=None).encode()
    path.write_bytes(b"\xef\xbb\xbf" + line + b"\n")
    found = read_topology(str(path))
    assert found.links == {"L1": link()} and not found.bad


def test_thresholds() -> None:
    assert thresholds_of(topo.Span()) == [-35.0, 1.0, 3.0, 6.0, 10.0]
    given = topo.Span(thresholds=topo.Thresholds(los_dbm=0.0, cut_db=7.0))
    assert thresholds_of(given) == [0.0, 1.0, 3.0, 6.0, 7.0]


# --- Files ---


def write(path: Path, *lines: Any) -> str:
    text = [
        json_format.MessageToJson(one, indent=None) if isinstance(one, topo.FiberLink) else one
        for one in lines
    ]
    path.write_text("\n".join(text), encoding="utf-8")
    return str(path)


def test_the_last_good_version_stays_in_force(tmp_path: Path) -> None:
    path = write(
        tmp_path / "t.json",
        link(version=2, name="two"),
        link(version=1, name="one"),
        "",
        link("L2", name="first"),
        link("L2", name="again"),
        "not json",
        link(version=3, a_end=end("")),
        link("L3", name="Süd"),
    )
    found = read_topology(path)
    names = {link_id: one.name for link_id, one in found.links.items()}
    assert names == {"L1": "two", "L2": "again", "L3": "Süd"}
    assert [(bad.link_id, bad.detail.split(":")[0]) for bad in found.bad] == [
        (None, "not JSON"),
        ("L1", "a_end has no node_id"),
    ]
    line = bad_topology_line(found.bad[1])
    assert (line["reason"], line["link_id"], line["node_id"]) == ("BAD_TOPOLOGY", "L1", None)


@pytest.mark.parametrize("content", [b"", b"\n \n", b"{}\nx"])
def test_a_file_may_have_no_link(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "t.json"
    path.write_bytes(content)
    assert read_topology(str(path)).links == {}


@pytest.mark.parametrize("content", [b"x\n[]", b"\xff\xfe\x00"])
def test_a_file_without_a_record_is_no_topology(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "t.json"
    path.write_bytes(content)
    with pytest.raises(NotUsableError, match="no topology"):
        read_topology(str(path))


def test_links_of_one_key_are_not_in_force_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("schema.topology_file.link_key", lambda link_id: int(link_id[0]))
    path = tmp_path / "topology.jsonl"
    links = [link("1"), link("2"), link("1b"), link("1", version=2)]
    path.write_text("".join(json_format.MessageToJson(one, indent=None) + "\n" for one in links))
    found = read_topology(str(path))
    assert found.links.keys() == {"1", "2"}
    assert found.links["1"].version == 2
    (bad,) = found.bad
    assert bad.link_id == "1b" and bad.detail == "its link_id has the 64-bit key of 1: rename one"


def test_a_bad_topology_passes_through_context_managers() -> None:
    # They set the traceback of an exception; one whose attributes cannot be set gets lost.
    @contextlib.contextmanager
    def around() -> Iterator[None]:
        yield

    with pytest.raises(BadTopologyError, match="no link_id") as caught, around():
        check_link(topo.FiberLink())
    assert (caught.value.link_id, caught.value.detail) == (None, "no link_id")
