"""What a chaos run feeds, without a cluster."""

from runners.local import chaos


def test_a_run_as_it_is_by_default_has_a_scene() -> None:
    options = chaos._parser().parse_args([])
    for seed in range(options.seed, options.seed + options.runs):
        scene = chaos.Scene.make(
            links=options.links, seconds=options.seconds, seed=seed, start_s=1_700_000_000
        )
        assert len(scene.topology) == options.links
        assert scene.reports == sorted(scene.reports, key=lambda report: report.send_ns)
