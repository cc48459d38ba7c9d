"""Every kind of part is broken once while the job is fed: nothing may be missing or different."""

from __future__ import annotations

from functools import partial

import pytest

from runners.local.cluster import LocalCluster
from runners.local.kafka import LocalKafka
from runners.scenarios import chaos
from runners.scenarios.breakage import BREAKAGES


@pytest.mark.e2e
@pytest.mark.timeout(900)
def test_nothing_is_missing(kafka: LocalKafka, cluster: LocalCluster) -> None:
    scene_from = partial(chaos.Scene.make, 16, 120, 1)
    outcome = chaos.run(kafka, cluster, scene_from, "chaos", list(BREAKAGES), seed=1)
    assert outcome.is_right, outcome
    assert sorted(outcome.broken) == sorted(BREAKAGES)
    assert outcome.restarts >= 2, outcome
    assert cluster.restarts["taskmanager0"] and cluster.restarts["jobserver"]
    assert all(outcome.expected.values()), outcome
