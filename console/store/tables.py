"""The tables, alike in SQLite and PostgreSQL. Times are milliseconds since the Unix epoch (`_ms`).

Texts compare byte by byte, in PostgreSQL too, so that pages of a list are cut alike.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    column,
)

METADATA = MetaData()

_TEXT = Text().with_variant(Text(collation="C"), "postgresql")


def _rare(table: str, name: str, *order: str) -> Index:
    """Returns an index of the few rows of which a column is true, in the order of a list."""
    is_true = column(name, Boolean).is_(True)
    return Index(
        f"{table}_{name}", *order, "source", sqlite_where=is_true, postgresql_where=is_true
    )


#: Every CloudEvent as it came. What comes twice is one row.
EVENT = Table(
    "event",
    METADATA,
    Column("source", _TEXT, primary_key=True),
    Column("id", _TEXT, primary_key=True),
    # The alarm_id or incident_id.
    Column("subject_id", _TEXT, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Column("state", _TEXT, nullable=False),
    Column("severity", SmallInteger, nullable=False),
    Column("code", _TEXT, nullable=False),
    Column("suppressed", Boolean, nullable=False),
    Column("body", _TEXT, nullable=False),
    # With the time: what was newest at a moment is read off the index.
    Index("event_of_subject", "subject_id", "sequence", "time_ms", "source"),
)

#: The newest state of each alarm, by sequence, and what operators did with it.
ALARM = Table(
    "alarm",
    METADATA,
    Column("alarm_id", _TEXT, primary_key=True),
    Column("source", _TEXT, primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("state", _TEXT, nullable=False),
    Column("clear_reason", _TEXT),
    Column("severity", SmallInteger, nullable=False),
    Column("code", _TEXT, nullable=False),
    Column("family", _TEXT, nullable=False),
    Column("link_id", _TEXT, nullable=False),
    Column("a_end", _TEXT, nullable=False),
    Column("z_end", _TEXT, nullable=False),
    Column("onset_ms", BigInteger, nullable=False),
    Column("raised_ms", BigInteger, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Column("cleared_ms", BigInteger),
    # Its class (console/store/spans.py); null while it is open.
    Column("lasted", SmallInteger),
    # When an alarm of a job started anew took its place.
    Column("superseded_ms", BigInteger),
    Column("suppressed", Boolean, nullable=False),
    Column("service_affecting", Boolean, nullable=False),
    # Of the services as last told: they are written anew only when they change.
    Column("services_crc", BigInteger, nullable=False),
    Column("data", _TEXT, nullable=False),
    Column("acknowledged", Boolean, nullable=False, default=False),
    Column("operator_state", _TEXT, nullable=False, default="none"),
    Column("shelved_until_ms", BigInteger),
    Column("assignee", _TEXT),
    # What a list is filtered by, and then its order: a page is read off an index, however many fit.
    Index("alarm_by_state", "state", "raised_ms", "alarm_id", "source"),
    Index("alarm_by_state_severity", "state", "severity", "raised_ms", "alarm_id", "source"),
    Index("alarm_by_severity", "severity", "raised_ms", "alarm_id", "source"),
    Index("alarm_by_family", "family", "raised_ms", "alarm_id", "source"),
    Index("alarm_by_code", "code", "raised_ms", "alarm_id", "source"),
    Index("alarm_by_raised", "raised_ms", "alarm_id", "source"),
    Index("alarm_by_lasted", "lasted", "raised_ms", "cleared_ms", "alarm_id"),
    Index("alarm_by_link", "link_id", "family", "state", "raised_ms", "alarm_id"),
    Index("alarm_by_a_end", "a_end", "raised_ms"),
    Index("alarm_by_z_end", "z_end", "raised_ms"),
    *(_rare("alarm", name, "raised_ms", "alarm_id") for name in ("suppressed", "acknowledged")),
    Index("alarm_by_cleared", "cleared_ms"),
)

#: The services of each alarm, as last told.
ALARM_SERVICE = Table(
    "alarm_service",
    METADATA,
    Column("alarm_id", _TEXT, primary_key=True),
    Column("source", _TEXT, primary_key=True),
    Column("service_id", _TEXT, primary_key=True),
    Column("customer", _TEXT, nullable=False),
    Column("capacity_gbps", Double, nullable=False),
    Column("protected", Boolean, nullable=False),
    Index("alarm_of_service", "service_id", "alarm_id", "source"),
    Index("alarm_of_customer", "customer", "alarm_id", "source"),
)

#: The newest state of each incident, by sequence.
INCIDENT = Table(
    "incident",
    METADATA,
    Column("incident_id", _TEXT, primary_key=True),
    Column("source", _TEXT, primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("state", _TEXT, nullable=False),
    Column("severity", SmallInteger, nullable=False),
    Column("kind", _TEXT, nullable=False),
    Column("opened_ms", BigInteger, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Column("closed_ms", BigInteger),
    Column("lasted", SmallInteger),
    Column("suppressed", Boolean, nullable=False),
    Column("service_affecting", Boolean, nullable=False),
    Column("data", _TEXT, nullable=False),
    Index("incident_by_state", "state", "opened_ms", "incident_id", "source"),
    Index("incident_by_severity", "severity", "opened_ms", "incident_id", "source"),
    Index("incident_by_kind", "kind", "opened_ms", "incident_id", "source"),
    Index("incident_by_opened", "opened_ms", "incident_id", "source"),
    Index("incident_by_lasted", "lasted", "opened_ms", "closed_ms", "incident_id"),
    _rare("incident", "suppressed", "opened_ms", "incident_id"),
)

#: What an incident has ever named: `what` is alarm, link, node, srlg, service or customer, `value`
#: its id or name.
INCIDENT_PART = Table(
    "incident_part",
    METADATA,
    Column("incident_id", _TEXT, primary_key=True),
    Column("source", _TEXT, primary_key=True),
    Column("what", _TEXT, primary_key=True),
    Column("value", _TEXT, primary_key=True),
    # The value in front: SQLite would look through all that is of a kind.
    Index("incident_of_part", "value", "what", "incident_id", "source"),
)

#: The names that a search looks through: `kind` is link, service, customer, code, kind, node or
#: srlg; `value` is what alarms or incidents have, `words` what the text is looked for in, in lower
#: case. A value can have several words: a link that was renamed is found by either name.
NAME = Table(
    "name",
    METADATA,
    Column("kind", _TEXT, primary_key=True),
    Column("value", _TEXT, primary_key=True),
    Column("words", _TEXT, primary_key=True),
)

#: One line for each window of a link; the last one told counts (spec, section 10).
TRACE = Table(
    "trace",
    METADATA,
    Column("source", _TEXT, primary_key=True),
    Column("link_id", _TEXT, primary_key=True),
    Column("window_start_ms", BigInteger, primary_key=True),
    Column("body", _TEXT, nullable=False),
    Index("trace_by_time", "window_start_ms"),
)

#: What operators did; only ever added to.
OPERATOR_ACTION = Table(
    "operator_action",
    METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("source", _TEXT, nullable=False),
    Column("alarm_id", _TEXT, nullable=False),
    Column("action", _TEXT, nullable=False),
    Column("text", _TEXT),
    Column("assignee", _TEXT),
    Column("until_ms", BigInteger),
    Column("operator", _TEXT, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Index("action_of_alarm", "alarm_id", "number"),
)

#: Input that is no event, incident or trace: where it was, and what is wrong with it.
REJECTED = Table(
    "rejected",
    METADATA,
    Column("origin", _TEXT, primary_key=True),
    Column("position", BigInteger, primary_key=True),
    Column("time_ms", BigInteger, nullable=False),
    Column("reason", _TEXT, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("rejected_by_time", "time_ms"),
)

#: Up to where each partition or file is taken in: the next offset, or the next byte.
POSITION = Table(
    "position",
    METADATA,
    Column("origin", _TEXT, primary_key=True),
    Column("position", BigInteger, nullable=False),
    # Tells a file that was written anew from one that has grown; 0 for a partition.
    Column("fingerprint", BigInteger, nullable=False),
)

#: Every change in the order of its commit: what streams and webhooks follow.
JOURNAL = Table(
    "journal",
    METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("time_ms", BigInteger, nullable=False),
    # alarm, incident or action.
    Column("kind", _TEXT, nullable=False),
    Column("source", _TEXT, nullable=False),
    Column("subject_id", _TEXT, nullable=False),
    # The id of the event; null for an action, and for an alarm that was superseded.
    Column("event_id", _TEXT),
)

#: Up to which number of the journal each webhook has been told.
WEBHOOK = Table(
    "webhook",
    METADATA,
    Column("url", _TEXT, primary_key=True),
    Column("number", BigInteger, nullable=False),
)

#: The last number given out: of the journal and of operator actions; and the number of rejections.
COUNTER = Table(
    "counter",
    METADATA,
    Column("name", _TEXT, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

#: Logged-in browsers. A session is known by the hash of its cookie.
SESSION = Table(
    "session",
    METADATA,
    Column("cookie_hash", _TEXT, primary_key=True),
    Column("name", _TEXT, nullable=False),
    Column("csrf_token", _TEXT, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
)

#: One row: the version of these tables.
SCHEMA_VERSION = Table(
    "schema_version", METADATA, Column("version", Integer, primary_key=True, autoincrement=False)
)
