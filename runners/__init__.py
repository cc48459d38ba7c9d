"""How the pipeline runs: a profile for each runner, and the processes that a run needs nearby."""
