"""The Python workers of a Flink TaskManager: starts one whenever the TaskManager asks for it.

``python -m runners.worker_pool --address=127.0.0.1:50000`` runs beside each TaskManager; the job
names that address with ``--environment_type=EXTERNAL --environment_config=ADDRESS``. It does what
Beam's own worker pool does, with four differences:

- It listens on the given address only.
- Its workers are `runners.worker`, with the interpreter and the packages of the pool.
- Workers are forked from a process that has already loaded the pipeline, so a job does not wait
  until each worker has loaded it.
- It reports a worker as started only when the worker has reached the TaskManager. The TaskManager
  would wait forever for a worker that has died before that.
"""

from __future__ import annotations

import argparse
import multiprocessing
import signal
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from types import FrameType

import grpc
from apache_beam.portability.api import beam_fn_api_pb2, beam_fn_api_pb2_grpc

_STOP_GRACE_S = 5
#: Requests at the same time: one for each worker that is starting, and those that stop workers.
_MAX_REQUESTS = 64

_fork = multiprocessing.get_context("forkserver")


class Pool(beam_fn_api_pb2_grpc.BeamFnExternalWorkerPoolServicer):
    """Starts and stops workers at the request of a TaskManager.

    Attributes:
        workers: those that were started and not stopped, by the TaskManager's names for them.
    """

    def __init__(self) -> None:
        """Starts to load the process that workers are forked from."""
        self.workers: dict[str, ForkServerProcess] = {}
        _fork.set_forkserver_preload(["runners.worker"])
        forkserver.ensure_running()

    def StartWorker(  # noqa: N802
        self, request: beam_fn_api_pb2.StartWorkerRequest, context: grpc.ServicerContext
    ) -> beam_fn_api_pb2.StartWorkerResponse:
        """Starts a worker; returns when it has reached the TaskManager, or why it could not."""
        name, control = request.worker_id, request.control_endpoint.url
        ours, theirs = _fork.Pipe(duplex=False)
        worker = _fork.Process(target=_serve, args=(control, name, theirs))
        with ours:
            try:
                worker.start()
            except OSError as error:
                return beam_fn_api_pb2.StartWorkerResponse(error=str(error))
            finally:
                theirs.close()
            self.workers[name] = worker
            answered = threading.Event()

            def give_up() -> None:
                if not answered.is_set():  # the TaskManager or the job has gone away meanwhile
                    worker.kill()

            context.add_callback(give_up)
            try:
                ours.recv()
            except EOFError:
                worker.join()
                return beam_fn_api_pb2.StartWorkerResponse(
                    error=f"Python worker {name} ended with code {worker.exitcode} "
                    "before it was connected"
                )
        answered.set()
        return beam_fn_api_pb2.StartWorkerResponse()

    def StopWorker(  # noqa: N802
        self, request: beam_fn_api_pb2.StopWorkerRequest, context: grpc.ServicerContext
    ) -> beam_fn_api_pb2.StopWorkerResponse:
        """Stops a worker; returns when it has ended."""
        if worker := self.workers.pop(request.worker_id, None):
            worker.terminate()
            worker.join(_STOP_GRACE_S)
            worker.kill()
            worker.join()
        return beam_fn_api_pb2.StopWorkerResponse()


def _serve(control: str, name: str, connected: Connection) -> None:
    """Runs a worker in a process of its own; the pool itself does not need what it loads."""
    from runners.worker import serve

    serve(control, name, connected)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves until SIGTERM or Ctrl-C; the workers end with it."""
    options = _parser().parse_args(arguments)
    stopped = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    pool = Pool()
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
    for worker in list(pool.workers.values()):
        worker.terminate()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("worker_pool", description=__doc__, allow_abbrev=False)
    parser.add_argument("--address", default="127.0.0.1:50000", help="host:port (127.0.0.1:50000)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
