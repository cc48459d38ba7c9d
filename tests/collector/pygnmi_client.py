"""Subscribes with pygnmi and prints what comes, a JSON object a line.

A process of its own: pygnmi brings its own generated messages, which exclude ours.
"""

import json
import sys
from typing import Any

from pygnmi.client import gNMIclient

PATHS = (
    "/components/component[name=*]/port/optical-port/state",
    "/optical-amplifier/supervisory-channels/supervisory-channel[interface=*]/state",
)


def main() -> None:
    port, seconds = int(sys.argv[1]), int(sys.argv[2])
    more: dict[str, Any] = json.loads(sys.argv[3])
    subscriptions = [
        {"path": path, "mode": "sample", "sample_interval": seconds * 1_000_000_000}
        for path in PATHS
    ]
    asked = {"subscription": subscriptions, "mode": "stream", "encoding": "proto"}
    with gNMIclient(target=("127.0.0.1", port), **more) as client:
        print(json.dumps(client.capabilities()), flush=True)
        for message in client.subscribe2(subscribe=asked):
            print(json.dumps(message), flush=True)


if __name__ == "__main__":
    main()
