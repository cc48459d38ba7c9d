"""Samples → samples at link ends; serves the steps JoinTopology and UpdateTopology."""
