"""``make quality``: how many faults of every kind are found, how fast, and what is false.

Each seed is a network with all kinds of faults, in files, through the batch pipeline on the
DirectRunner. Quiet networks follow, on which nothing must be found: channels are added and dropped
while nodes sample, refresh and tell the time as badly as they do in the field. The result is a page
in Markdown.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from schema.capture import write_capture
from schema.topology_file import write_topology
from simulator import faults as fault_module
from simulator.cli import Parser
from simulator.fault_kinds import KINDS
from simulator.fault_model import from_rfc3339
from simulator.network import build_network
from simulator.quality import Run, by_code, by_kind, incident_table, quiet, quiet_table, tally_table
from simulator.reports import generate
from simulator.sampling import Sampling
from simulator.score import read_json_lines, score
from simulator.score_incidents import score_incidents

_START_NS = from_rfc3339("2026-01-01T12:00:00Z")
_CLOCK_S = 3.0
_REFRESH_SHARE = 0.3
#: In which conditions a quiet network is watched.
CONDITIONS = {
    "phases of their own, good clocks": Sampling(),
    "phases around the second": Sampling(around_second=True),
    f"clocks off by up to {_CLOCK_S:g} s": Sampling(clock_s=_CLOCK_S),
    "three nodes in ten refresh every 5 to 30 s": Sampling(refresh_share=_REFRESH_SHARE),
    "all of these": Sampling(True, _CLOCK_S, _REFRESH_SHARE),
}


_WRONG = """\
- Around the full second each power misses about one window in four, at each end by itself, so both
  ends of a span tell something in little more than half of the windows. Often a power of a span
  is missing in three windows in a row: these PM_DATA_MISSING are false, and nearly all that is
  false in every second run. Faults of few windows are missed there for the same reason. With
  `--window_s=2` such devices tell something in every window.
- Clocks that differ by seconds let a change of channels look like a loss for as long:
  SIGNAL_DEGRADE and FIBER_DEGRADE. And one end of a link begins and stops before the other:
  PM_DATA_MISSING at the beginning and at the end of a capture.
- A node that refreshes every 5 to 30 s tells old powers: a change of channels at the other end
  looks like a loss until it refreshes. There `--window_s` should be as long as the refresh.
"""


@dataclass(frozen=True)
class Scene:
    """A network, what happens to it, and how it is sampled."""

    links: int
    seconds: int
    seed: int
    kinds: Sequence[str]
    sampling: Sampling

    def run(self, folder: Path) -> Run:
        """Simulates the scene, runs the pipeline on it, and holds its events against the truth.

        Raises:
            ValueError: the faults do not fit.
            CalledProcessError: the pipeline failed.
        """
        names = ("pm.bin", "topology.jsonl", "events.jsonl", "incidents.jsonl")
        pm, topology, events, incidents = (folder / name for name in names)
        network = build_network(self.links, self.seed)
        faults = fault_module.schedule(network, _START_NS, self.seconds, self.seed, self.kinds)
        reports = generate(
            network, faults, _START_NS, self.seconds, self.seed, sampling=self.sampling
        )
        write_capture(pm, (report.payload for report in reports))
        write_topology(topology, fault_module.topology(network, faults))
        files = (
            *(f"--pm_file={pm}", f"--topology_file={topology}"),
            *(f"--events_file={events}", f"--incidents_file={incidents}"),
        )
        command = [sys.executable, "-m", "pipeline", "--replay=batch", *files]
        subprocess.run(command, check=True, capture_output=True, text=True)
        truth = [fault.to_json() for fault in faults]
        found = score(read_json_lines(events), truth)
        return Run(found, score_incidents(found, read_json_lines(incidents)), truth)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns 0 when the page is written, whatever stands in it."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if min(options.seeds, options.quiet_seeds) < 1:
        parser.error("--seeds and --quiet_seeds must be at least 1")
    folder = Path(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        page = _page(options, folder)
    except ValueError as error:
        parser.error(str(error))
    except subprocess.CalledProcessError as error:
        print(f"quality: the pipeline failed:\n{error.stderr}", file=sys.stderr)
        return 1
    path = folder / "quality.md"
    path.write_text(page, encoding="utf-8")
    print(f"{page}\nThis page: {path}")
    return 0


def _page(options: argparse.Namespace, folder: Path) -> str:
    runs = []
    for seed in range(1, options.seeds + 1):
        sampling = Sampling(around_second=seed % 2 == 0)
        scene = Scene(options.links, options.seconds, seed, tuple(KINDS), sampling)
        runs.append(scene.run(folder))
        found = runs[-1].score
        print(
            f"seed {seed}: {len(found.found)} of {len(found.findings)} found, "
            f"{len(found.false_alarms)} false",
            file=sys.stderr,
        )
    quiets = []
    for condition, sampling in CONDITIONS.items():
        watched = [
            Scene(
                options.links,
                options.quiet_seconds,
                seed,
                ["channel_change"] * options.links,
                sampling,
            ).run(folder)
            for seed in range(1, options.quiet_seeds + 1)
        ]
        link_seconds = options.links * options.quiet_seconds * options.quiet_seeds
        # A node that repeats old samples has none in most windows.
        right = "PM_DATA_MISSING" if sampling.refresh_share else ""
        quiets.append(quiet(condition, watched, link_seconds, right))
        print(f"quiet, {condition}: {quiets[-1].false.total()} false", file=sys.stderr)
    return "\n".join(
        [
            "# How well faults are found\n",
            f"{options.seeds} simulated networks of {options.links} links for {options.seconds} s, "
            "each with every kind of fault once. In every second one, all nodes sample around the "
            "full second. Delays are in windows, from the one of the cause to the one that raised "
            "the alarm, both counted. `make quality` makes this page.\n",
            "## By code\n",
            tally_table("code", by_code(runs)),
            "## By kind of fault\n",
            tally_table("kind", by_kind(runs)),
            "## Incidents\n",
            "The alarms of one cause are one incident. Alarms that are false, as most are around "
            "the full second, are in incidents too; here are the causes whose alarms were found.\n",
            "Phases of their own:\n",
            incident_table(runs[::2]),
            "Around the full second:\n",
            incident_table(runs[1::2]),
            "## A quiet network\n",
            f"{options.quiet_seeds} networks of {options.links} links for {options.quiet_seconds} "
            "s in each condition. Nothing is wrong, but channels are added to each link and "
            "dropped again: launched and received power take two steps of 1 to 6 dB together, far "
            "more often than in the field. Half of the nodes that refresh slowly repeat the old "
            "sample times too: their links are rightly PM_DATA_MISSING.\n",
            quiet_table(quiets),
            "\n## What is still wrong\n",
            _WRONG,
        ]
    )


def _parser() -> Parser:
    parser = Parser("quality", __doc__)
    parser.add_argument("--seeds", type=int, default=20, help="networks with faults (20)")
    parser.add_argument("--links", type=int, default=120, help="links of each network (120)")
    parser.add_argument("--seconds", type=int, default=180, help="length of a capture (180)")
    parser.add_argument(
        "--quiet_seeds", type=int, default=5, help="quiet networks in each condition (5)"
    )
    parser.add_argument(
        "--quiet_seconds", type=int, default=900, help="length of a quiet capture (900)"
    )
    parser.add_argument("--out", default="out", help="folder of all files (out)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
