from pathlib import Path

import pytest

from pipeline.options import parse
from schema.errors import UsageError


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    for name in ("pm.bin", "topology.jsonl"):
        (tmp_path / name).touch()
    return [f"--pm_file={tmp_path}/pm.bin", f"--topology_file={tmp_path}/topology.jsonl"]


LIVE = ["--pm_kafka_topic=pm", "--topology_kafka_topic=t", "--bootstrap_servers=127.0.0.1:1"]


def test_replay_and_its_defaults(files: list[str]) -> None:
    command = parse([*files, "--events_file=e.jsonl"])
    assert command.replay == "batch"
    assert command.files == {"events": "e.jsonl"}
    assert command.settings.emit == "lifecycle"
    assert command.settings.bounds.closed_at_s(0) == 8
    assert command.settings.num_shards == 1
    assert command.settings.source_name == "event-center"


def test_live_takes_more_shards() -> None:
    command = parse([*LIVE, "--runner=FlinkRunner", "--kafka_config=a.b=c=d"])
    assert command.replay is None
    assert command.settings.num_shards == 4
    assert command.kafka_config == {"a.b": "c=d"}


def test_beam_options_pass_through(files: list[str]) -> None:
    command = parse([*files, "--job_name=north", "--direct_num_workers=1"])
    assert command.settings.source_name == "north"
    assert "--direct_num_workers=1" in command.beam_arguments


def test_flink_options_pass_through_on_flink_only(files: list[str]) -> None:
    assert parse([*files, "--runner=FlinkRunner", "--checkpointing_interval=1000"])
    with pytest.raises(UsageError, match="no option --checkpointing_interval"):
        parse([*files, "--checkpointing_interval=1000"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to read"),
        (["--pm_fiel=x"], "did you mean --pm_file"),
        (["--pm_fiel=x", "--runner=FlinkRunner"], "did you mean --pm_file"),
        (["--pm_file=missing.bin", "--topology_file=x"], "no file missing.bin"),
        (["--pm_file=x"], "needs --topology_file"),
        ([*LIVE, "--pm_file=x"], "not both"),
        ([*LIVE, "--topology_file=x"], "not --topology_file"),
        ([*LIVE, "--events_file=x"], "--events_kafka_topic"),
        (LIVE[:2], "needs --bootstrap_servers"),
        ([LIVE[0], LIVE[2]], "needs --topology_kafka_topic"),
        ([*LIVE, "--kafka_config=x"], "key=value"),
        ([*LIVE, "--emit=often"], "often"),
        ([*LIVE, "--num_shards=0"], "positive"),
        ([*LIVE, "--out_of_orderness_s=1.5"], "not a whole number of seconds"),
        ([*LIVE, "--out_of_orderness_s=-1"], "not a whole number of seconds"),
        ([*LIVE, "--window_s=0"], "not a whole number of seconds from 1 to 900"),
        ([*LIVE, "--window_s=901"], "not a whole number of seconds from 1 to 900"),
        ([*LIVE, "--window_s=1.5"], "not a whole number of seconds from 1 to 900"),
        ([*LIVE, "--allowed_lateness_s=soon"], "not a number"),
        ([*LIVE, "--allowed_lateness_s=nan"], "not a finite number"),
        ([*LIVE, "--parallelism=many"], "many"),
    ],
)
def test_what_cannot_be_run_is_said_in_one_line(arguments: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message) as error:
        parse(arguments)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--events_kafka_topic=x", "give --events_file"),
        ("--late_file=/no/such/folder/late.jsonl", "no folder"),
        ("--late_file=.", "is a folder"),
    ],
)
def test_outputs_of_a_replay_are_checked(files: list[str], argument: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse([*files, argument])
