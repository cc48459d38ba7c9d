"""Programs that show the whole event center on one machine."""
