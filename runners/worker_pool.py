"""The Python workers of a Flink TaskManager: starts one whenever the TaskManager asks for it.

``python -m runners.worker_pool --address=127.0.0.1:50000`` runs beside each TaskManager; the job
names that address with ``--environment_type=EXTERNAL --environment_config=ADDRESS``. It is Beam's
own worker pool, but for two things: it listens on the given address only, and its workers are
`runners.worker`, with the interpreter and the packages of the pool.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from types import FrameType

import grpc
from apache_beam.portability.api import beam_fn_api_pb2, beam_fn_api_pb2_grpc
from apache_beam.runners.worker.worker_pool_main import BeamFnExternalWorkerPoolServicer

_STOP_GRACE_S = 5


class _Pool(BeamFnExternalWorkerPoolServicer):
    def StartWorker(  # noqa: N802
        self, request: beam_fn_api_pb2.StartWorkerRequest, context: grpc.ServicerContext
    ) -> beam_fn_api_pb2.StartWorkerResponse:
        where = f"--control={request.control_endpoint.url}", f"--id={request.worker_id}"
        command = [sys.executable, "-m", "runners.worker", *where]
        try:
            self._worker_processes[request.worker_id] = subprocess.Popen(command)
        except OSError as error:
            return beam_fn_api_pb2.StartWorkerResponse(error=str(error))
        return beam_fn_api_pb2.StartWorkerResponse()


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves until SIGTERM or Ctrl-C; the workers end with it."""
    options = _parser().parse_args(arguments)
    stopped = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    pool = _Pool(use_process=True)
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
