"""From topics and files into the store, exactly once."""
