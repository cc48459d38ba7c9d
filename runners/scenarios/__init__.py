"""Programs that show the whole on one machine: first look, live, session, chaos."""
