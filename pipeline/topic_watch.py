"""Watches the PM topic for what a running job cannot handle by itself, and says so.

A live run watches while it is waited for. For a job that was left to its cluster, run
``python -m pipeline.topic_watch --bootstrap_servers=HOST:PORT --pm_kafka_topic=pm`` beside it.
"""

import argparse
import logging
import sys
import threading
from collections.abc import Sequence

from pipeline.kafka.client import TopicState, look_at_topics
from pipeline.kafka.config import settings
from pipeline.kafka.watch import TopicWatch, watching
from schema.errors import EventCenterError


def main(arguments: Sequence[str] | None = None) -> int:
    """Watches until Ctrl-C; returns 2 if it cannot start."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(format="%(asctime)s %(levelname)s: %(message)s", level=logging.ERROR)
    logging.getLogger("eventcenter").setLevel(logging.INFO)
    topic = options.pm_kafka_topic

    def look() -> TopicState:
        return look_at_topics(options.bootstrap_servers, config, [topic])[topic]

    try:
        config = settings(options.kafka_config, options.kafka_config_file)
        watch = TopicWatch(topic, look())
        with watching(watch, look):
            threading.Event().wait()
    except EventCenterError as error:
        print(f"topic_watch: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("topic_watch", description=__doc__, allow_abbrev=False)
    parser.add_argument("--bootstrap_servers", required=True, help="brokers, host:port with commas")
    parser.add_argument("--pm_kafka_topic", required=True, help="PM reports")
    parser.add_argument("--kafka_config", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--kafka_config_file", default="", metavar="FILE")
    return parser


if __name__ == "__main__":
    sys.exit(main())
