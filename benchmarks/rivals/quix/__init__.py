"""A rival in Quix Streams; it runs in an environment of its own."""
