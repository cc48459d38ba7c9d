"""Certificates for tests on this machine: an authority, and the brokers it vouches for."""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DAY = datetime.timedelta(days=1)
_HOST = ipaddress.ip_address("127.0.0.1")


class Authority:
    """Signs certificates for 127.0.0.1; its own key is never written to disk.

    Example:
        authority = Authority(directory)
        keystore = authority.issue("broker")
    """

    def __init__(self, directory: Path) -> None:
        """Creates the authority and writes its certificate.

        Args:
            directory: where all files go.
        """
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("authority")
        unsigned = _unsigned("authority", self._name, self._key.public_key(), days=1)
        unsigned = unsigned.add_extension(x509.BasicConstraints(True, 0), critical=True)
        certificate = unsigned.sign(self._key, hashes.SHA256())
        self.file = directory / "authority.pem"
        self.file.write_bytes(_pem(certificate))

    def issue(self, name: str, *, days: int = 1) -> Path:
        """Returns a file with a new key and its certificate, in PEM.

        Args:
            name: common name, and name of the file.
            days: validity from now; -1 = expired yesterday.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            _unsigned(name, self._name, key.public_key(), days=days)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(_HOST)]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        path = self._directory / f"{name}.pem"
        path.touch(mode=0o600)
        path.write_bytes(private + _pem(certificate))
        return path


def _unsigned(
    name: str, issuer: x509.Name, key: ec.EllipticCurvePublicKey, *, days: int
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 3 * _DAY)
        .not_valid_after(now + days * _DAY)
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
