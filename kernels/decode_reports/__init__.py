"""Record bytes → samples, one window and shard at a time; serves the step DecodeReports."""
