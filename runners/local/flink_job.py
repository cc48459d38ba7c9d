"""A job on a Flink cluster, seen through Flink's REST interface."""

from __future__ import annotations

import contextlib
import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Container, Iterable
from dataclasses import dataclass
from typing import Any, Self

from schema.errors import FlinkError
from schema.outputs import NAMESPACE
from schema.versions import TRACKER_STATE_VERSION

#: Beam's counters of what it has dropped, as too late or after the end of a window.
DROPS = ("droppedDueToLateness", "droppedDueToClosedWindow", "StatefulParDoDropped")

#: States in which a job has ended.
ENDED = ("FINISHED", "CANCELED", "FAILED")

#: What Flink says of a savepoint with steps that the job does not have, and what that means here.
_CANNOT_MAP = "Cannot map checkpoint/savepoint state"
_OTHER_STEPS = (
    "the savepoint is of an older version, with steps that this one, with state of version "
    f"{TRACKER_STATE_VERSION}, does not have: start without the savepoint"
)

_TIMEOUT_S = 10
_SAVEPOINT_TIMEOUT_S = 120
_POLL_S = 0.2
# The update interval of the cluster, plus the time that gathering takes.
_GATHERING_S = 1
# The last line of a Python traceback, which stands in the middle of a Java one.
_PYTHON_ERROR = re.compile(r"\w*(Error|Exception): ")


@dataclass(frozen=True)
class FlinkJob:
    """A job that was submitted.

    Attributes:
        address: REST interface of its cluster, host:port.
        job_id: its id on that cluster.
    """

    address: str
    job_id: str

    @classmethod
    def find(cls, addresses: Iterable[str], name: str) -> Self | None:
        """Returns the newest job of a name; None if there is none yet.

        Args:
            addresses: REST interfaces, oldest first.
            name: of the job.
        """
        for address in reversed(list(addresses)):
            if jobs := cls.all(address, name):
                return jobs[-1]
        return None

    @classmethod
    def all(cls, address: str, name: str) -> list[Self]:
        """Returns all jobs of a name on a cluster, ended ones included, by time of start."""
        jobs = _get(address, "jobs/overview").get("jobs", [])
        named = sorted((j for j in jobs if j["name"] == name), key=lambda j: j["start-time"])
        return [cls(address, job["jid"]) for job in named]

    @classmethod
    def wait_for(cls, address: str, name: str, timeout_s: float, but: Container[Self]) -> Self:
        """Waits until all tasks of a job run, and returns the newest job of that name.

        Args:
            address: REST interface, host:port.
            name: of the job.
            timeout_s: how long it may take.
            but: older jobs of that name, which do not count.

        Raises:
            FlinkError: the job has ended, or it does not run in time.
        """
        deadline = time.monotonic() + timeout_s
        job = None
        while time.monotonic() < deadline:
            job = next((j for j in cls.all(address, name) if j not in but), None)
            if job and job.is_running():
                return job
            if job and job.state() in ENDED:
                raise FlinkError(f"job {name} is {job.state()}: {job._failure_by(deadline)}")
            time.sleep(_POLL_S)
        why = f"it is {job.state()} {job.last_failure()}" if job else "it is not known there"
        raise FlinkError(f"job {name} does not run on {address} after {timeout_s:g} s: {why}")

    @staticmethod
    def slots(address: str) -> int:
        """Returns how many slots a cluster has in all."""
        return int(_get(address, "overview").get("slots-total", 0))

    @staticmethod
    def heap_bytes(address: str) -> int:
        """Returns how much heap the TaskManagers of a cluster use, garbage included."""
        metric = "Status.JVM.Memory.Heap.Used"
        told = _get(address, f"taskmanagers/metrics?get={metric}&agg=sum")
        return int(told[0]["sum"]) if told else 0

    def state(self) -> str:
        """Returns the state as Flink names it; UNKNOWN if Flink does not answer."""
        # For anything more than the status, Flink gathers all metrics of the cluster.
        return str(self._get("status").get("status", "UNKNOWN"))

    def is_running(self) -> bool:
        """Returns whether every task of the job runs, with its workers."""
        job = self._get("")
        tasks = [vertex["status"] for vertex in job.get("vertices", [])]
        return job.get("state") == "RUNNING" and all(task == "RUNNING" for task in tasks)

    def cancel(self) -> None:
        """Cancels the job. Beam's job server, if asked, would only stop waiting for it."""
        url = f"http://{self.address}/jobs/{self.job_id}?mode=cancel"
        request = urllib.request.Request(url, method="PATCH")
        with contextlib.suppress(OSError), urllib.request.urlopen(request, timeout=_TIMEOUT_S):
            pass

    def savepoint(self, *, stop: bool) -> str:
        """Writes a savepoint where the cluster's configuration says, and returns its path.

        Args:
            stop: whether to cancel the job once the savepoint is written. (Flink's own "stop"
                would end event time first, which clears the state.)

        Raises:
            FlinkError: the savepoint failed.
        """
        body = json.dumps({"cancel-job": stop}).encode()
        url = f"http://{self.address}/jobs/{self.job_id}/savepoints"
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
                trigger = json.load(answer)["request-id"]
        except OSError as error:
            raise FlinkError(f"no savepoint of job {self.job_id}: {error}") from None
        deadline = time.monotonic() + _SAVEPOINT_TIMEOUT_S
        while time.monotonic() < deadline:
            told = self._get(f"savepoints/{trigger}")
            if told.get("status", {}).get("id") == "COMPLETED":
                done = told["operation"]
                if "location" in done:
                    return str(done["location"])
                why = done["failure-cause"]["stack-trace"]
                raise FlinkError(f"no savepoint of job {self.job_id}: {_root_cause(why)}")
            time.sleep(_POLL_S)
        raise FlinkError(f"no savepoint of job {self.job_id} in {_SAVEPOINT_TIMEOUT_S} s")

    def restarts(self) -> int:
        """Returns how many times Flink has restored a checkpoint or savepoint."""
        return int(self.checkpoints().get("counts", {}).get("restored", 0))

    def _failure_by(self, deadline: float) -> str:
        """Returns why the job failed; Flink says it a little later than that it failed."""
        while not (failure := self.last_failure()) and self.state() == "FAILED":
            if time.monotonic() > deadline:
                break
            time.sleep(_POLL_S)
        return failure

    def last_failure(self) -> str:
        """Returns why the job failed last, in one line; empty if it never failed."""
        entries = self._get("exceptions").get("exceptionHistory", {}).get("entries", [])
        if not entries:
            return ""
        cause = _root_cause(entries[0]["stacktrace"])
        return _OTHER_STEPS if _CANNOT_MAP in cause else cause

    def checkpoints(self) -> dict[str, Any]:
        """Returns what Flink reports of the checkpoints: counts, and the latest ones."""
        told: dict[str, Any] = self._get("checkpoints")
        return told

    def config(self) -> dict[str, Any]:
        """Returns the settings with which Flink runs the job."""
        told: dict[str, Any] = self._get("config").get("execution-config", {})
        return told

    def counters(self) -> dict[str, int]:
        """Returns the event center's counters, and Beam's counters of drops, by name.

        A counter that has counted nothing yet is missing.
        """
        vertices = self._get("").get("vertices", [])
        # Flink starts to gather metrics when it is asked, and answers with the ones it had before.
        time.sleep(_GATHERING_S)
        found: Counter[str] = Counter()
        for vertex in vertices:
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
    """Returns the name of the counter behind a metric; empty if it is of no interest."""
    last = metric.rpartition(".")[2]
    if last.startswith(f"{NAMESPACE}_"):
        return last.removeprefix(f"{NAMESPACE}_")
    return next((name for name in DROPS if last.endswith(name)), "")


def _root_cause(stack_trace: str) -> str:
    """Returns the innermost cause of a Java stack trace, or the Python error inside it."""
    lines = [line.strip() for line in stack_trace.splitlines()]
    if python := [line for line in lines if _PYTHON_ERROR.match(line)]:
        return python[-1]
    causes = [line for line in lines if line.startswith("Caused by: ")]
    return causes[-1].removeprefix("Caused by: ") if causes else next(iter(lines), "")


def _get(address: str, path: str) -> Any:
    """Returns the answer of the interface; an empty dict if there is none."""
    try:
        with urllib.request.urlopen(f"http://{address}/{path}", timeout=_TIMEOUT_S) as answer:
            return json.load(answer)
    except (OSError, urllib.error.HTTPError, json.JSONDecodeError):
        return {}
