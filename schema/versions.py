"""Versions of what is kept over restarts; what another version wrote is refused in words."""

__all__ = [
    "CORRELATOR_STATE_VERSION",
    "JOINER_STATE_VERSION",
    "TABLE_STATE_VERSION",
    "TRACKER_STATE_VERSION",
    "check_version",
]

#: First byte of the state of TrackLinks.
TRACKER_STATE_VERSION = 6
#: First byte of the state of JoinTopology.
JOINER_STATE_VERSION = 6
#: First byte of the state of CorrelateAlarms.
CORRELATOR_STATE_VERSION = 1
#: First byte of the state of a table of the topology.
TABLE_STATE_VERSION = 3


def check_version(version: int, readable: int) -> None:
    """Refuses state of another version than can be read.

    Raises:
        ValueError: it is of another version.
    """
    if version != readable:
        raise ValueError(
            f"state of version {version} cannot be read by version {readable}: "
            "start without the savepoint"
        )
