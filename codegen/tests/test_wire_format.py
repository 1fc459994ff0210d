"""The Confluent wire format: our framing against confluent-kafka's serializers, on a live registry."""

import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.schema_registry import (
    Schema,
    SchemaReference,
    SchemaRegistryClient,
    topic_record_subject_name_strategy,
)
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from codegen.contracts import Contracts
from codegen.errors import EncodeError, WireFormatError
from codegen.registry import push
from codegen.registry.client import Registry
from codegen.registry.wire_format import frame, unframe
from codegen.tests.building import as_datum, build, without_type_names, write_schemas


def test_a_frame_is_magic_byte_id_and_body() -> None:
    assert frame(258, b"body") == b"\x00\x00\x00\x01\x02body"
    assert unframe(b"\x00\x00\x00\x01\x02body") == (258, b"body")
    assert unframe(frame(0xFFFF_FFFF, b"")) == (0xFFFF_FFFF, b"")


@pytest.mark.parametrize(
    "value", [b"", b"\x00\x00\x00\x00", b"\x01\x00\x00\x00\x01x", b"\xff\x00\x00\x00\x01x", b"{json}"]
)
def test_what_is_not_framed_is_refused(value: bytes) -> None:
    with pytest.raises(WireFormatError):
        unframe(value)


@pytest.mark.parametrize("schema_id", [-1, 2**32])
def test_what_is_no_schema_id_is_refused(schema_id: int) -> None:
    with pytest.raises(EncodeError):
        frame(schema_id, b"")


@pytest.fixture
def schemas() -> list[dict[str, Any]]:
    namespace = f"wire_{uuid.uuid4().hex}"
    header = {
        "type": "record",
        "name": "Header",
        "namespace": f"{namespace}.common",
        "fields": [
            {"name": "id", "type": {"type": "string", "logicalType": "uuid"}},
            {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        ],
    }
    event = {
        "type": "record",
        "name": "Event",
        "namespace": namespace,
        "fields": [
            {"name": "header", "type": f"{namespace}.common.Header"},
            {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["A", "B"]}},
            {"name": "numbers", "type": {"type": "array", "items": "long"}},
            {"name": "note", "type": ["null", "string"], "default": None},
        ],
    }
    return [header, event]


def test_confluents_serializers_read_and_write_the_same(
    tmp_path: Path, registry: str, schemas: list[dict[str, Any]]
) -> None:
    header, event = schemas
    name, header_name = f"{event['namespace']}.Event", f"{header['namespace']}.Header"
    classes = build(tmp_path, header, event)
    folder = write_schemas(tmp_path / "pushed", header, event)
    (folder / "contracts.toml").write_text(f'[topics.t]\nwriter = "w"\nkey = "kind"\nevents = ["{name}"]\n')
    with Registry(registry) as client:
        push.apply(Contracts.load(folder), client, lambda _: None)
        schema_id = client.lookup(f"t-{name}", classes[name].SCHEMA).id
    value = classes[name](
        header=classes[header_name](id=uuid.uuid4(), at=datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)),
        kind=classes[f"{event['namespace']}.Kind"].B,
        numbers=[-1, 2**40],
    )
    text = (folder / "Event.avsc").read_text()
    reference = SchemaReference(header_name, header_name, 1)
    settings = {"auto.register.schemas": False, "subject.name.strategy": topic_record_subject_name_strategy}
    context = SerializationContext("t", MessageField.VALUE)
    datum = without_type_names(as_datum(value))

    ours = frame(schema_id, value.encode())
    with SchemaRegistryClient({"url": registry}) as confluent:
        theirs = AvroSerializer(confluent, Schema(text, "AVRO", [reference]), conf=settings)(datum, context)  # pyright: ignore[reportCallIssue] - its stub forgets __call__
        read_by_theirs = AvroDeserializer(confluent)(ours, context)  # pyright: ignore[reportCallIssue] - its stub forgets __call__

    assert theirs == ours
    assert read_by_theirs == datum
    assert theirs is not None
    assert classes[name].decode(unframe(theirs)[1]) == value
