"""The Python workers of a Flink TaskManager: starts one whenever the TaskManager asks for it.

``python -m runners.worker_pool --address=127.0.0.1:50000`` runs beside each TaskManager; the job
names that address with ``--environment_type=EXTERNAL --environment_config=ADDRESS``. It is Beam's
own worker pool, but for three things: it listens on the given address only; its workers are
`runners.worker`, with the interpreter and the packages of the pool; and it says that a worker was
started when that has reached the TaskManager, which would wait for one that has died for good.
"""

from __future__ import annotations

import argparse
import os
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
#: Requests at the same time: one for each slot that waits for its worker, and those that stop some.
_MAX_REQUESTS = 64


class Pool(BeamFnExternalWorkerPoolServicer):
    """Starts and stops workers at the request of a TaskManager."""

    def StartWorker(  # noqa: N802
        self, request: beam_fn_api_pb2.StartWorkerRequest, context: grpc.ServicerContext
    ) -> beam_fn_api_pb2.StartWorkerResponse:
        """Starts a worker; returns when it has reached the TaskManager, or why it has not."""
        name = request.worker_id
        ours, theirs = os.pipe()
        where = f"--control={request.control_endpoint.url}", f"--id={name}"
        command = [sys.executable, "-m", "runners.worker", *where, f"--connected_fd={theirs}"]
        with open(ours, "rb") as connected:
            try:
                worker = subprocess.Popen(command, pass_fds=(theirs,))
            except OSError as error:
                return beam_fn_api_pb2.StartWorkerResponse(error=str(error))
            finally:
                os.close(theirs)
            self._worker_processes[name] = worker
            answered = threading.Event()

            def give_up() -> None:
                if not answered.is_set():  # the TaskManager, or the job, is gone meanwhile
                    worker.kill()

            context.add_callback(give_up)
            if connected.read(1):
                answered.set()
                return beam_fn_api_pb2.StartWorkerResponse()
        code = worker.wait()
        return beam_fn_api_pb2.StartWorkerResponse(
            error=f"Python worker {name} ended with code {code} before it was connected"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves until SIGTERM or Ctrl-C; the workers end with it."""
    options = _parser().parse_args(arguments)
    stopped = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    pool = Pool(use_process=True)
    requests = ThreadPoolExecutor(max_workers=_MAX_REQUESTS)
    server = grpc.server(requests, options=[("grpc.so_reuseport", 0)])
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
