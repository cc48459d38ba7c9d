"""The Python workers of a Flink TaskManager: starts one whenever the TaskManager asks for it.

``python -m runners.worker_pool --address=127.0.0.1:50000`` runs beside each TaskManager; the job
names that address with ``--environment_type=EXTERNAL --environment_config=ADDRESS``. It is Beam's
own worker pool, but for three things: it listens on the given address only, each worker has the
interpreter and the packages of the pool, and remembers state between bundles.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType

import grpc
from apache_beam.portability.api import beam_fn_api_pb2_grpc
from apache_beam.runners.worker.worker_pool_main import BeamFnExternalWorkerPoolServicer

_STOP_GRACE_S = 5
#: What a worker remembers of state between bundles, so that it does not ask for it each time.
STATE_CACHE_MB = 100


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves until SIGTERM or Ctrl-C; the workers end with it."""
    options = _parser().parse_args(arguments)
    stopped = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    # Beam starts its workers as `python`.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    pool = BeamFnExternalWorkerPoolServicer(
        use_process=True, state_cache_size=STATE_CACHE_MB * 1_000_000
    )
    # Requests only start and stop workers.
    server = grpc.server(ThreadPoolExecutor(max_workers=4), options=[("grpc.so_reuseport", 0)])
    beam_fn_api_pb2_grpc.add_BeamFnExternalWorkerPoolServicer_to_server(pool, server)
    try:
        server.add_insecure_port(options.address)
    except RuntimeError:
        print(f"worker_pool: cannot listen on {options.address}", file=sys.stderr)
        return 2
    server.start()
    print(f"Starts Python workers, asked on {options.address}", flush=True)
    stopped.wait()
    server.stop(grace=_STOP_GRACE_S).wait()
    for worker in list(pool._worker_processes.values()):
        worker.terminate()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("worker_pool", description=__doc__, allow_abbrev=False)
    parser.add_argument("--address", default="127.0.0.1:50000", help="host:port (127.0.0.1:50000)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
