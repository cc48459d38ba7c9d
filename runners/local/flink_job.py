"""A running job on the local Flink, as Flink's REST interface tells of it."""

from __future__ import annotations

import contextlib
import json
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

#: Namespace of the event center's own counters.
OWN = "eventcenter"
#: Beam's counters of what it has thrown away, as too late or behind the end of a window.
DROPS = ("droppedDueToLateness", "droppedDueToClosedWindow", "StatefulParDoDropped")

_TIMEOUT_S = 10


@dataclass(frozen=True)
class FlinkJob:
    """A job that was submitted.

    Attributes:
        address: REST interface of its cluster, host:port.
        job_id: its id there.
    """

    address: str
    job_id: str

    @classmethod
    def find(cls, addresses: Iterable[str], name: str) -> Self | None:
        """Returns the newest job of a name; None when there is none (yet).

        Args:
            addresses: REST interfaces, oldest first.
            name: of the job.
        """
        for address in reversed(list(addresses)):
            for job in _get(address, "jobs/overview").get("jobs", []):
                if job["name"] == name:
                    return cls(address, job["jid"])
        return None

    def state(self) -> str:
        """Returns the state in Flink's words; UNKNOWN when nobody answers."""
        return str(self._get("").get("state", "UNKNOWN"))

    def is_running(self) -> bool:
        """Returns whether every task of the job runs, with its workers."""
        job = self._get("")
        tasks = [vertex["status"] for vertex in job.get("vertices", [])]
        return job.get("state") == "RUNNING" and all(task == "RUNNING" for task in tasks)

    def cancel(self) -> None:
        """Ends the job. Beam's job server, asked to, only stops to wait for it."""
        url = f"http://{self.address}/jobs/{self.job_id}?mode=cancel"
        request = urllib.request.Request(url, method="PATCH")
        with contextlib.suppress(OSError), urllib.request.urlopen(request, timeout=_TIMEOUT_S):
            pass

    def counters(self) -> dict[str, int]:
        """Returns the event center's counters, and Beam's of what was dropped, by name.

        What a counter has not counted yet is not there. Flink gathers them about every second.
        """
        found: Counter[str] = Counter()
        for vertex in self._get("").get("vertices", []):
            metrics = f"vertices/{vertex['id']}/subtasks/metrics"
            wanted = [m["id"] for m in self._get(metrics) or [] if _counter_name(m["id"])]
            if wanted:
                query = urllib.parse.urlencode({"get": ",".join(wanted), "agg": "sum"})
                for metric in self._get(f"{metrics}?{query}"):
                    found[_counter_name(metric["id"])] += int(metric["sum"])
        return dict(found)

    def _get(self, path: str) -> Any:
        return _get(self.address, f"jobs/{self.job_id}/{path}".rstrip("/"))


def _counter_name(metric: str) -> str:
    """Returns the name of the counter that a metric is; empty when it is none of ours."""
    last = metric.rpartition(".")[2]
    if last.startswith(f"{OWN}_"):
        return last.removeprefix(f"{OWN}_")
    return next((name for name in DROPS if last.endswith(name)), "")


def _get(address: str, path: str) -> Any:
    """Returns what the interface says; an empty dict when nobody answers."""
    try:
        with urllib.request.urlopen(f"http://{address}/{path}", timeout=_TIMEOUT_S) as answer:
            return json.load(answer)
    except (OSError, urllib.error.HTTPError, json.JSONDecodeError):
        return {}
