"""The errors that a person meets: each is one message, and the exit code that goes with it.

A program catches `EventCenterError`, prints its name and the message, and ends with `exit_code`.
"""


class EventCenterError(Exception):
    """Something cannot be done; the message says what is wrong, and where it can, what to do.

    Attributes:
        exit_code: code of a program that ends because of it.
    """

    exit_code = 1


class UsageError(EventCenterError):
    """The command line cannot be run as it is."""

    exit_code = 2


class KafkaConfigError(UsageError):
    """Settings of Kafka clients cannot be used; the message holds no secret."""


class SessionError(EventCenterError):
    """The cluster in the background cannot do what was asked of it, or there is none."""

    exit_code = 2


class MissingPartError(EventCenterError):
    """A run needs something of this machine that is missing and could not be fetched or built."""

    exit_code = 2


class TargetsError(UsageError):
    """A file of gNMI targets cannot be used; each line of the message says where and why."""


class NotUsableError(EventCenterError):
    """A file is not what it should be; the message says which and why."""


class ProcessError(EventCenterError):
    """A child process did not come up, or has ended; the message ends with the end of its log."""


class FlinkError(EventCenterError):
    """Flink does not do what it was asked to do."""


class RunError(EventCenterError):
    """A run that has started cannot go on, or does not come to its end."""


class SendError(EventCenterError):
    """Kafka cannot be reached, or does not take what the simulator sends."""

    exit_code = 2


class DatabaseError(EventCenterError):
    """The console's database cannot be used; the message says why, and holds no secret."""
