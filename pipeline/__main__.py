"""``python -m pipeline``."""

import logging
import sys

if __name__ == "__main__":
    # Before Beam is imported: it warns of optional packages that are of no use here.
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.ERROR)
    logging.getLogger("eventcenter").setLevel(logging.WARNING)

    from runners.run import main

    sys.exit(main())
