"""Messages that a service cannot apply: kept in its database, and published to its dead letter topic with their bytes.

Both happen in the transaction that moves the inbox position over them, so a dead letter is neither lost nor doubled.
"""

from collections.abc import Mapping, Sequence
from uuid import NAMESPACE_OID, UUID, uuid5

from services.messaging.database import Transaction, fetch
from services.messaging.headers import identity, packed
from services.messaging.kafka import Kafka
from services.messaging.records import DEAD_LETTER_BYTES_MAX, DeadLetter, Headers, Message, Record

FOREIGN_RECORD = "FOREIGN_RECORD"
"""No valid ``sequence`` and ``event_id`` headers: not written by an outbox."""
UNDECODABLE = "UNDECODABLE"
"""The value is not what its schema says, or has no schema id."""
UNKNOWN_SCHEMA = "UNKNOWN_SCHEMA"
"""The registry does not know the value's schema id."""
INVARIANT_BROKEN = "INVARIANT_BROKEN"
"""The message contradicts what this service knows; applying it raised an error."""
RETRIES_EXHAUSTED = "RETRIES_EXHAUSTED"
"""What had to be decided elsewhere could not be, within the bounded number of attempts."""

_ORIGINAL = "dlq.original."
ERROR_CHARACTERS_MAX = 2_000  # a header is for reading; the whole story is in the log

_PARK = """
INSERT INTO dead_letters
    (id, service, reason, error, attempts, topic, topic_id, partition, "offset", sequence, event_id, key, value, headers)
SELECT * FROM unnest(
    %s::uuid[], %s::text[], %s::text[], %s::text[], %s::int[], %s::text[], %s::text[], %s::int[], %s::bigint[],
    %s::bigint[], %s::uuid[], %s::bytea[], %s::bytea[], %s::text[]
)
ON CONFLICT (topic_id, partition, "offset") DO NOTHING
RETURNING id
"""


def dead_letter_id(service: str, letter: DeadLetter) -> UUID:
    """An id derived from where the original stands, so that a re-run makes the same one."""
    message = letter.message
    return uuid5(NAMESPACE_OID, f"{service}/{letter.topic_id}/{message.partition}/{message.offset}")


def park(transaction: Transaction, service: str, topic: str, letters: Sequence[DeadLetter]) -> list[Record]:
    """Keep the letters and return what is to be appended to the dead letter topic; one already kept is left out."""
    if not letters:
        return []
    by_id = {dead_letter_id(service, letter): letter for letter in letters}
    rows = [
        (
            identifier, service, letter.reason, _short(letter.error), letter.attempts, letter.message.topic, letter.topic_id,
            letter.message.partition, letter.message.offset, letter.message.sequence, letter.message.event_id,
            letter.message.key, letter.message.value, packed(letter.message.headers),
        )
        for identifier, letter in by_id.items()
    ]  # fmt: skip
    kept = {
        identifier for (identifier,) in fetch(transaction, _PARK, [list(column) for column in zip(*rows, strict=True)])
    }
    return [_record(service, topic, identifier, letter) for identifier, letter in by_id.items() if identifier in kept]


def put_back(transaction: Transaction, service: str, kafka: Kafka, records: Sequence[Message]) -> None:
    """Keep dead letters again that only the dead letter topic still knows; part of a repair."""
    if not records:
        return
    told = [(record, dict(record.headers)) for record in records]
    cluster = kafka.describe(sorted({_text(headers, "kafka_dlt-original-topic") for _, headers in told}))
    rows = []
    for record, headers in told:
        topic = _text(headers, "kafka_dlt-original-topic")
        original = tuple(
            (name.removeprefix(_ORIGINAL), value) for name, value in record.headers if name.startswith(_ORIGINAL)
        )
        own = identity(original)
        rows.append(
            (
                record.event_id, service, _text(headers, "dlq.reason"), _text(headers, "dlq.error"),
                int(_text(headers, "dlq.attempts")), topic, cluster.topic_ids[topic],
                int(_text(headers, "kafka_dlt-original-partition")), int(_text(headers, "kafka_dlt-original-offset")),
                own.sequence if own else None, own.event_id if own else None, record.key, record.value, packed(original),
            )
        )  # fmt: skip
    fetch(transaction, _PARK, [list(column) for column in zip(*rows, strict=True)])


def _text(headers: Mapping[str, bytes | None], name: str) -> str:
    return (headers[name] or b"").decode()


def _record(service: str, topic: str, identifier: UUID, letter: DeadLetter) -> Record:
    """The letter as it goes to Kafka. What would not fit there (a record may unpack to any size) stays in the database."""
    message = letter.message
    told = _told(service, letter)
    original = tuple((f"{_ORIGINAL}{name}", value) for name, value in message.headers)
    whole = Record(topic, message.key, message.value, identifier, (*told, *original))
    if whole.size <= DEAD_LETTER_BYTES_MAX:
        return whole
    told = (*told, ("dlq.omitted", f"{whole.size} bytes do not fit; the dead_letters table has them".encode()))
    without_value = Record(topic, message.key, None, identifier, (*told, *original))
    return without_value if without_value.size <= DEAD_LETTER_BYTES_MAX else Record(topic, None, None, identifier, told)


def _told(service: str, letter: DeadLetter) -> Headers:
    message = letter.message
    told = {
        "dlq.reason": letter.reason,
        "dlq.error": _short(letter.error),
        "dlq.service": service,
        "dlq.attempts": str(letter.attempts),
        "kafka_dlt-original-topic": message.topic,
        "kafka_dlt-original-partition": str(message.partition),
        "kafka_dlt-original-offset": str(message.offset),
        "kafka_dlt-original-consumer-group": service,
        "kafka_dlt-exception-message": _short(letter.error),
    }
    return tuple((name, value.encode("utf-8", "replace")) for name, value in told.items())


def _short(error: str) -> str:
    return error.replace("\x00", "\\0")[:ERROR_CHARACTERS_MAX]
