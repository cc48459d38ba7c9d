"""Real parts (Kafka, Flink) as child processes on this machine, without containers."""
