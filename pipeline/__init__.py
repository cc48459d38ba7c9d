"""The pipeline: options, sources, the graph, sinks."""

import schema.quiet  # noqa: F401  # before Beam is loaded
