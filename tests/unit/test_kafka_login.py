"""A login as Kafka speaks it, against a broker that says always the same."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pipeline.kafka.login import check_login
from runners.local.processes import free_ports
from schema.errors import UsageError

OPTIONS = {
    "sasl_mechanism": "PLAIN",
    "sasl_plain_username": "me",
    "sasl_plain_password": "hunter",
}
OFFERED = struct.pack(">hi", 0, 0)


@contextmanager
def broker(*answers: bytes) -> Iterator[str]:
    """Takes one connection, answers and hangs up at once."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            for answer in answers:
                connection.recv(4096)
                connection.sendall(struct.pack(">ii", len(answer) + 4, 0) + answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


def said(code: int, message: bytes = b"") -> bytes:
    text = struct.pack(">h", len(message) or -1) + message
    return struct.pack(">h", code) + text + struct.pack(">i", 0)


def test_a_login_that_is_taken() -> None:
    with broker(OFFERED, said(0)) as server:
        check_login(server, OPTIONS, "User:me")


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ([OFFERED, said(58, b"no")], "refuses the login of User:me: check user and password"),
        ([struct.pack(">hi", 33, 0)], "does not offer sasl.mechanism PLAIN"),
    ],
)
def test_a_login_that_is_refused(answers: list[bytes], message: str) -> None:
    with broker(*answers) as server, pytest.raises(UsageError, match=message) as error:
        check_login(server, OPTIONS, "User:me")
    assert "hunter" not in str(error.value)


def test_what_is_no_answer_is_left_to_others() -> None:
    with broker() as server:
        check_login(f"127.0.0.1:{free_ports(1)[0]},nothing,{server}", OPTIONS, "User:me")
