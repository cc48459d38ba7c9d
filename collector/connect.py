"""gRPC channels to devices, the requests that go over them, and what their errors mean."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path as FilePath

import grpc

from collector.paths import LIST_KEYS, parse_path
from collector.targets import Target
from schema import gnmi_pb2
from schema.errors import TargetsError

SUBSCRIBE = "/gnmi.gNMI/Subscribe"

_NS_PER_MS = 1_000_000
#: A message of a device may have so many bytes.
_MAX_MESSAGE_BYTES = 16 * 1024 * 1024
_LONGEST_DETAIL = 200


@dataclass(frozen=True)
class Asked:
    """How a device is asked. What it refuses is asked in another way.

    Attributes:
        encoding: number in `gnmi_pb2.Encoding`.
        sample_interval_ms: 0 = what the device chooses.
    """

    encoding: int
    sample_interval_ms: int

    def instead(self, code: grpc.StatusCode, details: str) -> Asked | None:
        """Returns what to ask after a refusal; None where there is no other way."""
        if code not in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.UNIMPLEMENTED):
            return None
        slower = Asked(self.encoding, 0)
        as_json = Asked(gnmi_pb2.JSON_IETF, self.sample_interval_ms)
        is_about_interval = "interval" in details.lower()
        if code is grpc.StatusCode.INVALID_ARGUMENT and is_about_interval:
            ways = [slower, as_json]
        else:
            ways = [as_json, slower]
        return next((way for way in ways if way != self and self._is_further(way)), None)

    def _is_further(self, other: Asked) -> bool:
        """Tells whether the other way gives up more, so that ways come to an end."""
        return (other.encoding == gnmi_pb2.JSON_IETF, other.sample_interval_ms == 0) > (
            self.encoding == gnmi_pb2.JSON_IETF,
            self.sample_interval_ms == 0,
        )

    def text(self) -> str:
        """Returns what is asked, in words."""
        interval = f"{self.sample_interval_ms} ms" if self.sample_interval_ms else "its own"
        return f"encoding {gnmi_pb2.Encoding.Name(self.encoding)}, interval {interval}"


def first_asked(target: Target) -> Asked:
    """Returns how a device is asked at first."""
    return Asked(gnmi_pb2.PROTO, target.sample_interval_ms)


def request(target: Target, asked: Asked) -> bytes:
    """Returns the SubscribeRequest of a target: one STREAM, each path in mode SAMPLE."""
    subscriptions = [
        gnmi_pb2.Subscription(
            path=_gnmi_path(path),
            mode=gnmi_pb2.SAMPLE,
            sample_interval=asked.sample_interval_ms * _NS_PER_MS,
        )
        for path in target.paths
    ]
    asks = gnmi_pb2.SubscriptionList(
        subscription=subscriptions,
        mode=gnmi_pb2.SubscriptionList.STREAM,
        encoding=asked.encoding,  # type: ignore[arg-type]
    )
    return gnmi_pb2.SubscribeRequest(subscribe=asks).SerializeToString()


def _gnmi_path(text: str) -> gnmi_pb2.Path:
    """Returns a path for a request; lists of the table without a key have all their entries."""
    path = gnmi_pb2.Path()
    for name, keys in parse_path(text):
        element = path.elem.add(name=name)
        element.key.update(keys or ({LIST_KEYS[name]: "*"} if name in LIST_KEYS else {}))
    return path


def login(target: Target) -> list[tuple[str, str]]:
    """Returns the metadata that a device checks.

    Raises:
        TargetsError: a secret is not where the targets file says, or no header can hold it.
    """
    metadata = []
    for name, secret in (("username", target.username), ("password", target.password)):
        if secret:
            text = secret.read()
            if not (text.isascii() and text.isprintable()):
                raise TargetsError(f"the {name} has characters that gNMI cannot carry")
            metadata.append((name, text))
    return metadata


def without_password(text: str, metadata: list[tuple[str, str]]) -> str:
    """Returns what a device says without the password, which it may repeat as a word."""
    for name, secret in metadata:
        if name == "password" and secret:
            text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", "...", text)
    return text


def open_channel(target: Target) -> grpc.aio.Channel:
    """Returns a channel of its own to a target.

    Raises:
        TargetsError: a file of the certificates cannot be read.
    """
    options: list[tuple[str, str | int]] = [
        # Each stream has its own connection, even where targets share an address.
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.enable_retries", 0),
        ("grpc.enable_http_proxy", 0),
        ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
    ]
    if target.keepalive_s:
        options.append(("grpc.keepalive_time_ms", int(target.keepalive_s * 1000)))
    if target.tls is None:
        return grpc.aio.insecure_channel(target.address, options)
    tls = target.tls
    if tls.server_name:
        options.append(("grpc.ssl_target_name_override", tls.server_name))
    credentials = grpc.ssl_channel_credentials(
        root_certificates=_file(tls.ca),
        private_key=_file(tls.key),
        certificate_chain=_file(tls.cert),
    )
    return grpc.aio.secure_channel(target.address, credentials, options)


def _file(path: str | None) -> bytes | None:
    if path is None:
        return None
    try:
        return FilePath(path).read_bytes()
    except OSError as error:
        raise TargetsError(f"{path}: it cannot be read: {error.strerror}") from error


def explain(code: grpc.StatusCode, details: str) -> str:
    """Returns what a failed stream means, in one line."""
    detail = " ".join(details.split())
    if code is grpc.StatusCode.UNAUTHENTICATED:
        return f"the device refuses the login: {_cut(detail)}"
    if code is grpc.StatusCode.PERMISSION_DENIED:
        return f"the login may not subscribe: {_cut(detail)}"
    if "CERTIFICATE_VERIFY_FAILED" in detail or "BAD_SIGNATURE" in detail:
        return "the device's certificate is not signed by the ca of the targets file"
    if found := re.search(r"Peer name (\S+) is not in peer certificate", detail):
        return f"the device's certificate is not for {found[1]}: set tls.server_name"
    if "Ssl handshake failed" in detail or "WRONG_VERSION_NUMBER" in detail:
        return "no TLS connection: the device may have no TLS, or ask for a client certificate"
    if "Connection refused" in detail:
        return "nothing listens at this address"
    if "DNS resolution failed" in detail or "Domain name not found" in detail:
        return "this host name is not known"
    if "No route to host" in detail or "Network is unreachable" in detail:
        return "there is no route to this address"
    return f"{code.name}: {_cut(detail)}" if detail else code.name


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_DETAIL else f"{text[:_LONGEST_DETAIL]}..."
