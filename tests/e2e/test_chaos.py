"""Every kind of part is broken once while the job is fed: nothing may be missing or different."""

from __future__ import annotations

import time

import pytest

from runners.local.cluster import LocalCluster
from runners.local.kafka import LocalKafka
from runners.scenarios import chaos
from runners.scenarios.breakage import BREAKAGES

# Until then the job runs, on a machine that is busy with other things too.
LEAD_S = 70


@pytest.mark.e2e
@pytest.mark.timeout(900)
def test_nothing_is_missing(kafka: LocalKafka, cluster: LocalCluster) -> None:
    scene = chaos.Scene.make(links=16, seconds=120, seed=1, start_s=int(time.time()) + LEAD_S)
    outcome = chaos.run(kafka, cluster, scene, "chaos", list(BREAKAGES), seed=1)
    assert outcome.is_right, outcome
    assert sorted(outcome.broken) == sorted(BREAKAGES)
    assert outcome.restarts >= 2, outcome
    assert cluster.restarts["taskmanager0"] and cluster.restarts["jobserver"]
    assert all(outcome.expected.values()), outcome
