"""The values that travel: what is appended, what was numbered, what was read."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

Headers = tuple[tuple[str, bytes | None], ...]

RECORD_BYTES_MAX = (
    1_000_000  # a topic takes 1 MiB (its default) with framing and headers; more could never be published
)
DEAD_LETTER_BYTES_MAX = 2_000_000  # a dead letter carries a whole record and its story; its topic takes 2 MiB


class TopicPartition(NamedTuple):
    """One partition of one topic."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]"


def partition_of(key: bytes | None, partitions: int) -> int:
    """The partition of a key: librdkafka's ``consistent`` partitioner, CRC-32 modulo the number of partitions."""
    return zlib.crc32(key or b"") % partitions


HEADER_BYTES = 16  # around a header's name and value, at most


def size_of(key: bytes | None, value: bytes | None, headers: Headers) -> int:
    """Bytes of a record's key, value and headers with their framing."""
    framed = sum(HEADER_BYTES + len(name) + len(content or b"") for name, content in headers)
    return len(key or b"") + len(value or b"") + framed


@dataclass(frozen=True, slots=True)
class Record:
    """A record to be published; it gets its number when it is appended to the outbox."""

    topic: str
    key: bytes | None
    value: bytes | None
    event_id: UUID
    headers: Headers = ()

    @property
    def size(self) -> int:
        """Bytes of key, value and headers."""
        return size_of(self.key, self.value, self.headers)


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A record under its dense number: the unit the relay publishes."""

    topic: str
    partition: int
    sequence: int
    event_id: UUID
    key: bytes | None
    value: bytes | None
    headers: Headers = ()

    @property
    def size(self) -> int:
        """Bytes of key, value and headers."""
        return size_of(self.key, self.value, self.headers)


@dataclass(frozen=True, slots=True)
class SchemaUse:
    """The writer's schema of one record as the registry knows it."""

    subject: str
    schema_id: int
    version: int


@dataclass(frozen=True, slots=True)
class Message:
    """A record read from a topic. ``event`` is the decoded value; None when this service does not use its type."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    sequence: int | None = None
    event_id: UUID | None = None
    event: object | None = None
    schema: SchemaUse | None = None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that this service cannot apply, and why."""

    message: Message
    topic_id: str
    reason: str
    error: str
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class Advance:
    """One inbox row's compare-and-swap: from what this consumer believes to what it has read."""

    topic: str
    partition: int
    epoch: int
    next_offset: int
    last_sequence: int
    new_next_offset: int
    new_last_sequence: int
    waiting_for: int | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """What one database transaction applies: messages in log order, what was refused, and the positions behind both."""

    messages: tuple[Message, ...]
    dead_letters: tuple[DeadLetter, ...] = ()
    advances: tuple[Advance, ...] = ()
    outcomes: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """How many records of which topic became what; counted once the batch is committed."""
