"""Groups of processes that live exactly as long as the block that started them."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Parts(ABC):
    """Base of such groups; `_start` says what they are made of."""

    def __init__(self) -> None:
        """Starts nothing yet."""
        self._exit = contextlib.ExitStack()

    def __enter__(self) -> Self:
        """Starts all parts and waits until they serve; if one does not, all are stopped.

        Raises:
            MissingPartError: Java, Maven or the jars are missing.
            ProcessError: a part does not come up.
        """
        with contextlib.ExitStack() as stack:
            self._start(stack)
            self._exit = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stops all parts, and everything that still runs on them."""
        self._exit.close()

    @abstractmethod
    def _start(self, stack: contextlib.ExitStack) -> None:
        """Starts the parts, enters each into the stack, and waits until they serve."""
