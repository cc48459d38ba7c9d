import json
from pathlib import Path

import pytest
from google.protobuf.json_format import Parse

from schema import pm_report_pb2 as pm
from schema.capture import read_capture
from schema.topology_pb2 import FiberLink
from simulator import plot, plot_incident
from simulator.__main__ import main
from simulator.fault_kinds import KINDS
from simulator.fault_model import SECOND_NS, from_rfc3339, to_rfc3339
from simulator.live import paced
from simulator.network import build_network
from simulator.transport import Arrival

LIVE = ["--bootstrap_servers", "127.0.0.1:1", "--pm_kafka_topic", "pm"]


def test_files(tmp_path: Path) -> None:
    capture, topology, truth = (tmp_path / name for name in ("pm", "topology", "truth"))
    scenario = ["--links", "12", "--nodes", "3", "--seconds", "50", "--seed", "3"]
    faults = ["--faults", "cut,dip", "--start", "2026-02-03T04:05:06.7Z"]
    files = [f"--capture_file={capture}", f"--topology_file={topology}", f"--truth_file={truth}"]
    assert main([*scenario, *faults, *files]) == 0

    reports = [pm.PmReport.FromString(payload) for payload in read_capture(capture)]
    assert len(reports) == 150
    start_ns = from_rfc3339("2026-02-03T04:05:06Z")
    first_ns = [r.collect_time_unix_ns for r in reports if r.sequence == 1]
    assert start_ns < min(first_ns) <= max(first_ns) < start_ns + SECOND_NS
    links = [Parse(line, FiberLink()) for line in topology.read_text().splitlines()]
    assert links == build_network(12, seed=3, nodes=3).links
    assert '"a_end"' in topology.read_text()
    written = [json.loads(line) for line in truth.read_text().splitlines()]
    assert sorted(fault["kind"] for fault in written) == ["cut", "dip"]


@pytest.mark.parametrize(("faults", "count"), [("none", 0), ("7", 7), ("all", len(KINDS))])
def test_numbers_of_faults(tmp_path: Path, faults: str, count: int) -> None:
    truth = tmp_path / "truth"
    assert main(["--faults", faults, "--truth_file", str(truth)]) == 0
    assert len(truth.read_text().splitlines()) == count


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--capture_file"),
        (["--links", "many"], "--links"),
        (["--links", "0", "--truth_file", "x"], "at least 1 link"),
        (["--seconds", "0", "--truth_file", "x"], "--seconds"),
        (["--faults", "gremlins", "--truth_file", "x"], "gremlins"),
        (["--start", "noon", "--truth_file", "x"], "noon"),
        (["--start", "1492-01-01T00:00:00Z", "--truth_file", "x"], "--start"),
        (["--late_rate", "2", "--truth_file", "x"], "late_rate"),
        (["--clock_s", "-1", "--truth_file", "x"], "clock_s"),
        (["--refresh_share", "2", "--truth_file", "x"], "refresh_share"),
        (["--faults", "none", "--truth_file", "/no/such/place"], "/no/such/place"),
        (["--bootstrap_servers", "127.0.0.1:1"], "--pm_kafka_topic"),
        (["--kafka_config", "linger"], "key=value"),
        ([*LIVE, "--rate", "nan"], "--rate"),
        ([*LIVE, "--capture_file", "x"], "exclude"),
        ([*LIVE, "--kafka_config", "no_such=1"], "no_such"),
        ([*LIVE, "--kafka_config", "linger_ms=soon"], "linger_ms"),
        ([*LIVE, "--kafka_config", "bootstrap_timeout_ms=200"], "127.0.0.1:1"),
    ],
)
def test_bad_usage_is_one_line_and_exit_code_2(
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    err = capsys.readouterr().err
    assert stopped.value.code == 2
    assert message in err and err.count("\n") == 1


def test_instants() -> None:
    text = "2026-01-01T12:00:00.250Z"
    assert to_rfc3339(from_rfc3339(text)) == text
    assert from_rfc3339("2026-01-01T13:00:00+01:00") == from_rfc3339("2026-01-01T12:00:00")
    with pytest.raises(ValueError, match="RFC 3339"):
        from_rfc3339("soon")


def test_pace_keeps_the_order_and_takes_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now_ns = 1_000 * SECOND_NS
    waits: list[float] = []

    class Clock:
        def wait(self, seconds: float) -> None:
            nonlocal now_ns
            waits.append(seconds)
            now_ns += int(seconds * SECOND_NS)

    monkeypatch.setattr("simulator.live.time.time_ns", lambda: now_ns)
    monkeypatch.setattr("simulator.live.threading.Event", Clock)
    arrivals = [Arrival((1_000 + n) * SECOND_NS, "n", b"") for n in range(4)]

    assert list(paced(arrivals, 1_000 * SECOND_NS, rate=2)) == arrivals
    assert waits == [0.5, 0.5, 0.5]
    waits.clear()
    assert list(paced(arrivals, 1_000 * SECOND_NS, rate=0)) == arrivals
    assert not waits


def test_plot_writes_a_picture(tmp_path: Path) -> None:
    files = {name: tmp_path / name for name in ("capture_file", "topology_file", "events_file")}
    scenario = ["--links", "8", "--seconds", "60", "--faults", "cut"]
    outputs = [f"--{name}={path}" for name, path in files.items() if name != "events_file"]
    main([*scenario, *outputs])
    data = {
        "alarm_id": "a",
        "link": {"link_id": "link-000003"},
        "action": "RAISE",
        "code": "FIBER_CUT",
        "severity": "critical",
        "onset_time": "2026-01-01T12:00:10.000Z",
    }
    raised = {"time": "2026-01-01T12:00:12.000Z", "data": data}
    cleared = {"time": "2026-01-01T12:00:40.000Z", "data": data | {"action": "CLEAR"}}
    files["events_file"].write_text(json.dumps(raised) + "\n" + json.dumps(cleared) + "\n")
    out = tmp_path / "out.png"
    arguments = [f"--{name}={path}" for name, path in files.items()]

    assert plot.main([*arguments, "--out", str(out)]) == 0
    assert out.read_bytes().startswith(b"\x89PNG")

    files["events_file"].write_text("")
    with pytest.raises(SystemExit) as stopped:
        plot.main([*arguments, "--out", str(out)])
    assert stopped.value.code == 2


def test_an_incident_is_drawn(tmp_path: Path) -> None:
    names = ("capture_file", "topology_file", "events_file", "incidents_file")
    files = {name: tmp_path / name for name in names}
    scenario = ["--links", "8", "--seconds", "60", "--faults", "cut"]
    main([*scenario, *(f"--{name}={files[name]}" for name in names[:2])])
    alarm = {
        "alarm_id": "a",
        "link_id": "link-000003",
        "code": "FIBER_CUT",
        "severity": "critical",
        "onset_time": "2026-01-01T12:00:10.000Z",
    }
    of_alarm = {"alarm_id": "a", "sequence": 1, "action": "RAISE", "severity": "critical"}
    of_incident = {
        "sequence": 1,
        "action": "OPEN",
        "kind": "FIBER_CUT",
        "severity": "critical",
        "onset_time": alarm["onset_time"],
        "alarms": [alarm],
        "links": ["link-000003"],
    }
    lines = {
        "events_file": [
            {"time": "2026-01-01T12:00:12.000Z", "data": of_alarm},
            {
                "time": "2026-01-01T12:00:40.000Z",
                "data": of_alarm | {"sequence": 2, "action": "CLEAR"},
            },
        ],
        "incidents_file": [
            {"subject": "i", "time": "2026-01-01T12:00:15.000Z", "data": of_incident},
            {
                "subject": "i",
                "time": "2026-01-01T12:00:40.000Z",
                "data": of_incident | {"sequence": 2, "action": "CLOSE"},
            },
        ],
    }
    for name, objects in lines.items():
        files[name].write_text("".join(json.dumps(one) + "\n" for one in objects))
    out = tmp_path / "out.png"
    arguments = [f"--{name}={path}" for name, path in files.items()]

    assert plot_incident.main([*arguments, "--out", str(out)]) == 0
    assert out.read_bytes().startswith(b"\x89PNG")
    for more in (["--incident=j"], []):
        with pytest.raises(SystemExit) as stopped:
            plot_incident.main([*arguments, "--out", str(out), *more])
        assert stopped.value.code == 2
        files["incidents_file"].write_text("")
