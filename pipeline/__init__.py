"""The pipeline: options, sources, the graph, sinks."""
