"""How the pipeline runs: a profile for each runner, and the processes that a run needs nearby."""

import schema.quiet  # noqa: F401  # before Beam is loaded
