"""Child processes that live exactly as long as the block that started them."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import IO, Self

from schema.errors import ProcessError

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_POLL_S = 0.1
_LOG_LINES = 15
_LOGS_KEPT = 200
_FIRST_PORT, _LAST_PORT = 20_000, 32_000
LOGS = Path(__file__).resolve().parents[2] / ".cache" / "logs"


class Process:
    """A child in a process group of its own, with its output in a log file.

    As a context manager, it is started on entry and stopped on exit, with everything that it has
    started itself. That holds for Ctrl-C too, and for SIGTERM, which `_stop_on_signals` turns into
    an ordinary exit.

    Example:
        with Process("sleeper", ["sleep", "60"], log=Path("sleeper.log")) as sleeper:
            sleeper.wait_until(lambda: True, timeout_s=10)
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        log: Path,
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        grace_s: float = 10,
    ) -> None:
        """Describes the child; nothing is started yet.

        Args:
            name: what messages call it.
            command: the program and its arguments.
            log: file that takes its standard output and standard error.
            env: variables set in addition to the inherited ones.
            cwd: folder in which it runs.
            grace_s: time between SIGTERM and SIGKILL.
        """
        self.name = name
        self.command = [str(part) for part in command]
        self.log = log
        self._env = {**os.environ, **(env or {})}
        self._cwd = cwd
        self._grace_s = grace_s
        self._popen: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Starts the child."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stops the child."""
        self.stop()

    @property
    def pid(self) -> int:
        """The id of the child, and of its process group."""
        assert self._popen is not None, f"{self.name} is not started"
        return self._popen.pid

    @property
    def returncode(self) -> int | None:
        """How the child ended; None before it was started, and while it runs."""
        return self._popen.poll() if self._popen else None

    def start(self) -> None:
        """Starts the child and returns at once."""
        _stop_on_signals()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log, _signals_held():
            self._popen = self._spawn(log)

    def restart(self) -> None:
        """Starts a dead child again; kills whatever it had started itself."""
        self._signal_group(signal.SIGKILL)
        self.start()

    def kill(self) -> None:
        """Kills the child at once with SIGKILL, and only the child."""
        os.kill(self.pid, signal.SIGKILL)

    def _spawn(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._env,
                cwd=self._cwd,
                start_new_session=True,
            )
        except OSError as error:
            raise ProcessError(f"{self.name} could not be started: {error}") from None

    def wait_until(self, ready: Callable[[], bool], timeout_s: float) -> None:
        """Waits until `ready()` is true.

        Raises:
            ProcessError: the child has ended, or is not ready in time.
        """
        deadline = time.monotonic() + timeout_s
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise ProcessError(f"{self.name} was not ready in {timeout_s:g} s\n{self.tail()}")
            time.sleep(_POLL_S)

    def wait_for_port(self, port: int, timeout_s: float) -> None:
        """Waits until the child listens on a port of this machine."""
        self.wait_until(lambda: is_listening(port), timeout_s)

    def wait_for_line(self, text: str, timeout_s: float) -> None:
        """Waits until the log contains a text."""
        self.wait_until(lambda: text in self.read_log(), timeout_s)

    def wait(self, timeout_s: float | None = None) -> int:
        """Waits until the child ends by itself, and returns its exit code.

        Raises:
            subprocess.TimeoutExpired: it still runs after the timeout.
        """
        assert self._popen is not None, f"{self.name} is not started"
        return self._popen.wait(timeout_s)

    def check(self) -> None:
        """Raises ProcessError if the child has ended."""
        if self.returncode is not None:
            raise ProcessError(f"{self.name} ended with code {self.returncode}\n{self.tail()}")

    def read_log(self) -> str:
        """Returns what the child has written so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def tail(self, lines: int = _LOG_LINES) -> str:
        """Returns the last lines of the log, and where the rest is."""
        last = self.read_log().splitlines()[-lines:]
        return "\n".join([f"  {line}" for line in last] + [f"  (all of it: {self.log})"])

    def stop(self) -> None:
        """Ends the child's process group: with SIGTERM, and after the grace time with SIGKILL."""
        if self._popen is None:
            return
        with _signals_held():
            self._signal_group(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(self._grace_s)
            self._signal_group(signal.SIGKILL)
            self._popen.wait()

    def _signal_group(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)


def _stop_on_signals() -> None:
    """Makes SIGTERM and SIGHUP end this program through its `with` blocks.

    By default these signals kill a Python program on the spot, which leaves its children behind. A
    handler that is already set stays.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _exit)


def _exit(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


@contextlib.contextmanager
def _signals_held() -> Iterator[None]:
    """Delays signals, so that they never interrupt the start or the stop of a child."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {int(one): signal.getsignal(one) for one in _STOP_SIGNALS}
    for number in before:
        signal.signal(number, lambda number, _: came.append(number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        signal.raise_signal(came[0])


def children_of(process: int) -> list[int]:
    """Returns the running children of a process."""
    children = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has just ended
            number, _, rest = file.read_text().partition(" (")
            state, parent = rest.rpartition(")")[2].split()[:2]
            if int(parent) == process and state not in "ZX":
                children.append(int(number))
    return children


def workers_of(pool: int) -> list[int]:
    """Returns the running workers of a worker pool: the children of its own children."""
    return [worker for child in children_of(pool) for worker in children_of(child)]


def is_listening(port: int) -> bool:
    """Returns whether something takes connections on a port of this machine."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_ports(count: int) -> list[int]:
    """Returns different ports of this machine on which nothing listens."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


def free_port_range(count: int) -> int:
    """Returns the first of so many ports in a row on which nothing listens.

    They lie below the ports that the system gives to outgoing connections. The search begins
    anywhere, so that two that search at the same time do not find the same.
    """
    found = list(range(_FIRST_PORT, _LAST_PORT - count, count))
    begin = random.randrange(len(found)) if found else 0
    for first in found[begin:] + found[:begin]:
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for port in range(first, first + count):
                stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first
    raise ProcessError(f"there are no {count} free ports in a row")


def log_file(name: str) -> Path:
    """Returns a log file for a child that starts now; deletes all but the newest logs."""
    LOGS.mkdir(parents=True, exist_ok=True)
    for old in sorted(LOGS.glob("*.log"))[:-_LOGS_KEPT]:
        old.unlink(missing_ok=True)
    return LOGS / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}-{name}.log"
