"""Kafka, Flink and Spark as child processes on this machine, without containers."""
