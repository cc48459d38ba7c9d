"""Receives from gNMI targets with pygnmi and does nothing else with what comes.

A process of its own: pygnmi's generated messages exclude ours. Each target has a thread, as pygnmi
is meant to be used. Prints, each second, a JSON object: updates so far, and the delays of some.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from typing import Any

from pygnmi.client import gNMIclient

#: Of so many messages the delay of one is kept.
_SAMPLE = 97

_PATH = "/components/component[name=*]/port/optical-port/state"


class _Receiver:
    def __init__(self) -> None:
        self.updates = 0
        self.delays_s: list[float] = []
        self._lock = threading.Lock()

    def receive(self, port: int) -> None:
        asked = {
            "subscription": [{"path": _PATH, "mode": "sample", "sample_interval": 1_000_000_000}],
            "mode": "stream",
            "encoding": "proto",
        }
        with gNMIclient(target=("127.0.0.1", port), insecure=True) as client:
            for number, message in enumerate(client.subscribe2(subscribe=asked)):
                self._count(number, message)

    def _count(self, number: int, message: dict[str, Any]) -> None:
        update = message.get("update")
        if not update:
            return
        with self._lock:
            self.updates += len(update["update"])
            if number % _SAMPLE == 0:
                self.delays_s.append(time.time() - update["timestamp"] / 1e9)

    def tell(self) -> str:
        """Returns the updates so far, and the delays since the last call [s]."""
        with self._lock:
            delays_s, self.delays_s = self.delays_s, []
            return json.dumps({"updates": self.updates, "delays_s": delays_s})


def main() -> None:
    """Receives from so many targets until it is stopped."""
    first, targets = int(sys.argv[1]), int(sys.argv[2])
    receiver = _Receiver()
    for port in range(first, first + targets):
        threading.Thread(target=receiver.receive, args=(port,), daemon=True).start()
    while os.getppid() != 1:
        time.sleep(1)
        print(receiver.tell(), flush=True)


if __name__ == "__main__":
    main()
