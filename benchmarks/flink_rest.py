"""What measurements need of Flink's REST interface in addition to `FlinkJob`."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runners.local.flink_job import FlinkJob
from schema.errors import FlinkError

_TIMEOUT_S = 120
_RUNNING_TIMEOUT_S = 180


def running_since_s(job: FlinkJob) -> float:
    """Returns when the last task of a job began to run, with its workers [s since the epoch]."""
    path = f"jobs/{job.job_id}"
    vertices = _call(job.address, path)["vertices"]
    times = [_call(job.address, f"{path}/vertices/{v['id']}/subtasktimes") for v in vertices]
    since_ms: list[int] = [
        task["timestamps"]["RUNNING"] for told in times for task in told["subtasks"]
    ]
    return max(since_ms) / 1000


def submit_jar(address: str, jar: Path, name: str, arguments: Sequence[str]) -> FlinkJob:
    """Uploads a jar, starts its job, and returns the job when all of it runs.

    Args:
        address: REST interface of the cluster.
        jar: has its main class in the manifest.
        name: of the job.
        arguments: command line of the main class.

    Raises:
        FlinkError: Flink refuses the jar, or the job does not start to run.
    """
    uploaded = Path(_upload(address, jar)["filename"]).name
    body = json.dumps({"programArgsList": list(arguments)}).encode()
    _call(address, f"jars/{uploaded}/run", body, "application/json")
    return FlinkJob.wait_for(address, name, _RUNNING_TIMEOUT_S, but=())


def _upload(address: str, jar: Path) -> Any:
    boundary = uuid.uuid4().hex
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="jarfile"; '
        f'filename="{jar.name}"\r\nContent-Type: application/x-java-archive\r\n\r\n'
    )
    body = head.encode() + jar.read_bytes() + f"\r\n--{boundary}--\r\n".encode()
    return _call(address, "jars/upload", body, f"multipart/form-data; boundary={boundary}")


def _call(address: str, path: str, body: bytes | None = None, content_type: str = "") -> Any:
    headers = {"Content-Type": content_type} if body else {}
    request = urllib.request.Request(f"http://{address}/{path}", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        lines = error.read().decode(errors="replace").replace("\\n", "\n").splitlines()
        causes = [line for line in lines if line.startswith("Caused by: ")]
        raise FlinkError(f"Flink refused {path}: {(causes or [str(error)])[-1]}") from None
    except OSError as error:
        raise FlinkError(f"Flink did not answer {path}: {error}") from None
