"""Who may see and do what: the users file, its passwords and tokens.

    users:
      anna: {role: operator, password: "$argon2id$..."}
    tokens:
      nms: {role: viewer, sha256: "2c26b4..."}

`python -m console.users NAME ROLE` asks for a password and prints a line of `users`;
`python -m console.users --token NAME ROLE` prints a new token, and its line of `tokens`.
"""

from __future__ import annotations

import argparse
import functools
import getpass
import hashlib
import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from schema.errors import UsageError

ROLES = ("viewer", "operator")


@dataclass(frozen=True)
class Identity:
    """Who asks.

    Attributes:
        name: as actions are recorded under.
        role: viewer or operator.
    """

    name: str
    role: str

    @property
    def may_act(self) -> bool:
        """Whether this one may do something with alarms."""
        return self.role == "operator"


@dataclass(frozen=True)
class Users:
    """All who may come in.

    Attributes:
        passwords: hash and role by name.
        tokens: identity by the SHA-256 of the token.
    """

    passwords: dict[str, tuple[str, str]] = field(default_factory=dict)
    tokens: dict[str, Identity] = field(default_factory=dict)

    def by_password(self, name: str, password: str) -> Identity | None:
        """Returns who logs in; takes as long for a name that is not known."""
        known, role = self.passwords.get(name, (_nobody(), ""))
        try:
            _HASHER.verify(known, password)
        except Argon2Error:
            return None
        return Identity(name, role) if role else None

    def by_token(self, token: str) -> Identity | None:
        """Returns whose token it is."""
        return self.tokens.get(hash_of(token))

    def by_name(self, name: str) -> Identity | None:
        """Returns a user of a session; None if the file no longer has one."""
        known = self.passwords.get(name)
        return None if known is None else Identity(name, known[1])


_HASHER = PasswordHasher()


@functools.cache
def _nobody() -> str:
    """Returns what the password of an unknown name is compared with."""
    return _HASHER.hash(secrets.token_hex())


def read_users(path: Path) -> Users:
    """Reads a users file.

    Raises:
        UsageError: it cannot be read, or is not as it should be; the message holds no secret.
    """
    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--users_file={path}: {error}") from error
    except yaml.YAMLError as error:
        raise UsageError(f"--users_file={path} is no YAML") from error
    try:
        users = _section(content, "users")
        tokens = _section(content, "tokens")
        found = Users(
            {name: (_password(name, one), _role(name, one)) for name, one in users.items()},
            {_digest(name, one): Identity(name, _role(name, one)) for name, one in tokens.items()},
        )
    except ValueError as error:
        raise UsageError(f"--users_file={path}: {error}") from error
    if not found.passwords and not found.tokens:
        raise UsageError(f"--users_file={path} names nobody")
    return found


def hash_of(secret: str) -> str:
    """Returns the SHA-256 of a random secret, by which it is known."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _section(content: Any, name: str) -> dict[str, dict[str, Any]]:
    section = (content.get(name) if isinstance(content, dict) else None) or {}
    if not isinstance(section, dict) or not all(
        isinstance(key, str) and isinstance(value, dict) for key, value in section.items()
    ):
        raise ValueError(f"{name} has entries such as `anna: {{role: viewer, ...}}`")
    return section


def _role(name: str, fields: dict[str, Any]) -> str:
    role = fields.get("role")
    if role not in ROLES:
        raise ValueError(f"the role of {name} is none of {', '.join(ROLES)}")
    return str(role)


def _password(name: str, fields: dict[str, Any]) -> str:
    password = str(fields.get("password", ""))
    try:
        _HASHER.check_needs_rehash(password)
    except InvalidHashError as error:
        raise ValueError(f"the password of {name} is no argon2 hash") from error
    return password


def _digest(name: str, fields: dict[str, Any]) -> str:
    digest = str(fields.get("sha256", ""))
    if len(digest) != 64 or set(digest) - set("0123456789abcdef"):
        raise ValueError(f"sha256 of the token {name} is not 64 hexadecimal digits")
    return digest


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints a line for the users file."""
    parser = argparse.ArgumentParser(prog="console.users", description=__doc__)
    parser.add_argument("--token", action="store_true", help="a token for a program")
    parser.add_argument("name")
    parser.add_argument("role", choices=ROLES)
    options = parser.parse_args(arguments)
    if options.token:
        token = secrets.token_urlsafe(32)
        print(f"Token (shown once): {token}", file=sys.stderr)
        print(_line(options, "sha256", hash_of(token)))
        return 0
    password = getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    print(_line(options, "password", _HASHER.hash(password)))
    return 0


def _line(options: argparse.Namespace, name: str, value: str) -> str:
    return f'  {options.name}: {{role: {options.role}, {name}: "{value}"}}'


if __name__ == "__main__":
    sys.exit(main())
