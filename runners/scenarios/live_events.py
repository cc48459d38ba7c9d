"""The events of a live run: read from Kafka, shown, timed, compared with the ground truth."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from kafka import KafkaConsumer
from rich.console import Console
from rich.text import Text

from runners.scenarios.event_styles import severity_shown, style_of
from simulator.score import Score, score

_NAMED_AT_MOST = 10


class LiveEvents:
    """Reads the events topic as it grows; a repeated event counts once."""

    def __init__(self, bootstrap_servers: str, topic: str) -> None:
        self._consumer = KafkaConsumer(
            topic, bootstrap_servers=bootstrap_servers, auto_offset_reset="earliest"
        )
        self._seen: dict[str, dict[str, Any]] = {}
        self._latencies_s: list[float] = []

    def close(self) -> None:
        """Closes the connection."""
        self._consumer.close(autocommit=False)

    def poll(self, wait_s: float) -> Iterator[dict[str, Any]]:
        """Yields the new events; waits for the first of them for at most `wait_s`."""
        for records in self._consumer.poll(timeout_ms=round(wait_s * 1000)).values():
            for record in records:
                event = json.loads(record.value)
                if event["id"] not in self._seen:
                    self._seen[event["id"]] = event
                    window_end_s = datetime.fromisoformat(event["time"]).timestamp()
                    self._latencies_s.append(record.timestamp / 1000 - window_end_s)
                    yield event

    def latency(self) -> str:
        """Returns one line: how long events took from the end of their window to Kafka."""
        number = len(self._latencies_s)
        if not number:
            return "No event came."
        ordered = sorted(self._latencies_s)
        p99_s = ordered[math.ceil(0.99 * number) - 1]
        return (
            f"{number} events; from the end of the window to Kafka "
            f"{statistics.median(ordered):.2f} s (median), {p99_s:.2f} s (p99)"
        )

    def score(self, truth: Sequence[Mapping[str, Any]], since: datetime) -> Score:
        """Compares the events of windows that ended since a moment with the truth."""
        events = [
            event for event in self._seen.values() if datetime.fromisoformat(event["time"]) >= since
        ]
        return score(events, truth)


def event_line(event: Mapping[str, Any]) -> Text:
    """Returns an event for a person: time, severity, action, text."""
    data = event["data"]
    severity = severity_shown(event)
    return Text.assemble(
        (datetime.fromisoformat(event["time"]).strftime("%H:%M:%S"), "dim"),
        "  ",
        (f"{severity:<8}", style_of(severity)),
        "  ",
        (f"{data['action']:<6}", "bold"),
        "  ",
        data["text"],
    )


def print_score(console: Console, result: Score) -> None:
    """Prints how many of the expected alarms came, and names what is wrong."""
    console.print(
        f"Against the simulator's ground truth: {len(result.found)} of {len(result.findings)} "
        f"alarms found, {len(result.false_alarms)} false; {result.raised_once} raised once, "
        f"{result.cleared_once} cleared once",
        highlight=False,
        soft_wrap=True,
    )
    wrong = [f"missed: {f.expected} ({f.kind})" for f in result.missed]
    wrong += [f"false: {alarm}" for alarm in result.false_alarms]
    for line in wrong[:_NAMED_AT_MOST]:
        console.print(f"  {line}", highlight=False, markup=False, soft_wrap=True)
    if len(wrong) > _NAMED_AT_MOST:
        console.print(f"  and {len(wrong) - _NAMED_AT_MOST} more")
