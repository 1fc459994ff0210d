"""Who writes and reads: our generated classes, fastavro, and confluent's serializers, each as its users would call it.

All of them turn the same Python values (UUID, Decimal, datetime, ...) into bytes and back: ours objects, the others dicts.
"""

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import fastavro
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from codegen.registry.wire_format import HEADER_BYTES
from verification.bench.events import Event
from verification.bench.timing import Work

WRITE: Final = "write"
READ: Final = "read"
READ_EARLIER: Final = "read version 1"
TOPIC: Final = "bench"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Why something is not measured."""

    reason: str


@dataclass(frozen=True, slots=True)
class Codec:
    """How a peer does each operation on one event; the schema of its bytes, and how many others stand in front of them."""

    operations: Mapping[str, Work | LeftOut]
    schema: str
    frame_bytes: int = 0


Peer = Callable[[Event], Codec]


def ours(event: Event) -> Codec:
    """Return what our generated class does."""
    cls, data = type(event.value), event.value.encode()
    operations: dict[str, Work | LeftOut] = {WRITE: event.value.encode, READ: lambda: cls.decode(data)}
    if event.earlier:
        schema, written = event.earlier.schema, fastavro_bytes(event.earlier.schema, event.earlier.written)
        operations[READ_EARLIER] = lambda: cls.decode(written, writer=schema)
    return Codec(operations, event.schema)


def fastavro_dicts(event: Event) -> Codec:
    """Return what fastavro does, its schemas parsed beforehand."""
    schema, datum = _parsed(event.schema), event.datum
    data = fastavro_bytes(event.schema, datum)

    def write() -> bytes:
        stream = io.BytesIO()
        fastavro.schemaless_writer(stream, schema, datum)
        return stream.getvalue()

    operations: dict[str, Work | LeftOut] = {
        WRITE: write,
        READ: lambda: fastavro.schemaless_reader(io.BytesIO(data), schema, None),
    }
    if event.earlier:
        writer, written = _parsed(event.earlier.schema), fastavro_bytes(event.earlier.schema, event.earlier.written)
        operations[READ_EARLIER] = lambda: fastavro.schemaless_reader(io.BytesIO(written), writer, schema)
    return Codec(operations, event.schema)


def confluent(registry: str) -> Peer:
    """Return what confluent's serializers do with their defaults and a registry; without `to_dict` and `from_dict`."""
    client = SchemaRegistryClient({"url": registry})
    context = SerializationContext(TOPIC, MessageField.VALUE)

    def codec(event: Event) -> Codec:
        serialize, deserialize = _serializer(client, event.schema), _deserializer(client)
        data = serialize(event.datum, context)
        operations: dict[str, Work | LeftOut] = {
            WRITE: lambda: serialize(event.datum, context),
            READ: lambda: deserialize(data, context),
        }
        if event.earlier:
            written = _serializer(client, event.earlier.schema)(event.earlier.written, context)
            resolve = _deserializer(client, event.schema)
            operations[READ_EARLIER] = lambda: resolve(written, context)
        return Codec(operations, event.schema, HEADER_BYTES)

    return codec


def _serializer(client: SchemaRegistryClient, schema: str) -> Any:
    return AvroSerializer(client, schema)  # pyright: ignore[reportCallIssue] - it gets its __init__ by assignment


def _deserializer(client: SchemaRegistryClient, schema: str | None = None) -> Any:
    return AvroDeserializer(client, schema)  # pyright: ignore[reportCallIssue] - likewise


def left_out(reason: str) -> Peer:
    """Return a peer that cannot be measured, with the reason why."""

    def codec(event: Event) -> Codec:
        return Codec(dict.fromkeys(operations_on(event), LeftOut(reason)), event.schema)

    return codec


def operations_on(event: Event) -> list[str]:
    """Return what is measured of an event."""
    return [WRITE, READ, *([READ_EARLIER] if event.earlier else [])]


def fastavro_bytes(schema: str, datum: Any) -> bytes:
    """Return what fastavro writes."""
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, _parsed(schema), datum)
    return stream.getvalue()


def fastavro_datum(schema: str, data: bytes) -> Any:
    """Return what fastavro reads."""
    return fastavro.schemaless_reader(io.BytesIO(data), _parsed(schema), None)


@cache
def _parsed(schema: str) -> Any:
    return fastavro.parse_schema(json.loads(schema))
