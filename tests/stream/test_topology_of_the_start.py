"""The topology of the start comes link by link; no PM may be joined with a part of it."""

from pathlib import Path

import pytest

from schema.topology_pb2 import FiberLink, LinkEnd
from tests import builders
from tests.stream.cases import Case, Step
from tests.stream.harness import run_case

LINKS = 5


def link(number: int) -> FiberLink:
    """Returns one of the links of node A, each with its own component there."""
    port = f"port-{number}"
    a_end = LinkEnd(node_id="A", tx_component=port, rx_component=port)
    return builders.link(f"L{number}", z=f"Z{number}", a_end=a_end)


def report(at: int) -> bytes:
    ports = [builders.tx(f"port-{number}", 1.0) for number in range(LINKS)]
    return builders.payload("A", at, *ports, builders.tx("spare", 1.0), sequence=at + 1)


@pytest.mark.parametrize("first", [0, 2, LINKS])
def test_pm_that_comes_between_its_links_waits_for_all(first: int, tmp_path: Path) -> None:
    topology: list[Step] = [(f"L{number}", link(number)) for number in range(LINKS)]
    steps = [*topology[:first], report(0), *topology[first:], report(1), 4.0, report(2), 20.0]
    case = Case("", steps, num_shards=7)
    got = run_case(case, "BundleBasedDirectRunner", [], tmp_path)
    assert [line["component"] for line in got.unmatched] == ["spare"] * 3
    assert got.counters["components_matched"] == 3 * LINKS
    assert got.counters["components_unmatched"] == 3
