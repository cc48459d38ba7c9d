"""What a chaos run feeds, without a cluster."""

import pytest

from runners.scenarios import chaos


def test_a_run_as_it_is_by_default_has_a_scene() -> None:
    options = chaos.parse([])
    for seed in range(options.seed, options.seed + options.runs):
        scene = chaos.Scene.make(
            links=options.links, seconds=options.seconds, seed=seed, start_s=1_700_000_000
        )
        assert len(scene.topology) == options.links
        assert scene.reports == sorted(scene.reports, key=lambda report: report.send_ns)


@pytest.mark.parametrize("size", [["--seconds=20"], ["--seconds=60"], ["--links=2"]])
def test_too_small_a_run_is_refused_in_a_line(
    size: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        chaos.main(size)
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("chaos: --links, --seconds: ")
