"""Real parts that tests share: started when the first test asks, one of each in a session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runners.local.cluster import LocalCluster
from runners.local.flink import LocalFlink
from runners.local.kafka import LocalKafka


@pytest.fixture(scope="session")
def kafka() -> Iterator[LocalKafka]:
    with LocalKafka() as broker:
        yield broker


@pytest.fixture(scope="session")
def flink() -> Iterator[LocalFlink]:
    with LocalFlink() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def cluster() -> Iterator[LocalCluster]:
    with LocalCluster() as cluster:
        yield cluster
