"""The arithmetic, without Beam: pure functions on numpy arrays, in a folder for each step."""
