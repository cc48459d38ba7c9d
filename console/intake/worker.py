"""Takes in what the sources have, batch by batch, in a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

from console.intake.source import Source
from console.store.database import Database
from console.store.recorder import Batch, PositionMovedError, positions, record
from schema.errors import DatabaseError

_LOG = logging.getLogger("eventcenter.console")

#: How long is waited for news of all sources [s].
_WAIT_S = 0.1
#: Pauses between attempts while the database does not answer [s].
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 5.0


class Intake:
    """The thread that records; what it does at the moment can be asked for."""

    def __init__(self, database: Database, sources: Sequence[Source]) -> None:
        """Takes the store and the sources; nothing is read yet."""
        self._database = database
        self._sources = sources
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="intake", daemon=True)
        #: What keeps the store from taking in; None = nothing.
        self.trouble: str | None = None
        #: Records and lines that were taken in since the start.
        self.taken_in = 0

    @property
    def lag(self) -> int:
        """How much is there and not taken in: records, or bytes of files."""
        return sum(source.lag() for source in self._sources)

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Starts to take in."""
        self._thread.start()

    def stop(self) -> None:
        """Stops after the batch that is being taken in."""
        self._stop.set()
        self._thread.join()
        for source in self._sources:
            source.close()

    def _run(self) -> None:
        restart = True
        while not self._stop.is_set():
            try:
                if restart:
                    self._restart()
                self._take_one()
                restart, self.trouble = False, None
            except PositionMovedError:
                restart = True
            except DatabaseError as error:
                restart = True
                self._tell(str(error))
                self._stop.wait(_FIRST_PAUSE_S)
            except Exception as error:
                # A mistake of ours must not end the recording without a word.
                _LOG.exception("taking in failed; it is tried again")
                restart = True
                self.trouble = f"{type(error).__name__}: {error}"
                self._stop.wait(_LONGEST_PAUSE_S)

    def _restart(self) -> None:
        known = positions(self._database)
        for source in self._sources:
            source.restart(known)

    def _take_one(self) -> None:
        """Reads a batch, and records it for as long as it takes the database to answer."""
        batch = Batch()
        for source in self._sources:
            source.read(batch, _WAIT_S / len(self._sources))
        if not batch.progress:
            if not self._sources:
                self._stop.wait(_WAIT_S)
            return
        pause_s = _FIRST_PAUSE_S
        while not self._stop.is_set():
            try:
                record(self._database, batch)
            except DatabaseError as error:
                self._tell(str(error))
                self._stop.wait(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
                continue
            self.taken_in += len(batch.events) + len(batch.traces) + len(batch.rejections)
            self.trouble = None
            return

    def _tell(self, trouble: str) -> None:
        if trouble != self.trouble:
            _LOG.warning("nothing is taken in: %s", trouble)
        self.trouble = trouble
