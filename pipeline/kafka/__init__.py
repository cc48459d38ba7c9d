"""Kafka as source and sink, and what this process itself asks of it."""
