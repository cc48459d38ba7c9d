"""Who is measured beside the event center, and how each is started and stopped."""
