"""The steps, in data order; one PTransform a file."""

import schema.quiet  # noqa: F401  # before Beam is loaded
from transforms.correlate_alarms import CorrelateAlarms
from transforms.decode_reports import DecodeReports
from transforms.format_events import FormatEvents
from transforms.format_incidents import FormatIncidents
from transforms.gather_windows import GatherWindows
from transforms.join_topology import JoinTopology
from transforms.sample_lines import SampleLines
from transforms.track_links import TrackLinks
from transforms.update_topology import UpdateTopology

__all__ = [
    "CorrelateAlarms",
    "DecodeReports",
    "FormatEvents",
    "FormatIncidents",
    "GatherWindows",
    "JoinTopology",
    "SampleLines",
    "TrackLinks",
    "UpdateTopology",
]
