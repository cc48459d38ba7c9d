"""Errors that a user can do something about."""


class NotUsableError(Exception):
    """A file is not what it should be; the message says which and why, in one line."""
