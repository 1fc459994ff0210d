"""The independent reader: which records are ours, whether their numbers are dense, and what the registry's schemas say."""

import json
import uuid

import confluent_kafka
import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from verification.log_reader import Headers, LogRecord, identity, main, read, survey

EVENT = uuid.UUID(int=7)
OURS = (("sequence", b"12"), ("event_id", str(EVENT).encode()))


def record(sequence: int | None, event: int = 0, problem: str | None = None) -> LogRecord:
    event_id = None if sequence is None else str(uuid.UUID(int=event or sequence))
    offset = 100 + (sequence or 0)
    return LogRecord("t", 0, offset, 0, b"k", b"v", (), sequence, event_id, 1, "n", {}, problem)


def test_record_with_one_number_and_one_event_id_is_ours() -> None:
    assert identity((*OURS, ("trace", b"x"))) == (12, str(EVENT))


@pytest.mark.parametrize(
    "headers",
    [
        (),
        OURS[:1],
        OURS[1:],
        (*OURS, OURS[0]),
        (*OURS, OURS[1]),
        (("sequence", b"012"), OURS[1]),
        (("sequence", b"-1"), OURS[1]),
        (("sequence", b"9223372036854775808"), OURS[1]),
        (("sequence", None), OURS[1]),
        (OURS[0], ("event_id", b"no uuid")),
        (OURS[0], ("event_id", b"\xff")),
    ],
)
def test_anything_else_is_foreign(headers: Headers) -> None:
    assert identity(headers) == (None, None)


def test_dense_numbers_have_no_finding() -> None:
    [found] = survey([record(1), record(None), record(2, problem="cut off"), record(3)]).values()

    assert (found.own, found.foreign, found.undecodable, found.first, found.last) == (3, 1, 1, 1, 3)
    assert found.findings == []


@pytest.mark.parametrize(
    ("records", "finding"),
    [
        ([record(1), record(3)], "number 3 after 1"),
        ([record(1), record(2), record(1, event=9)], "number 1 after 2"),
        ([record(1), record(2, event=1)], "a second time"),
    ],
)
def test_hole_copy_and_doubled_event_are_found(records: list[LogRecord], finding: str) -> None:
    [found] = survey(records).values()

    assert found.findings_total == 1
    assert finding in found.findings[0]


def test_records_are_read_with_the_schemas_of_the_registry(
    kafka: str, registry: str, capsys: pytest.CaptureFixture[str]
) -> None:
    topic, value = _topic_with_a_reference(kafka, registry)
    producer = confluent_kafka.Producer({"bootstrap.servers": kafka})
    for payload, number in ((value, 1), (value[:-1], 2), (b"junk", 3), (b"\x00\x7f\xff\xff\xff", 4), (value, None)):
        headers = {"sequence": str(number), "event_id": str(uuid.uuid4())} if number else {}
        producer.produce(topic, payload, key=b"k", headers=dict(headers), partition=0)
    assert producer.flush(30) == 0

    first, cut, junk, unknown, foreign = read(kafka, registry, [topic])

    assert (first.name, first.event, first.problem) == ("shop.test.Outer", {"inner": {"text": "hello"}}, None)
    assert (cut.name, cut.event, cut.problem is None) == ("shop.test.Outer", None, False)
    assert "not framed" in str(junk.problem)
    assert "no schema 2147483647" in str(unknown.problem)
    assert foreign.is_foreign
    assert foreign.event == first.event
    assert main([kafka, registry, topic]) == 0
    assert f"{topic}[0] records=4 numbers=1..4 foreign=1 undecodable=3 findings=0" in capsys.readouterr().out


def _topic_with_a_reference(kafka: str, registry: str) -> tuple[str, bytes]:
    """A topic, and a value whose schema refers to another one."""
    topic = f"reader-{uuid.uuid4().hex}"
    admin = AdminClient({"bootstrap.servers": kafka})
    admin.create_topics([NewTopic(topic, 1)])[topic].result(30)
    name = f"shop.test{uuid.uuid4().hex}.Inner"
    inner = {"type": "record", "name": name, "fields": [{"name": "text", "type": "string"}]}
    outer = {"type": "record", "name": "shop.test.Outer", "fields": [{"name": "inner", "type": name}]}
    schema = Schema(json.dumps(outer), "AVRO", [SchemaReference(name, name, 1)])
    with SchemaRegistryClient({"url": registry}) as client:
        client.register_schema(name, Schema(json.dumps(inner), "AVRO"))
        value = AvroSerializer(client, schema)(
            {"inner": {"text": "hello"}}, SerializationContext(topic, MessageField.VALUE)
        )
    assert isinstance(value, bytes)
    return topic, value
