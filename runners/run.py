"""Runs the event center from a command line."""

import logging
import signal
import sys
import threading
from collections.abc import Sequence
from types import FrameType

import apache_beam as beam
from apache_beam.runners.runner import PipelineResult, PipelineState

from pipeline.graph import build
from pipeline.options import parse
from runners import progress
from runners.profiles import Prepared, prepare
from schema.errors import EventCenterError
from schema.outputs import summary


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command line and returns its exit code.

    0: done; 2: the command line cannot be run, or a part is missing; 1: the run failed; 130:
    stopped.
    """
    signal.signal(signal.SIGTERM, _stop)
    try:
        command = parse(sys.argv[1:] if arguments is None else arguments)
        with prepare(command) as prepared:
            return _run(prepared)
    except EventCenterError as error:
        print(f"pipeline: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"pipeline: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("pipeline: stopped", file=sys.stderr)
        return 130


def _run(prepared: Prepared) -> int:
    pipeline = beam.Pipeline(runner=prepared.runner, options=prepared.options)
    build(pipeline, prepared.source, prepared.sinks, prepared.settings)
    with progress.shown():
        result = pipeline.run()
        if prepared.leave:
            prepared.leave()
            return 0
        with prepared.watching:
            state = _wait(result)
    print(summary(prepared.counters(result)), file=sys.stderr)
    return 0 if state in (None, PipelineState.DONE) else 1


def _wait(result: PipelineResult) -> str | None:
    """Waits until a job ends and returns its state; cancels the job when the wait is cut short."""
    try:
        state: str | None = result.wait_until_finish()
    except BaseException:
        # Nobody needs what the threads of the workers log while they are torn down.
        logging.disable(logging.CRITICAL)
        threading.excepthook = lambda _: None
        # Without this, the job would go on without its submitter.
        result.cancel()
        raise
    return state


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
