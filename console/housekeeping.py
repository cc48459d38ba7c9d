"""The thread that removes what was kept long enough, once an hour."""

from __future__ import annotations

import logging
import threading

from console.store.database import Database
from console.store.retention import Retention, remove_old
from console.times import now_ms
from schema.errors import DatabaseError

_LOG = logging.getLogger("eventcenter.console")
_EVERY_S = 3600


class Housekeeping:
    """Removes what is old, now and every hour."""

    def __init__(self, database: Database, retention: Retention) -> None:
        """Takes the store, and how long things are kept."""
        self._database = database
        self._retention = retention
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="housekeeping", daemon=True)

    def start(self) -> None:
        """Starts."""
        self._thread.start()

    def stop(self) -> None:
        """Stops."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            try:
                remove_old(self._database, self._retention, now_ms())
            except DatabaseError as error:
                _LOG.warning("nothing old was removed: %s", error)
            if self._stop.wait(_EVERY_S):
                return
