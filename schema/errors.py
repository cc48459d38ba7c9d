"""The errors that a person meets: one line each, and the exit code that goes with it.

A program catches `EventCenterError`, prints the message and ends with its `exit_code`.
"""


class EventCenterError(Exception):
    """The run cannot be done; the message is one line that says what to do.

    Attributes:
        exit_code: of a program that ends because of it.
    """

    exit_code = 1


class UsageError(EventCenterError):
    """The command line cannot be run as it is."""

    exit_code = 2


class KafkaConfigError(UsageError):
    """Settings of Kafka clients cannot be used; the message holds no secret."""


class NotUsableError(EventCenterError):
    """A file is not what it should be; the message says which and why."""
