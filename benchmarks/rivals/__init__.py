"""The rivals that are measured beside the event center, and how each is started and stopped."""
