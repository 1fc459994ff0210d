"""The two Kafka headers by which a record is one of ours: ``sequence`` and ``event_id``, each exactly once.

They stand outside the Avro value, so they can be read when the value cannot.
"""

import base64
import json
import re
from typing import NamedTuple
from uuid import UUID

from services.messaging.records import Headers, OutboxRow

SEQUENCE = "sequence"
EVENT_ID = "event_id"
_DIGITS = re.compile(rb"[1-9][0-9]{0,18}")
SEQUENCE_MAX = 2**63 - 1


class Identity(NamedTuple):
    """A record's number in its topic partition, and its event's id."""

    sequence: int
    event_id: UUID


def identity(headers: Headers) -> Identity | None:
    """The identity of a record of ours; None for a foreign record, one without exactly one well-formed header of each."""
    sequences = [value for name, value in headers if name == SEQUENCE]
    event_ids = [value for name, value in headers if name == EVENT_ID]
    if len(sequences) != 1 or len(event_ids) != 1 or sequences[0] is None or event_ids[0] is None:
        return None
    if not _DIGITS.fullmatch(sequences[0]) or int(sequences[0]) > SEQUENCE_MAX:
        return None
    try:
        return Identity(int(sequences[0]), UUID(event_ids[0].decode("ascii")))
    except ValueError:
        return None


def stamped(row: OutboxRow) -> list[tuple[str, str | bytes | None]]:
    """A row's headers with its identity in front."""
    own: list[tuple[str, str | bytes | None]] = [
        (SEQUENCE, str(row.sequence).encode()),
        (EVENT_ID, str(row.event_id).encode()),
    ]
    own.extend(row.headers)
    return own


def packed(headers: Headers) -> str:
    """Headers as JSON, values in base64: a list of pairs, since a name may stand twice."""
    return json.dumps([[name, None if value is None else base64.b64encode(value).decode()] for name, value in headers])


def unpacked(headers: str) -> Headers:
    """The reverse of ``packed``."""
    return tuple((name, None if value is None else base64.b64decode(value)) for name, value in json.loads(headers))
