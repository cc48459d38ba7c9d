"""A Kafka broker on this machine that serves only known users, over TLS."""

from __future__ import annotations

import base64
import hashlib
import secrets
import ssl
from pathlib import Path
from typing import Any

from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ResourcePattern,
    ResourceType,
    UserScramCredentialUpsertion,
)

from runners.local.certificates import Authority
from runners.local.kafka import LocalKafka
from runners.local.processes import free_ports
from schema.errors import ProcessError

_ADMIN = "admin"
_MECHANISM = "SCRAM-SHA-512"
_ITERATIONS = 4096

# The controller knows its only client, this broker, by its certificate. SCRAM cannot work there,
# because the controller itself stores the users.
_LISTENERS = """\
listeners=USERS://127.0.0.1:{port},EXPIRED://127.0.0.1:{expired_port},\
CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=USERS://127.0.0.1:{port},EXPIRED://127.0.0.1:{expired_port}
listener.security.protocol.map=USERS:SASL_SSL,EXPIRED:SASL_SSL,CONTROLLER:SSL
inter.broker.listener.name=USERS
sasl.enabled.mechanisms=SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
listener.name.users.scram-sha-512.sasl.jaas.config={login} username="{admin}" password="{password}";
listener.name.expired.scram-sha-512.sasl.jaas.config={login};
ssl.keystore.type=PEM
ssl.keystore.location={keystore}
ssl.truststore.type=PEM
ssl.truststore.location={truststore}
listener.name.expired.ssl.keystore.type=PEM
listener.name.expired.ssl.keystore.location={expired_keystore}
listener.name.controller.ssl.client.auth=required
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=false
super.users=User:{admin};User:CN=broker
"""
_LOGIN = "org.apache.kafka.common.security.scram.ScramLoginModule required"


class SecureKafka(LocalKafka):
    """A broker with TLS, SASL/SCRAM and ACLs; what no ACL allows is denied.

    Example:
        with SecureKafka() as kafka:
            kafka.set_password("someone", "secret")
            kafka.allow("someone", "READ", "pm")
    """

    def __init__(self, *, heap_mb: int = 256) -> None:
        """Describes the broker, which starts on entry.

        Args:
            heap_mb: memory of the broker itself.
        """
        super().__init__(heap_mb=heap_mb)
        (self._expired_port,) = free_ports(1)
        self._password = secrets.token_urlsafe()
        self.truststore = Path()

    @property
    def expired_servers(self) -> str:
        """The address at which the broker shows an expired certificate."""
        return f"127.0.0.1:{self._expired_port}"

    def set_password(self, user: str, password: str) -> None:
        """Creates a user, or changes its password."""
        change = UserScramCredentialUpsertion(user, _MECHANISM, password, _ITERATIONS)
        with self._admin() as admin:
            answer = admin.alter_user_scram_credentials([change])
        if answer[user]:
            raise ProcessError(f"Kafka did not take the password of {user}: {answer[user]}")

    def allow(self, user: str, operation: str, topic: str) -> None:
        """Allows a user an operation on a topic.

        Args:
            user: name of the user.
            operation: READ, WRITE or another of Kafka's operations.
            topic: name of the topic.
        """
        with self._admin() as admin:
            admin.create_acls([_acl(user, operation, topic)])

    def forbid(self, user: str, operation: str, topic: str) -> None:
        """Revokes what `allow` has granted."""
        with self._admin() as admin:
            admin.delete_acls([_acl(user, operation, topic)])

    def _listeners(self, directory: Path) -> str:
        authority = Authority(directory)
        self.truststore = authority.file
        self.client_options = login(_ADMIN, self._password, self.truststore)
        return _LISTENERS.format(
            port=self._port,
            expired_port=self._expired_port,
            controller_port=self._controller_port,
            login=_LOGIN,
            admin=_ADMIN,
            password=self._password,
            keystore=authority.issue("broker"),
            expired_keystore=authority.issue("expired", days=-1),
            truststore=authority.file,
        )

    def _format_options(self) -> list[str]:
        # Salted, because every user of this machine can read command lines.
        salt = secrets.token_bytes(24)
        salted = hashlib.pbkdf2_hmac("sha512", self._password.encode(), salt, _ITERATIONS)
        parts = {
            "name": _ADMIN,
            "salt": f'"{base64.b64encode(salt).decode()}"',
            "saltedpassword": f'"{base64.b64encode(salted).decode()}"',
            "iterations": str(_ITERATIONS),
        }
        pairs = ",".join(f"{key}={value}" for key, value in parts.items())
        return ["--add-scram", f"{_MECHANISM}=[{pairs}]"]


def login(user: str, password: str, truststore: Path) -> dict[str, Any]:
    """Returns what a kafka-python client needs to log in."""
    return {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": _MECHANISM,
        "sasl_plain_username": user,
        "sasl_plain_password": password,
        "ssl_context": ssl.create_default_context(cafile=truststore),
    }


def _acl(user: str, operation: str, topic: str) -> ACL:
    return ACL(
        f"User:{user}",
        "*",
        ACLOperation[operation],
        ACLPermissionType.ALLOW,
        ResourcePattern(ResourceType.TOPIC, topic),
    )
