"""The arithmetic: pure functions on arrays, with no Beam in them."""
