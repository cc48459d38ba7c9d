"""Kafka as source and sink, and what this process asks of it by itself."""
