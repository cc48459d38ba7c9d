"""Who is measured beside the pipeline, and how each is started and stopped."""
