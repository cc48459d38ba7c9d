"""``python -m pipeline``, and the command ``event-center`` of an installed package.

This module only starts a run. It alone imports from runners/, which are built on pipeline/; nobody
imports it.
"""

import logging
import sys


def main() -> int:
    """Runs the command line and returns its exit code."""
    # Before Beam is imported: it warns of optional packages that are of no use here.
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.ERROR)
    logging.getLogger("eventcenter").setLevel(logging.WARNING)

    from runners import run

    return run.main()


if __name__ == "__main__":
    sys.exit(main())
