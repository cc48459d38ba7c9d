"""A simulator of optical networks: PM reports with known faults, in files or live on Kafka.

`network` builds the links, `faults` places faults with their ground truth, `reports` makes the
PM reports in arrival order. `score` compares a pipeline's events with the truth, `plot` draws
them over the span losses.
"""
