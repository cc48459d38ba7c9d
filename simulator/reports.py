"""Makes the PM reports of a network under faults, in the order of their arrival."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from simulator.corrupt import corrupt
from simulator.encode import ReportEncoder
from simulator.fault_model import SECOND_NS, Defect, Fault
from simulator.network import Network, node_id
from simulator.sampling import Sampling
from simulator.signals import Signals
from simulator.transport import Arrival, Courier, Transport


def generate(
    network: Network,
    faults: Sequence[Fault],
    start_ns: int,
    seconds: int,
    seed: int,
    transport: Transport | None = None,
    sampling: Sampling | None = None,
) -> Iterator[Arrival]:
    """Makes one report per node and second. The same arguments give the same reports.

    Args:
        network: The network to measure.
        faults: What happens to it, see `simulator.faults.schedule`.
        start_ns: Start of the first second in event time, a whole second.
        seconds: How many seconds.
        seed: Seed of noise, sample phases and transport.
        transport: How reports are disturbed on their way; by default slightly out of order.
        sampling: When nodes sample; by default at phases of their own, with good clocks.

    Yields:
        The reports in order of arrival, each with its time of sending.
    """
    network = network.with_long_links([link for fault in faults for link in fault.long_links])
    signals = Signals(network, faults, start_ns, seconds, seed, sampling)
    encoder = ReportEncoder(network, seed)
    courier = Courier(transport or Transport(), seed)
    defects = _by_node(faults)
    for number in range(seconds):
        second_ns = start_ns + number * SECOND_NS
        readings = signals.second(number)
        send_ns = readings.send_ns.tolist()
        reports = (
            Arrival(send_ns[node], node_id(node), sent)
            for node, payload in enumerate(encoder.encode(readings, sequence=number + 1))
            if (sent := _damaged(payload, defects.get(node, ()), second_ns, number)) is not None
        )
        yield from courier.carry(reports, network.node_count, until_ns=second_ns + SECOND_NS)
    yield from courier.rest()


def _by_node(faults: Iterable[Fault]) -> dict[int, list[Defect]]:
    by_node: defaultdict[int, list[Defect]] = defaultdict(list)
    for fault in faults:
        for defect in fault.defects:
            by_node[defect.node].append(defect)
    return by_node


def _damaged(
    payload: bytes, defects: Iterable[Defect], second_ns: int, number: int
) -> bytes | None:
    sent: bytes | None = payload
    for defect in defects:
        if sent is not None and defect.start_ns <= second_ns < defect.end_ns:
            sent = corrupt(sent, defect, number)
    return sent
