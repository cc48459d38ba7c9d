"""The topology that is there at the start comes link by link; no PM may take a part for all."""

from pathlib import Path

import pytest

from schema.topology_pb2 import FiberLink, LinkEnd
from tests import builders
from tests.stream.cases import Case, Step
from tests.stream.harness import run_case

LINKS = 5


def link(number: int) -> FiberLink:
    """One of the links from the node A, by components of its own."""
    port = f"port-{number}"
    a_end = LinkEnd(node_id="A", tx_component=port, rx_component=port)
    return builders.link(f"L{number}", z=f"Z{number}", a_end=a_end)


def report(at: int) -> bytes:
    ports = [builders.tx(f"port-{number}", 1.0) for number in range(LINKS)]
    return builders.payload("A", at, *ports, builders.tx("spare", 1.0), sequence=at + 1)


@pytest.mark.parametrize("first", [0, 2, LINKS])
def test_pm_between_its_links(first: int, tmp_path: Path) -> None:
    topology: list[Step] = [(f"L{number}", link(number)) for number in range(LINKS)]
    steps = [*topology[:first], report(0), *topology[first:], report(1), 4.0, report(2), 20.0]
    case = Case("", steps, num_shards=7)
    got = run_case(case, "BundleBasedDirectRunner", [], tmp_path)
    assert [line["component"] for line in got.unmatched] == ["spare"] * 3
    assert got.counters["components_matched"] == 3 * LINKS
    assert got.counters["components_unmatched"] == 3
