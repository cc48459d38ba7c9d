"""Logs in to Kafka once, to tell why that fails.

kafka-python tries again without a word, and loses a refusal that comes together with the end of
the connection. So the few bytes of a login are exchanged here: two requests of Kafka's protocol,
in versions that brokers from 1.0 on know.
"""

import socket
import ssl
import struct
from collections.abc import Mapping
from typing import Any

from kafka.errors import UnsupportedSaslMechanismError
from kafka.net.sasl import get_sasl_mechanism

from schema.errors import UsageError

_TIMEOUT_S = 10
_CLIENT = b"eventcenter"
_MAX_ANSWER = 1 << 20  # what is larger is no answer to a login

#: Kind and version of the requests.
_HANDSHAKE = 17, 1
_AUTHENTICATE = 36, 0


def check_login(bootstrap_servers: str, options: Mapping[str, Any], principal: str) -> None:
    """Logs in at each broker that can be reached.

    Args:
        bootstrap_servers: brokers.
        options: kafka-python's options.
        principal: who logs in, for the message.

    Raises:
        UsageError: a broker's certificate is not accepted, or it refuses the login.
    """
    if not (options.get("ssl_context") or options.get("sasl_mechanism")):
        return
    for server in bootstrap_servers.split(","):
        host, _, port = server.strip().rpartition(":")
        host = host.strip("[]")
        try:
            with socket.create_connection((host, int(port)), _TIMEOUT_S) as connection:
                _check_server(server, connection, host, options, principal)
        except ssl.SSLCertVerificationError as error:
            raise UsageError(
                f"the certificate of Kafka at {server} is not accepted: {error.verify_message}"
            ) from None
        except ssl.SSLError as error:
            raise UsageError(
                f"no TLS with Kafka at {server} ({error.reason}): check security.protocol, "
                "and that the broker accepts the certificate of this client"
            ) from None
        except (OSError, ValueError):
            continue  # whether there is another broker is found out behind this


def _check_server(
    server: str, plain: socket.socket, host: str, options: Mapping[str, Any], principal: str
) -> None:
    connection = plain
    if context := options.get("ssl_context"):
        connection = context.wrap_socket(plain, server_hostname=host)
    with connection:
        if mechanism := options.get("sasl_mechanism"):
            code = _login(connection, host, mechanism, options)
            if code == UnsupportedSaslMechanismError.errno:
                raise UsageError(
                    f"Kafka at {server} does not offer sasl.mechanism {mechanism}: take another one"
                )
            if code:
                raise UsageError(
                    f"Kafka at {server} refuses the login of {principal}: check user and password"
                )


def _login(connection: socket.socket, host: str, mechanism: str, options: Mapping[str, Any]) -> int:
    """Returns the code of the error with which a login ends; 0 = it is in."""
    name = mechanism.encode()
    answer = _ask(connection, _HANDSHAKE, struct.pack(">h", len(name)) + name)
    (code,) = struct.unpack_from(">h", answer)
    dialog = get_sasl_mechanism(mechanism)(host=host, **options)
    while not code and not dialog.is_done():
        said = dialog.auth_bytes()
        answer = _ask(connection, _AUTHENTICATE, struct.pack(">i", len(said)) + said)
        code, length = struct.unpack_from(">hh", answer)
        if not code:
            # Behind the message, if there is one, the length of what the broker says.
            dialog.receive(answer[4 + max(length, 0) + 4 :])
    return int(code)


def _ask(connection: socket.socket, kind: tuple[int, int], body: bytes) -> bytes:
    """Sends a request; returns the answer to it, without its header."""
    header = struct.pack(">hhih", *kind, 0, len(_CLIENT)) + _CLIENT
    connection.sendall(struct.pack(">i", len(header) + len(body)) + header + body)
    (size,) = struct.unpack(">i", _read(connection, 4))
    if not 8 <= size <= _MAX_ANSWER:
        raise ConnectionError("this is no Kafka")
    return _read(connection, size)[4:]


def _read(connection: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        part = connection.recv(size - len(found))
        if not part:
            raise ConnectionError("the broker has gone")
        found += part
    return found
