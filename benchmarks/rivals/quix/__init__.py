"""A rival in Quix Streams, which runs in a separate environment."""
