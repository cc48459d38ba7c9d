"""``make run``: simulates a small network with faults, runs the pipeline, shows what it found.

Everything happens in files and processes of this machine, without Java or Kafka.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from runners.scenarios.event_styles import severity_shown, style_of
from schema.outputs import ALL_OUTPUTS, RECORDED
from simulator.score import PLAIN_WIDTH, read_json_lines, score
from simulator.score_incidents import score_incidents

#: Where files go if nothing else is said; the console looks there, too.
OUT = "out"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns 0 if every fault was found and nothing else, otherwise 1."""
    options = _parser().parse_args(arguments)
    console = Console()
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    folder = Path(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    pm, topology, truth = (folder / name for name in ("pm.bin", "topology.jsonl", "truth.jsonl"))
    outputs = {output: folder / f"{output}.jsonl" for output in ALL_OUTPUTS}
    stages: list[tuple[str, list[str]]] = [
        (
            f"Simulating {options.links} links for {options.seconds} s, every kind of fault once",
            [
                "simulator",
                f"--links={options.links}",
                f"--seconds={options.seconds}",
                f"--seed={options.seed}",
                "--spares=1",
                f"--capture_file={pm}",
                f"--topology_file={topology}",
                f"--truth_file={truth}",
            ],
        ),
        (
            "Running the pipeline on the DirectRunner",
            [
                "pipeline",
                f"--pm_file={pm}",
                f"--topology_file={topology}",
                f"--replay={options.replay}",
                *(f"--{output}_file={path}" for output, path in outputs.items()),
            ],
        ),
        (
            "Drawing an incident",
            [
                "simulator.plot_incident",
                f"--capture_file={pm}",
                f"--topology_file={topology}",
                f"--events_file={outputs['events']}",
                f"--incidents_file={outputs['incidents']}",
                f"--out={folder / 'incident.png'}",
            ],
        ),
        (
            "Drawing the span losses",
            [
                "simulator.plot",
                f"--capture_file={pm}",
                f"--topology_file={topology}",
                f"--events_file={outputs['events']}",
                f"--out={folder / 'losses.png'}",
            ],
        ),
    ]
    for title, command in stages:
        if not _stage(console, title, command):
            return 1
    events = list(read_json_lines(outputs["events"]))
    incidents = list(read_json_lines(outputs["incidents"]))
    result = score(events, read_json_lines(truth))
    console.print(_incident_table(incidents))
    console.print(_numbers(events, incidents), highlight=False)
    console.print(_event_table(events))
    console.print(result)
    console.print(score_incidents(result, incidents))
    _print_files(console, folder, outputs)
    return 0 if result.is_perfect else 1


def _stage(console: Console, title: str, command: list[str]) -> bool:
    start_s = time.monotonic()
    with console.status(f"{title} …"):
        done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True)
    said = (done.stderr.strip() or done.stdout.strip()).splitlines()
    took_s = time.monotonic() - start_s
    if done.returncode:
        console.print(f"[red]{title}: failed[/red]\n" + "\n".join(said[-20:]), highlight=False)
        return False
    console.print(f"{title}: {took_s:.1f} s", highlight=False)
    if said:
        console.print(f"  {said[-1]}", style="dim", highlight=False)
    return True


def _incident_table(incidents: list[dict[str, Any]]) -> Table:
    """Returns a line for each incident: what was last said of it while it was open."""
    table = Table("opened", "severity", "alarms", "incident", title="Incidents")
    newest = {event["subject"]: event for event in incidents if event["data"]["action"] != "CLOSE"}
    for event in newest.values():
        data, severity = event["data"], severity_shown(event)
        opened, number = data["opened_time"][11:19], str(len(data["alarms"]))
        table.add_row(opened, severity, number, data["text"], style=style_of(severity))
    return table


def _numbers(events: list[dict[str, Any]], incidents: list[dict[str, Any]]) -> str:
    alarms = len({event["data"]["alarm_id"] for event in events})
    return f"{alarms} alarms, {len({event['subject'] for event in incidents})} incidents\n"


def _event_table(events: list[dict[str, Any]]) -> Table:
    table = Table("window end", "severity", "action", "event", title="Events")
    for event in events:
        data, severity = event["data"], severity_shown(event)
        table.add_row(
            event["time"][11:19], severity, data["action"], data["text"], style=style_of(severity)
        )
    return table


def _print_files(console: Console, folder: Path, outputs: dict[str, Path]) -> None:
    console.print(f"\nThe losses: {folder / 'losses.png'}", highlight=False)
    console.print(f"An incident: {folder / 'incident.png'}", highlight=False)
    for output, path in outputs.items():
        number = sum(1 for _ in path.open("rb"))
        console.print(f"{number:6d} {output:9} lines in {path}", highlight=False)
    console.print(f"\nTo look through it in a browser: {_console_command(folder)}", highlight=False)


def _console_command(folder: Path) -> str:
    """Returns what opens the console on a folder of outputs."""
    if folder == Path(OUT):
        return "make console"
    files = " ".join(f"--{name}_file={folder / name}.jsonl" for name in RECORDED)
    return f'make console ARGS="{files} --database=sqlite:///{folder}/center.db"'


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="first_look", description=__doc__)
    parser.add_argument("--links", type=int, default=100, help="size of the network (100)")
    parser.add_argument("--seconds", type=int, default=150, help="length of the capture (150)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed, the same run (1)")
    parser.add_argument("--replay", choices=("batch", "stream"), default="batch")
    parser.add_argument("--out", default=OUT, help="folder of all files (out)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
