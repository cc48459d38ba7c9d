"""How the pipeline runs: a profile for each runner, and the parts that a run needs nearby."""
