"""A long run: does anything grow that should not?

``python -m benchmarks.soak`` feeds a network at real-time speed, with some reports late, while
links come and go, and samples the memory of the JVMs and of the Python workers, and the size and
duration of the checkpoints. The curves are written as a picture; the difference between the second
and the last third of the run is printed as growth.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import random
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot
from rich.console import Console

from benchmarks.feed import Feed
from benchmarks.processes import memory_mb
from benchmarks.workloads import Workload, link_id
from runners.local.cluster import LocalCluster, Shape
from runners.local.flink_job import DROPS, FlinkJob
from runners.local.jars import CHECKOUT
from runners.local.kafka import LocalKafka
from runners.local.pipeline_job import TOPICS, create_topics, submit_pipeline
from runners.local.processes import workers_of
from schema.errors import EventCenterError
from simulator.cli import Parser

_JOB = "soak"
_SAMPLE_EVERY_S = 5
_CHURN_EVERY_S = 10
_LEAD_S = 30
#: Time after the feed for what is still on its way [s].
_REST_S = 20


@dataclass(frozen=True)
class Sample:
    """The job at a moment.

    Attributes:
        seconds: since the start of the feed.
        heap_mb: heap that all TaskManagers use, garbage included.
        python_mb: resident memory of all Python workers.
        checkpoint_mb: size of the newest checkpoint.
        checkpoint_ms: duration of that checkpoint.
    """

    seconds: float
    heap_mb: float
    python_mb: float
    checkpoint_mb: float
    checkpoint_ms: float


def run(options: argparse.Namespace, console: Console) -> tuple[list[Sample], dict[str, int]]:
    """Runs the job; returns the samples, and its counters at the end."""
    load = Workload(
        ports=options.ports,
        seconds=round(options.minutes * 60),
        start_s=int(time.time()) + options.lead_s,
        late_share=options.late_share,
    )
    shape = Shape(heap_mb=options.heap_mb, state_backend=options.state_backend)
    with contextlib.ExitStack() as stack:
        kafka = stack.enter_context(LocalKafka())
        cluster = stack.enter_context(LocalCluster(shape))
        create_topics(kafka, TOPICS, load.partitions)
        feed = Feed(kafka.bootstrap_servers)
        feed.links(TOPICS["topology"], load.links())
        job = submit_pipeline(kafka, cluster, _JOB, TOPICS, ["--parallelism=2"])
        stack.callback(job.cancel)
        console.print(f"Feeds {load.ports:,} ports for {options.minutes:g} minutes")
        samples: list[Sample] = []
        stopped = threading.Event()
        stack.callback(stopped.set)
        threading.Thread(
            target=_churn, args=(feed, load, options.churn, stopped), daemon=True
        ).start()
        sampled = time.monotonic() - _SAMPLE_EVERY_S
        for _ in feed.pace(TOPICS["pm"], load, stopped):
            if time.monotonic() - sampled >= _SAMPLE_EVERY_S:
                sampled = time.monotonic()
                samples.append(_sample(cluster, job, time.time() - load.start_s))
                if len(samples) % 12 == 0:
                    console.print(_line(samples[-1]))
        stopped.set()
        time.sleep(_REST_S)
        counters = job.counters() | {"restarts": job.restarts()}
    return samples, counters


def _churn(feed: Feed, load: Workload, number: int, stopped: threading.Event) -> None:
    """Deletes links from the topology, and puts back those deleted the time before."""
    rng = random.Random(load.seed)
    out: list[int] = []
    while not stopped.wait(_CHURN_EVERY_S):
        back, out = out, rng.sample(range(load.num_links), number)
        feed.remove_links(TOPICS["topology"], map(link_id, out))
        feed.links(TOPICS["topology"], (load.link(i) for i in back if i not in out))


def _sample(cluster: LocalCluster, job: FlinkJob, seconds: float) -> Sample:
    newest = (job.checkpoints().get("latest") or {}).get("completed") or {}
    workers = [
        worker
        for name, process in cluster.processes.items()
        if name.startswith("workerpool")
        for worker in workers_of(process.pid)
    ]
    return Sample(
        seconds=seconds,
        heap_mb=FlinkJob.heap_bytes(cluster.rest_address) / 1e6,
        python_mb=sum(map(memory_mb, workers)),
        checkpoint_mb=newest.get("state_size", 0) / 1e6,
        checkpoint_ms=newest.get("end_to_end_duration", 0),
    )


def _line(sample: Sample) -> str:
    return (
        f"{sample.seconds / 60:5.1f} min: heap {sample.heap_mb:,.0f} MB, "
        f"Python {sample.python_mb:,.0f} MB, "
        f"checkpoint {sample.checkpoint_mb:,.1f} MB in {sample.checkpoint_ms:,.0f} ms"
    )


#: The curves and their titles.
_CURVES = {
    "heap_mb": "heap of the TaskManagers [MB]",
    "python_mb": "Python workers [MB]",
    "checkpoint_mb": "checkpoint [MB]",
    "checkpoint_ms": "checkpoint duration [ms]",
}


def thirds(samples: Sequence[Sample], name: str) -> tuple[float, float]:
    """Returns one number for a curve in the second and one in the last third of the run.

    For the heap it is the least, which has no garbage in it; for the others the median.
    """
    third = len(samples) // 3
    parts = samples[third : 2 * third], samples[2 * third :]
    middle, last = (sorted(getattr(sample, name) for sample in part) for part in parts)
    if name == "heap_mb":
        return middle[0], last[0]
    return middle[len(middle) // 2], last[len(last) // 2]


def draw(samples: Sequence[Sample], path: Path) -> None:
    """Writes the curves as a picture, and the numbers as CSV beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure, axes = pyplot.subplots(len(_CURVES), sharex=True, figsize=(9, 9))
    minutes = [sample.seconds / 60 for sample in samples]
    for axis, (name, title) in zip(axes, _CURVES.items(), strict=True):
        axis.plot(minutes, [getattr(sample, name) for sample in samples], linewidth=1)
        axis.set_ylim(bottom=0)
        axis.set_title(title, loc="left", fontsize=9)
        axis.grid(alpha=0.3)
    axes[-1].set_xlabel("minutes")
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    with path.with_suffix(".csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(field.name for field in fields(Sample))
        writer.writerows(astuple(sample) for sample in samples)


def report(samples: Sequence[Sample], counters: dict[str, int]) -> Iterator[str]:
    """Yields the results, line by line."""
    for name, title in _CURVES.items():
        middle, last = thirds(samples, name)
        growth = 100 * (last / middle - 1) if middle else 0.0
        yield f"{title}: second third {middle:,.1f}, last {last:,.1f}: {growth:+.1f} %"
    dropped = sum(counters.get(name, 0) for name in DROPS)
    yield f"restarts {counters['restarts']}, dropped by Beam {dropped}"
    for name in sorted(counters):
        if "latency" not in name and "shard" not in name:
            yield f"{name:28} {counters[name]:>14,}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Returns:
        1 if the job was restarted or Beam has dropped something, 2 if nothing was measured, else 0.
    """
    options = _parser().parse_args(arguments)
    console = Console(soft_wrap=True, highlight=False, markup=False)
    try:
        samples, counters = run(options, console)
    except EventCenterError as error:
        print(f"soak: {error}", file=sys.stderr)
        return 2
    draw(samples, options.picture)
    for line in report(samples, counters):
        console.print(line)
    console.print(f"Picture: {options.picture}")
    return int(bool(counters["restarts"] or any(counters.get(name) for name in DROPS)))


def _parser() -> argparse.ArgumentParser:
    parser = Parser("soak", __doc__)
    parser.add_argument("--minutes", type=float, default=30, help="how long (30)")
    parser.add_argument("--ports", type=int, default=20_000, help="ports of the network (20000)")
    parser.add_argument(
        "--late_share", type=float, default=0.01, help="share of the reports that are late (0.01)"
    )
    parser.add_argument(
        "--churn", type=int, default=20, help="links that go and come every 10 s (20)"
    )
    parser.add_argument("--heap_mb", type=int, default=768, help="of each TaskManager (768)")
    parser.add_argument("--state_backend", choices=("hashmap", "rocksdb"), default="hashmap")
    parser.add_argument(
        "--lead_s", type=int, default=_LEAD_S, help=f"until the feed starts ({_LEAD_S})"
    )
    parser.add_argument(
        "--picture", type=Path, default=CHECKOUT / "out" / "soak.png", help="(out/soak.png)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
