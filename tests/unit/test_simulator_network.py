from collections import defaultdict

import numpy as np
import pytest

from simulator.network import build_network, node_id


def test_the_seed_decides_the_network() -> None:
    assert build_network(30, seed=1).links == build_network(30, seed=1).links
    assert build_network(30, seed=1).links != build_network(30, seed=2).links


def test_links_keep_the_contract() -> None:
    links = build_network(200, seed=3).links

    assert len({link.link_id for link in links}) == 200
    for link in links:
        assert link.a_end.node_id != link.z_end.node_id
        for end in (link.a_end, link.z_end):
            assert end.tx_component and end.rx_component
        assert link.az.min_span_loss_db < link.az.max_span_loss_db
        assert link.za.min_span_loss_db < link.za.max_span_loss_db
    spans = [span for link in links for span in (link.az, link.za)]
    bases_db = [s.span_loss_base_db for s in spans if s.HasField("span_loss_base_db")]
    assert len(bases_db) > 200
    assert min(bases_db) >= 5 and max(bases_db) <= 28


def test_no_two_spans_share_a_power() -> None:
    links = build_network(200, seed=3).links
    ends = [end for link in links for end in (link.a_end, link.z_end)]

    assert len({(end.node_id, end.tx_component) for end in ends}) == len(ends)
    assert len({(end.node_id, end.rx_component) for end in ends}) == len(ends)


def test_components_of_an_inline_amplifier_serve_two_links() -> None:
    network = build_network(40, seed=1)
    served = defaultdict(set)
    for number, link in enumerate(network.links):
        for end in (link.a_end, link.z_end):
            for name in (end.tx_component, end.rx_component):
                served[end.node_id, name].add(number)

    assert {len(links) for links in served.values()} == {1, 2}
    for component, name in enumerate(network.component_names):
        node = node_id(int(network.component_node[component]))
        assert network.links_of_component(component) == served[node, name]


def test_variety_of_links() -> None:
    links = build_network(60, seed=1).links

    for trait in (
        lambda link: link.a_end.has_osc,
        lambda link: link.az.HasField("span_loss_base_db"),
        lambda link: link.protected,
        lambda link: bool(link.services),
        lambda link: bool(link.srlg_ids),
    ):
        assert {trait(link) for link in links} == {True, False}
    services = [service for link in links for service in link.services]
    assert {service.protected for service in services} == {True, False}


def test_a_duct_is_shared_by_the_links_that_name_it() -> None:
    network = build_network(60, seed=1)
    for link in range(60):
        for prefix, links in (
            ("srlg", network.srlg_links(link)),
            ("bridge", network.bridge_links(link)),
        ):
            risks = [r for r in network.links[link].srlg_ids if r.startswith(prefix)]
            named = [n for n in range(60) for r in risks if r in network.links[n].srlg_ids]
            assert links == (named or [link])


def test_a_fed_link_names_the_link_that_feeds_it() -> None:
    network = build_network(50, seed=1)
    onward = [(link, network.fed_link(link)) for link in range(50)]
    fed = [(network.links[link], network.links[to]) for link, to in onward if to is not None]

    assert len(fed) > 25
    for link, next_link in fed:
        assert next_link.upstream_link_ids == [link.link_id]
        assert next_link.a_end.node_id == link.z_end.node_id


@pytest.mark.parametrize(("links", "nodes"), [(1, None), (2, None), (9, 2), (7, 50)])
def test_any_size(links: int, nodes: int | None) -> None:
    network = build_network(links, seed=1, nodes=nodes, spares=2)

    assert len(network.links) == links
    assert network.spare_count == 2 * network.node_count
    assert np.all(np.diff(network.component_node) >= 0)


@pytest.mark.parametrize(("links", "nodes", "spares"), [(0, None, 0), (5, 1, 0), (5, None, -1)])
def test_impossible_sizes_are_refused(links: int, nodes: int | None, spares: int) -> None:
    with pytest.raises(ValueError, match=r"network needs|negative"):
        build_network(links, seed=1, nodes=nodes, spares=spares)
