"""Kafka as sink, written by Beam's own KafkaIO."""

from dataclasses import dataclass, field

import apache_beam as beam
from apache_beam.io.kafka import WriteToKafka

from schema.outputs import Record

#: Beam applies its own safe defaults only to pipelines in Java.
_PRODUCER_DEFAULTS = {
    "acks": "all",
    "enable.idempotence": "true",
    "retries": "2147483647",
    "linger.ms": "5",
}


@dataclass(frozen=True)
class KafkaSinks:
    """One topic per output.

    Attributes:
        bootstrap_servers: brokers.
        topics: topic of each output; an output without one is not written.
        expansion_service: where Java steps come from.
        config: more settings for the producers.
    """

    bootstrap_servers: str
    topics: dict[str, str]
    expansion_service: str
    config: dict[str, str] = field(default_factory=dict)

    def asks_for(self, output: str) -> bool:
        """Returns whether an output has a topic."""
        return output in self.topics

    def write(self, output: str, records: beam.PCollection[Record]) -> None:
        """Writes the records of an output, if it has a topic."""
        if not self.asks_for(output):
            return
        _ = records | f"Write{output.capitalize()}" >> WriteToKafka(
            _PRODUCER_DEFAULTS | self.config | {"bootstrap.servers": self.bootstrap_servers},
            self.topics[output],
            expansion_service=self.expansion_service,
        )
