"""The worker pool answers when its worker is there, and says when it is not."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import cast

import grpc
import pytest
from apache_beam.portability.api import beam_fn_api_pb2 as fn_api

from runners.local.processes import workers_of
from runners.worker_pool import Pool

WORKER = "1-2"
PATIENCE_S = 60


class Context:
    """What gRPC gives a request, as far as the pool uses it."""

    def __init__(self) -> None:
        self.ended: list[Callable[[], object]] = []

    def add_callback(self, callback: Callable[[], object]) -> None:
        self.ended.append(callback)

    def end(self) -> None:
        for callback in self.ended:
            callback()


@pytest.fixture
def task_manager() -> Iterator[tuple[grpc.Server, str]]:
    """Yields where workers find someone to connect to, once it is started."""
    server = grpc.server(ThreadPoolExecutor(max_workers=1))
    port = server.add_insecure_port("127.0.0.1:0")
    yield server, f"127.0.0.1:{port}"
    server.stop(None).wait()


@pytest.fixture
def pool() -> Iterator[Pool]:
    pool = Pool()
    yield pool
    for worker in list(pool.workers.values()):
        worker.kill()
        worker.join()


def ask(pool: Pool, address: str, context: Context) -> Future[fn_api.StartWorkerResponse]:
    """Asks for a worker, and waits until its process is there."""
    request = fn_api.StartWorkerRequest(worker_id=WORKER)
    request.control_endpoint.url = address
    answer: Future[fn_api.StartWorkerResponse] = Future()

    def start() -> None:
        answer.set_result(pool.StartWorker(request, cast(grpc.ServicerContext, context)))

    threading.Thread(target=start, daemon=True).start()
    deadline = time.monotonic() + PATIENCE_S
    while not context.ended and time.monotonic() < deadline:
        time.sleep(0.01)
    assert WORKER in pool.workers
    return answer


def test_it_answers_when_the_worker_is_connected(
    pool: Pool, task_manager: tuple[grpc.Server, str]
) -> None:
    server, address = task_manager
    context = Context()
    answer = ask(pool, address, context)
    worker = pool.workers[WORKER]
    time.sleep(0.2)
    assert not answer.done()
    assert worker.pid in workers_of(os.getpid())
    server.start()
    assert not answer.result(PATIENCE_S).error
    context.end()  # as gRPC does behind each answer: the worker stays
    assert worker.is_alive()
    pool.StopWorker(fn_api.StopWorkerRequest(worker_id=WORKER), cast(grpc.ServicerContext, context))
    assert worker.exitcode  # its own where there was nothing to do for it, or that of SIGTERM


def test_a_worker_that_dies_while_it_starts_is_an_error(
    pool: Pool, task_manager: tuple[grpc.Server, str]
) -> None:
    answer = ask(pool, task_manager[1], Context())
    pool.workers[WORKER].kill()
    expected = f"Python worker {WORKER} ended with code -9 before it was connected"
    assert answer.result(PATIENCE_S).error == expected


def test_a_worker_that_nobody_waits_for_any_more_is_ended(
    pool: Pool, task_manager: tuple[grpc.Server, str]
) -> None:
    context = Context()
    answer = ask(pool, task_manager[1], context)
    context.end()
    assert answer.result(PATIENCE_S).error
    assert pool.workers[WORKER].exitcode == -signal.SIGKILL


def _tell_what_is_loaded(answer: Connection) -> None:
    answer.send(set(sys.modules))


def test_what_workers_are_forked_from_has_loaded_the_pipeline(pool: Pool) -> None:
    fork = multiprocessing.get_context("forkserver")
    ours, theirs = fork.Pipe(duplex=False)
    process = fork.Process(target=_tell_what_is_loaded, args=(theirs,))
    process.start()
    assert {"pipeline.graph", "runners.worker"} <= ours.recv()
    process.join()
