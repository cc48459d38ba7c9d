"""By component and second: one report, whatever the order; every value has a fate."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from collector import merge
from collector.counters import Fate, UnknownPaths
from collector.node import Node
from collector.targets import Target
from schema import gnmi_pb2
from schema.pm_report_pb2 import AdminState, PmReport, PmType
from tests.collector.messages import PORT, SECOND_NS, SYNC, T0_NS, powers, response

LINGER_NS = 300_000_000
AMPLIFIER = "/optical-amplifier/amplifiers/amplifier[name=E1]/state"


def node(**settings: Any) -> Node:
    made = Node(Target("N1", **settings), LINGER_NS, UnknownPaths())
    made.receive(SYNC.SerializeToString(), T0_NS)
    return made


def give(to: Node, at_ns: int, *messages: gnmi_pb2.SubscribeResponse) -> None:
    for message in messages:
        to.receive(message.SerializeToString(), at_ns)


def seen(report: PmReport) -> dict[str, Any]:
    """Returns a report as component → (sample time after T0 in ns, type → reading)."""
    return {
        sample.component: (
            sample.sample_time_unix_ns - T0_NS,
            {
                PmType.Name(v.type): "dark"
                if v.no_light
                else v.instant
                if v.HasField("instant")
                else ("avg", v.avg)
                for v in sample.values
            },
        )
        for sample in report.components
    }


def test_powers_of_one_component_in_several_messages_are_one_sample() -> None:
    n = node()
    give(n, T0_NS + 10, powers(T0_NS + 5, "L1", input=-9.0), powers(T0_NS + 7, "L1", output=1.0))
    (report,) = n.merger.take_all(T0_NS + SECOND_NS)
    assert seen(report) == {"L1": (7, {"INPUT_POWER": -9.0, "OUTPUT_POWER": 1.0})}
    assert (report.node_id, report.collect_time_unix_ns) == ("N1", T0_NS + SECOND_NS)


def test_a_second_waits_for_the_next_one_and_the_linger() -> None:
    n = node()
    give(n, T0_NS, powers(T0_NS, "L1", input=-9.0))
    begun_ns = T0_NS + SECOND_NS + 5
    give(n, begun_ns, powers(T0_NS + SECOND_NS, "L1", input=-9.1))
    assert n.merger.take_due(begun_ns + LINGER_NS - 1) == []
    (report,) = n.merger.take_due(begun_ns + LINGER_NS)
    assert seen(report) == {"L1": (0, {"INPUT_POWER": -9.0})}


def test_a_second_without_a_next_one_is_sent_after_its_end() -> None:
    n = node()
    give(n, T0_NS + 100, powers(T0_NS + 50, "L1", input=-9.0))
    # The device's clock is 50 ns behind; its second ends 50 ns later here.
    end_ns = T0_NS + SECOND_NS + 50
    assert n.merger.take_due(end_ns + merge.PATIENCE_NS - 1) == []
    assert len(n.merger.take_due(end_ns + merge.PATIENCE_NS)) == 1
    assert n.merger.due_ns == merge.NEVER_NS


def test_what_comes_later_makes_a_report_that_hides_nothing() -> None:
    n = node()
    give(n, T0_NS, powers(T0_NS, "L1", input=-9.0), powers(T0_NS, "L2", input=-8.0))
    (first,) = n.merger.take_all(T0_NS + SECOND_NS)
    give(n, T0_NS + 2 * SECOND_NS, powers(T0_NS + 3, "L1", output=1.0))
    assert n.merger.take_due(T0_NS + 2 * SECOND_NS + LINGER_NS - 1) == []
    (late,) = n.merger.take_due(T0_NS + 2 * SECOND_NS + LINGER_NS)
    assert seen(late) == {"L1": (3, {"INPUT_POWER": -9.0, "OUTPUT_POWER": 1.0})}
    assert late.sequence > first.sequence
    assert n.counts.late_reports == 1


def test_an_earlier_second_does_not_wait_where_the_next_was_sent() -> None:
    n = node()
    give(n, T0_NS + SECOND_NS, powers(T0_NS + SECOND_NS, "L1", input=-9.0))
    n.merger.take_all(T0_NS + 2 * SECOND_NS)
    begun_ns = T0_NS + 3 * SECOND_NS
    give(n, begun_ns, powers(T0_NS, "L1", input=-9.1))
    (report,) = n.merger.take_due(begun_ns + LINGER_NS)
    assert seen(report) == {"L1": (0, {"INPUT_POWER": -9.1})}


def test_a_timestamp_that_stands_still_costs_nothing_more_each_time() -> None:
    n = node()
    message = powers(T0_NS, "L1", input=-9.0)

    def tell_again(times: int) -> int:
        """Returns how much memory more is in use [bytes]."""
        tracemalloc.start()
        for i in range(times):
            give(n, T0_NS + i * SECOND_NS, message)
            n.merger.take_all(T0_NS + i * SECOND_NS)
        used, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return used

    tell_again(10)
    assert tell_again(2_000) < 20_000
    assert n.counts.fates == Counter({Fate.REPORTED: 1, Fate.REPEATED: 2_009})


def test_a_second_without_a_number_has_no_late_report() -> None:
    n = node()
    give(n, T0_NS, powers(T0_NS, "L1", input=float("nan")))
    assert n.merger.take_all(T0_NS) == []
    give(n, T0_NS, powers(T0_NS + 1, "L1", input=-9.0))
    assert len(n.merger.take_all(T0_NS)) == 1
    assert n.counts.late_reports == 0


def test_of_several_quantities_of_one_type_the_newest_counts_as_a_whole() -> None:
    n = node()
    channel = "/components/component[name=L1]/transceiver/physical-channels/channel[index={}]/state"
    for index, time_ns, values in (
        (1, T0_NS + 2, {"/input-power/avg": -3.0}),
        (2, T0_NS + 1, {"/input-power/instant": -5.0, "/input-power/avg": -5.5}),
    ):
        give(n, T0_NS + 5, response(time_ns, values, channel.format(index)))
    (report,) = n.merger.take_all(T0_NS + 5)
    assert seen(report) == {"L1": (2, {"INPUT_POWER": ("avg", -3.0)})}


def test_the_sequence_grows_over_restarts() -> None:
    sequences = []
    for start_ns in (T0_NS, T0_NS + SECOND_NS):
        n = node()
        for i in range(3):
            give(n, start_ns, powers(start_ns + i * SECOND_NS, "L1", input=1.0))
        sequences += [report.sequence for report in n.merger.take_all(start_ns)]
    assert sequences == sorted(set(sequences)) and len(sequences) == 6


def test_the_sequence_grows_where_the_clock_goes_back() -> None:
    sequence = merge.SequenceNumbers(5)
    assert [sequence.next(now_ns) for now_ns in (1_000, 9_000, 2_000, 2_000)] == [6, 9, 10, 11]


def test_what_the_device_remembers_is_dropped_until_sync() -> None:
    n = Node(Target("N1"), LINGER_NS, UnknownPaths())
    old_ns = T0_NS - merge.REMEMBERED_NS - 1
    give(n, T0_NS, powers(old_ns, "L1", input=1.0), powers(T0_NS, "L2", input=1.0), SYNC)
    give(n, T0_NS, powers(old_ns, "L3", input=1.0))
    names = {c.component for r in n.merger.take_all(T0_NS) for c in r.components}
    assert names == {"L2", "L3"}
    assert n.counts.fates[Fate.REMEMBERED] == 1


def test_what_is_told_again_with_the_same_timestamp_is_dropped() -> None:
    n = node()
    message = powers(T0_NS, "L1", input=-9.0)
    give(n, T0_NS, message, message)
    n.merger.take_all(T0_NS)
    give(n, T0_NS + 1, message)
    n.merger.take_all(T0_NS + 1)
    give(n, T0_NS + 60 * SECOND_NS, message)
    assert n.merger.take_all(T0_NS + 60 * SECOND_NS) == []
    assert n.counts.fates == Counter({Fate.REPORTED: 1, Fate.REPEATED: 3})


def test_dark_and_not_a_number() -> None:
    n = node(no_light_dbm=-38.5)
    for name, value in (("a", -38.5), ("b", -38.4), ("c", float("-inf")), ("d", float("nan"))):
        give(n, T0_NS, powers(T0_NS, name, input=value))
    give(n, T0_NS, response(T0_NS, {AMPLIFIER + "/actual-gain/instant": float("-inf")}))
    (report,) = n.merger.take_all(T0_NS)
    readings = {name: values["INPUT_POWER"] for name, (_, values) in seen(report).items()}
    assert readings == {"a": "dark", "b": -38.4, "c": "dark"}
    assert n.counts.fates[Fate.NO_NUMBER] == 2


def test_a_lit_reading_keeps_its_place_beside_a_dark_average() -> None:
    n = node()
    prefix = PORT.format("L1")
    values = {"/input-power/instant": -9.0, "/input-power/avg": float("-inf")}
    give(n, T0_NS, response(T0_NS, values, prefix))
    (report,) = n.merger.take_all(T0_NS)
    (value,) = report.components[0].values
    assert (value.instant, value.no_light, value.HasField("avg")) == (-9.0, False, False)


def test_an_amplifiers_total_powers_belong_to_its_ports() -> None:
    n = node(components={"PORT-IN": "line-rx"})
    give(
        n,
        T0_NS,
        response(
            T0_NS,
            {
                "/input-power-total/instant": -9.0,
                "/output-power-total/instant": 1.0,
                "/actual-gain/instant": 20.0,
                "/ingress-port": "PORT-IN",
                "/egress-port": "PORT-OUT",
            },
            AMPLIFIER,
        ),
    )
    (report,) = n.merger.take_all(T0_NS)
    assert seen(report) == {
        "line-rx": (0, {"INPUT_POWER": -9.0}),
        "PORT-OUT": (0, {"OUTPUT_POWER": 1.0}),
        "E1": (0, {"ACTUAL_GAIN": 20.0}),
    }


def test_several_names_may_go_to_one_component() -> None:
    osc = "/optical-amplifier/supervisory-channels/supervisory-channel[interface=OSC]/state"
    n = node(components={"OSC": "line"})
    give(
        n,
        T0_NS,
        powers(T0_NS, "line", input=-9.0),
        response(T0_NS, {osc + "/input-power/instant": -7.0}),
    )
    (report,) = n.merger.take_all(T0_NS)
    assert seen(report) == {"line": (0, {"INPUT_POWER": -9.0, "INPUT_POWER_OSC": -7.0})}


def test_admin_state_holds_until_it_is_deleted() -> None:
    n = node()
    where = PORT.format("L1") + "/admin-state"
    states = []
    for i, told in enumerate(({where: "oc-types:MAINT"}, {}, None, {where: "nonsense"})):
        now_ns = T0_NS + i * SECOND_NS
        if told is None:
            give(n, now_ns, response(now_ns, {}, deleted=(PORT.format("L1"),)))
        elif told:
            give(n, now_ns, response(now_ns, told))
        give(n, now_ns, powers(now_ns, "L1", input=1.0))
        (report,) = n.merger.take_all(now_ns)
        states.append(report.components[0].admin_state)
    unspecified = AdminState.ADMIN_STATE_UNSPECIFIED
    assert states == [AdminState.MAINT, AdminState.MAINT, unspecified, unspecified]


def test_receive_time_stands_for_the_devices() -> None:
    n = node(receive_time=True)
    give(n, T0_NS, powers(5, "L1", input=1.0))
    (report,) = n.merger.take_all(T0_NS)
    assert report.components[0].sample_time_unix_ns == T0_NS


def test_no_time_is_counted() -> None:
    n = node()
    give(n, T0_NS, powers(0, "L1", input=1.0))
    assert n.merger.take_all(T0_NS) == []
    assert n.counts.fates == Counter({Fate.NO_TIME: 1})


def test_a_flood_is_bounded() -> None:
    n = node()
    for i in range(merge.MAX_WAITING + 10):
        give(n, T0_NS, powers(T0_NS + i, "L1", input=1.0))
    assert n.merger.waiting == merge.MAX_WAITING
    assert n.counts.fates[Fate.FLOOD] == 10
    assert n.lost_values() == 0


def test_rubbish_times_do_not_pile_up() -> None:
    n = node()
    for i in range(100):
        give(n, T0_NS, powers(T0_NS + i * 3600 * SECOND_NS, "L1", input=1.0))
        n.merger.take_due(T0_NS)
    assert n.merger.waiting <= 33
    assert n.counts.fates[Fate.REPORTED] == 100 - n.merger.waiting


def test_what_was_sent_of_rubbish_times_is_forgotten() -> None:
    n = node()
    give(n, T0_NS, powers(T0_NS, "L1", input=1.0))
    n.merger.take_all(T0_NS)
    tracemalloc.start()
    for i in range(1, 2_000):
        give(n, T0_NS, powers(T0_NS + i * SECOND_NS, "L1", input=1.0))
        n.merger.take_all(T0_NS)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used < 200_000


def test_the_interval_is_measured() -> None:
    n = node()
    for i in range(4):
        now_ns = T0_NS + 10 * i * SECOND_NS
        give(n, now_ns, powers(now_ns, "L1", input=1.0))
        n.merger.take_all(now_ns)
    assert n.counts.interval_s == 10.0


def test_jitter_at_the_second_is_no_slow_device() -> None:
    """Stamps just before and after a full second fall into every other second."""
    n = node()
    for i in range(12):
        now_ns = T0_NS + i * SECOND_NS + (1_000_000 if i % 2 else -1_000_000)
        give(n, now_ns, powers(now_ns, "L1", input=1.0))
        n.merger.take_due(now_ns)
    assert 0.99 < n.counts.interval_s < 1.01


VALUE = st.tuples(
    st.integers(0, 3 * 4 - 1),  # quarter of a second
    st.sampled_from(["L1", "L2"]),
    st.sampled_from(["input", "output"]),
)


@given(
    values=st.lists(VALUE, min_size=1, max_size=20),
    data=st.data(),
)
def test_any_order_gives_the_same_samples(
    values: list[tuple[int, str, str]], data: st.DataObject
) -> None:
    """What the pipeline takes of each component and second: the last of the latest samples."""
    messages = [
        powers(T0_NS + q * SECOND_NS // 4, name, **{power: float(q)}) for q, name, power in values
    ]
    results = []
    for order in (messages, data.draw(st.permutations(messages))):
        n = node()
        reports: list[PmReport] = []
        for i, message in enumerate(order):
            give(n, T0_NS + i, message)
            if data.draw(st.booleans()):
                reports += n.merger.take_all(T0_NS + i)
        reports += n.merger.take_all(T0_NS + len(order))
        winners: dict[tuple[str, int], Any] = {}
        for report in sorted(reports, key=lambda r: r.sequence):
            for name, (time_ns, readings) in seen(report).items():
                key = (name, time_ns // SECOND_NS)
                if key not in winners or winners[key][0] <= time_ns:
                    winners[key] = (time_ns, readings)
        results.append(winners)
        assert n.lost_values() == 0 and n.merger.waiting == 0
    assert results[0] == results[1]
