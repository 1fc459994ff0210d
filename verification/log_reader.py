"""An independent reader of the topics: confluent-kafka, the registry's own schemas and fastavro, and nothing of ours.

It knows three facts of DESIGN: Confluent's framing (magic byte 0, four bytes of schema id, Avro body), and the headers
`sequence` and `event_id`. So what it finds (numbers dense, nothing twice, everything decodable) does not rest on the code
that wrote it. As a program it prints its findings:
`python -m verification.log_reader [--allow-copies] [--allow-undecodable] BOOTSTRAP REGISTRY_URL TOPIC...`.
"""

import io
import json
import re
import struct
import sys
import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import Any

import confluent_kafka
import fastavro
import httpx
from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka import Message as KafkaMessage

POLL_SECONDS = 0.2
MESSAGES_MAX = 2_000  # taken at once
SILENCE_SECONDS_MAX = 30.0  # a broker that says nothing for longer, not even "end of partition", is gone
REGISTRY_TIMEOUT_SECONDS = 10.0
REGISTRY_PATIENCE_SECONDS = 30.0  # a killed registry is back within this
REGISTRY_PAUSE_SECONDS = 0.2
FINDINGS_MAX = 20  # named per partition; the rest is counted

_NUMBER = re.compile(rb"[1-9][0-9]{0,18}")
_MAGIC = struct.Struct(">bI")

Headers = tuple[tuple[str, bytes | None], ...]
Number = tuple[str, int, int]
"""Topic, partition, sequence."""


class ReaderError(Exception):
    """The topics or the registry could not be read."""


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One committed record. `event` is None, and `problem` says why, when the value cannot be decoded."""

    topic: str
    partition: int
    offset: int
    timestamp_milliseconds: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    sequence: int | None
    """Its number in the topic partition; None for a foreign record."""
    event_id: str | None
    schema_id: int | None
    name: str | None
    """Full name of the record type."""
    event: Mapping[str, Any] | None
    problem: str | None

    @property
    def is_foreign(self) -> bool:
        """Whether no outbox of ours wrote it: not exactly one valid `sequence` and one `event_id`."""
        return self.sequence is None


class SchemaBook:
    """The registry's schemas by id, each fetched once, references resolved."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url.rstrip("/"), timeout=REGISTRY_TIMEOUT_SECONDS, trust_env=False)
        self._parsed: dict[int, tuple[str, Any] | str] = {}

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def decode(self, value: bytes | None) -> tuple[int | None, str | None, Mapping[str, Any] | None, str | None]:
        """Schema id, type name, event and problem of a record's value."""
        if value is None or len(value) < _MAGIC.size or value[0] != 0:
            return None, None, None, "not framed: no magic byte 0 and schema id"
        schema_id = _MAGIC.unpack_from(value)[1]
        found = self._schema(schema_id)
        if isinstance(found, str):
            return schema_id, None, None, found
        name, schema = found
        body = io.BytesIO(value[_MAGIC.size :])
        try:
            event = fastavro.schemaless_reader(body, schema, None)
        except Exception as error:  # noqa: BLE001 - fastavro raises whatever the bytes provoke; it is reported
            return schema_id, name, None, f"{type(error).__name__}: {error}"
        rest = len(body.read())
        if rest or not isinstance(event, dict):
            return schema_id, name, None, f"{rest} bytes too many" if rest else "not a record"
        return schema_id, name, event, None

    def _schema(self, schema_id: int) -> tuple[str, Any] | str:
        known = self._parsed.get(schema_id)
        if known is None:
            answer = self._get(f"/schemas/ids/{schema_id}")
            if answer is None:
                known = f"the registry has no schema {schema_id}"
            else:
                named: dict[str, Any] = {}
                schema = self._parse(answer, named)
                known = (str(schema["name"]), schema) if isinstance(schema, dict) else "the schema is not a record"
            self._parsed[schema_id] = known
        return known

    def _parse(self, answer: Mapping[str, Any], named: dict[str, Any]) -> Any:
        for reference in answer.get("references") or ():
            found = self._get(f"/subjects/{reference['subject']}/versions/{reference['version']}")
            if found is None:
                raise ReaderError(f"the registry lacks {reference}, which a schema refers to")
            if reference["name"] not in named:
                self._parse(found, named)
        return fastavro.parse_schema(json.loads(answer["schema"]), named_schemas=named)

    def _get(self, path: str) -> Mapping[str, Any] | None:
        give_up_at = monotonic() + REGISTRY_PATIENCE_SECONDS
        while True:
            try:
                answer = self._http.get(path)
                if answer.status_code == httpx.codes.NOT_FOUND:
                    return None
                document: Mapping[str, Any] = answer.raise_for_status().json()
            except httpx.HTTPError as error:
                if monotonic() > give_up_at:
                    raise ReaderError(f"the registry does not answer {path}: {error}") from error
                sleep(REGISTRY_PAUSE_SECONDS)
            else:
                return document


def identity(headers: Headers) -> tuple[int | None, str | None]:
    """Number and event id of a record of ours; (None, None) for a foreign one."""
    numbers = [value for name, value in headers if name == "sequence"]
    event_ids = [value for name, value in headers if name == "event_id"]
    if len(numbers) != 1 or len(event_ids) != 1 or not numbers[0] or not event_ids[0]:
        return None, None
    if not _NUMBER.fullmatch(numbers[0]) or int(numbers[0]) >= 1 << 63:
        return None, None
    try:
        return int(numbers[0]), str(uuid.UUID(event_ids[0].decode("ascii")))
    except ValueError:
        return None, None


def read(bootstrap_servers: str, registry_url: str, topics: Sequence[str]) -> Iterator[LogRecord]:
    """Read every committed record from the beginning of these topics up to where they end now."""
    book = SchemaBook(registry_url)
    consumer = Consumer(_settings(bootstrap_servers, eof=True))
    try:
        unread = _partitions(consumer, topics)
        consumer.assign([confluent_kafka.TopicPartition(*each, confluent_kafka.OFFSET_BEGINNING) for each in unread])
        silent_since = monotonic()
        while unread:
            for message in _poll(consumer):
                silent_since = monotonic()
                place = (message.topic() or "", message.partition() or 0)
                if message.error() is not None:
                    unread.discard(place)
                elif place in unread:
                    yield _record(message, book)
            if monotonic() - silent_since > SILENCE_SECONDS_MAX:
                raise ReaderError(f"no record and no end of {sorted(unread)} within {SILENCE_SECONDS_MAX:g} s")
    finally:
        consumer.close()
        book.close()


def partitions(bootstrap_servers: str, topics: Sequence[str]) -> dict[tuple[str, int], int]:
    """All partitions of these topics with the offset they begin at: 0, or where retention has cut them."""
    consumer = Consumer(_settings(bootstrap_servers, eof=False))
    try:
        return {each: _watermarks(consumer, *each)[0] for each in sorted(_partitions(consumer, topics))}
    finally:
        consumer.close()


def follow(
    bootstrap_servers: str, registry_url: str, topics: Sequence[str], started: threading.Event, stop: threading.Event
) -> Iterator[LogRecord]:
    """Read records as they become visible, from where the topics end now until `stop`; sets `started` when it listens.

    Whoever waits for `started` must be woken by the caller where this raises.
    """
    book = SchemaBook(registry_url)
    consumer = Consumer(_settings(bootstrap_servers, eof=False))
    try:
        consumer.assign([_end(consumer, *each) for each in sorted(_partitions(consumer, topics))])
        started.set()
        while not stop.is_set():
            for message in _poll(consumer):
                yield _record(message, book)
    finally:
        consumer.close()
        book.close()


def _settings(bootstrap_servers: str, *, eof: bool) -> dict[str, Any]:
    return {
        "bootstrap.servers": bootstrap_servers,
        "group.id": "independent-reader",  # never joined: partitions are assigned by hand, nothing is committed
        "enable.auto.commit": False,
        "enable.partition.eof": eof,
        "isolation.level": "read_committed",
        "auto.offset.reset": "earliest",
        "log_level": 0,  # what cannot be mended is raised; a killed broker would fill the terminal 20 times a second
    }


def _partitions(consumer: Consumer, topics: Sequence[str]) -> set[tuple[str, int]]:
    try:
        known = consumer.list_topics(timeout=SILENCE_SECONDS_MAX).topics
    except KafkaException as error:
        raise ReaderError(f"Kafka does not answer: {error}") from error
    if missing := [topic for topic in topics if topic not in known]:
        raise ReaderError(f"no such topics: {', '.join(missing)}")
    return {(topic, partition) for topic in topics for partition in known[topic].partitions}


def _end(consumer: Consumer, topic: str, partition: int) -> confluent_kafka.TopicPartition:
    return confluent_kafka.TopicPartition(topic, partition, _watermarks(consumer, topic, partition)[1])


def _watermarks(consumer: Consumer, topic: str, partition: int) -> tuple[int, int]:
    place = confluent_kafka.TopicPartition(topic, partition)
    try:
        low, high = consumer.get_watermark_offsets(place, timeout=SILENCE_SECONDS_MAX)
    except KafkaException as error:
        raise ReaderError(f"Kafka does not say where {topic}[{partition}] begins and ends: {error}") from error
    return low, high


def _poll(consumer: Consumer) -> list[KafkaMessage]:
    """Take what has arrived; errors that librdkafka mends by itself (a broker gone for a while) are passed over."""
    first = consumer.poll(POLL_SECONDS)
    if first is None:
        return []
    messages = []
    for message in (first, *consumer.consume(MESSAGES_MAX, 0)):
        error = message.error()
        if error is None or error.code() == KafkaError._PARTITION_EOF:
            messages.append(message)
        elif error.fatal() or not (error.retriable() or error.code() in _MENDED):
            raise ReaderError(f"Kafka: {error.str()}")
    return messages


_MENDED = (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._TIMED_OUT)


def _record(message: KafkaMessage, book: SchemaBook) -> LogRecord:
    pairs = message.headers() or []
    headers = tuple(
        (name, value.encode() if isinstance(value, str) else value)
        for name, value in (pairs.items() if isinstance(pairs, dict) else pairs)
    )
    value = _bytes(message.value())
    sequence, event_id = identity(headers)
    schema_id, name, event, problem = book.decode(value)
    return LogRecord(
        topic=message.topic() or "",
        partition=message.partition() or 0,
        offset=message.offset() or 0,
        timestamp_milliseconds=message.timestamp()[1],
        key=_bytes(message.key()),
        value=value,
        headers=headers,
        sequence=sequence,
        event_id=event_id,
        schema_id=schema_id,
        name=name,
        event=event,
        problem=problem,
    )


def _bytes(value: object) -> bytes | None:
    return value.encode() if isinstance(value, str) else value if isinstance(value, bytes) else None


@dataclass
class Survey:
    """What is to be said of one topic partition: whether its numbers are dense, and what is not ours or not readable."""

    begins_at: int = 0
    """The offset before which retention has cut; numbers begin with 1 where this is 0."""
    copies_allowed: bool = False
    """Whether somebody may have had events sent again: the same number and event id a second time."""
    first: int | None = None
    last: int | None = None
    """The end of the unbroken run of numbers; a record beyond it does not count until those before it have come."""
    own: int = 0
    copies: int = 0
    foreign: int = 0
    undecodable: int = 0
    findings: list[str] = field(default_factory=list)
    findings_total: int = 0
    _beyond: dict[int, int] = field(default_factory=dict)
    """Numbers that came before those in front of them, with their offsets."""

    def add(self, record: LogRecord, seen: dict[bytes, Number]) -> None:
        """Take the next record of the partition in; `seen` holds the event ids of all partitions, with their numbers."""
        if record.sequence is None or record.event_id is None:
            self.foreign += 1
            return
        self.own += 1
        self.undecodable += record.problem is not None
        if self.first is None:
            self.first = record.sequence
            self.last = record.sequence - 1 if self.begins_at else 0
        event_id, number = uuid.UUID(record.event_id).bytes, (record.topic, record.partition, record.sequence)
        is_copy = seen.get(event_id) == number
        self.copies += is_copy
        if event_id in seen and not (is_copy and self.copies_allowed):
            self._find(f"offset {record.offset}: event id {record.event_id} a second time")
        elif record.sequence <= (self.last or 0) and not is_copy:
            self._find(f"offset {record.offset}: number {record.sequence} after {self.last}, with another event")
        seen.setdefault(event_id, number)
        if record.sequence == (self.last or 0) + 1:
            self.last = record.sequence
            self._beyond.pop(record.sequence, None)
        elif record.sequence > (self.last or 0):
            self._beyond.setdefault(record.sequence, record.offset)

    def finish(self) -> None:
        """Say which numbers are missing, once everything was read."""
        for number, offset in sorted(self._beyond.items()):
            if number - 1 not in self._beyond:
                self._find(f"offset {offset}: number {number}, and number {number - 1} did not come")

    def _find(self, text: str) -> None:
        self.findings_total += 1
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append(text)


def survey(
    records: Iterable[LogRecord], begins_at: Mapping[tuple[str, int], int], *, copies_allowed: bool = False
) -> dict[tuple[str, int], Survey]:
    """Judge these partitions, by the offset at which each begins. Memory grows by about 250 bytes a record (event ids)."""
    found = {place: Survey(offset, copies_allowed) for place, offset in begins_at.items()}
    seen: dict[bytes, Number] = {}
    for record in records:
        found[record.topic, record.partition].add(record, seen)
    for each in found.values():
        each.finish()
    return found


def survey_topics(
    bootstrap_servers: str, registry_url: str, topics: Sequence[str], *, copies_allowed: bool = False
) -> dict[tuple[str, int], Survey]:
    """Read and judge all partitions of these topics, empty ones included."""
    begins_at = partitions(bootstrap_servers, topics)
    return survey(read(bootstrap_servers, registry_url, topics), begins_at, copies_allowed=copies_allowed)


def main(arguments: Sequence[str]) -> int:
    """Print what each partition holds.

    Exit code 100 when numbers are not dense, an event is there twice (unless `--allow-copies` is given: somebody may have
    had events sent again), or a record of ours cannot be decoded (unless `--allow-undecodable`); 1 when the topics cannot be
    read.
    """
    allowed, copies_allowed = "--allow-undecodable" in arguments, "--allow-copies" in arguments
    bootstrap_servers, registry_url, *topics = (each for each in arguments if not each.startswith("--allow-"))
    try:
        surveyed = survey_topics(bootstrap_servers, registry_url, topics, copies_allowed=copies_allowed)
    except ReaderError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a program's output
        return 1
    findings = 0
    for (topic, partition), found in sorted(surveyed.items()):
        numbers = f"{found.first}..{found.last}" if found.own else "none"
        print(  # noqa: T201
            f"{topic}[{partition}] records={found.own} numbers={numbers} foreign={found.foreign}"
            f" undecodable={found.undecodable} findings={found.findings_total} copies={found.copies}"
        )
        for text in found.findings:
            print(f"  {text}")  # noqa: T201
        findings += found.findings_total + (0 if allowed else found.undecodable)
    return 100 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
