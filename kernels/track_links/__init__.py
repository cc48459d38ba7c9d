"""Samples at link ends → events, window by window; serves the step TrackLinks."""
