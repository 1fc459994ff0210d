"""The independent reader: which records are ours, whether their numbers are dense, and what the registry's schemas say."""

import json
import threading
import uuid
from http.server import BaseHTTPRequestHandler, HTTPServer

import confluent_kafka
import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from verification import log_reader
from verification.log_reader import Headers, LogRecord, ReaderError, SchemaBook, Survey, identity, main, read, survey

EVENT = uuid.UUID(int=7)
OURS = (("sequence", b"12"), ("event_id", str(EVENT).encode()))


def record(sequence: int | None, event: int = 0, problem: str | None = None) -> LogRecord:
    event_id = None if sequence is None else str(uuid.UUID(int=event or sequence))
    offset = 100 + (sequence or 0)
    return LogRecord("t", 0, offset, 0, b"k", b"v", (), sequence, event_id, 1, "n", {}, problem)


def surveyed(records: list[LogRecord], begins_at: int = 0) -> Survey:
    [found] = survey(records, {("t", 0): begins_at}).values()
    return found


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
    found = surveyed([record(1), record(None), record(2, problem="cut off"), record(3)])

    assert (found.own, found.foreign, found.undecodable, found.first, found.last) == (3, 1, 1, 1, 3)
    assert found.findings == []


@pytest.mark.parametrize(
    ("records", "finding"),
    [
        ([record(1), record(3)], "number 3, and number 2 did not come"),
        ([record(1), record(2), record(1, event=9)], "number 1 after 2, with another event"),
        ([record(1), record(2, event=1)], "a second time"),
        ([record(1), record(2), record(1)], "a second time"),
        ([record(None), record(2)], "number 2, and number 1 did not come"),
    ],
)
def test_hole_copy_and_doubled_event_are_found(records: list[LogRecord], finding: str) -> None:
    found = surveyed(records)

    assert found.findings_total == 1
    assert finding in found.findings[0]


def test_a_hole_that_was_filled_by_sending_again_is_none() -> None:
    records = [record(1), record(4), record(5), *map(record, (2, 3, 4, 5)), record(6)]
    [found] = survey(records, {("t", 0): 0}, copies_allowed=True).values()

    assert (found.findings, found.copies, found.last) == ([], 2, 6)


def test_what_was_sent_again_is_counted_where_it_is_allowed() -> None:
    [found] = survey([*map(record, (1, 2, 3)), *map(record, (2, 3))], {("t", 0): 0}, copies_allowed=True).values()

    assert (found.findings, found.copies, found.last) == ([], 2, 3)


def test_numbers_may_begin_anywhere_where_retention_has_cut() -> None:
    assert surveyed([record(2), record(3)], begins_at=100).findings == []


def test_partition_without_records_is_told() -> None:
    assert survey([], {("t", 0): 0, ("t", 1): 7}) == {("t", 0): Survey(), ("t", 1): Survey(begins_at=7)}


class Registry(BaseHTTPRequestHandler):
    """Answers 503 so many times, then with a schema."""

    refusals = 2

    def do_GET(self) -> None:
        ready, type(self).refusals = type(self).refusals <= 0, type(self).refusals - 1
        body = json.dumps({"schema": json.dumps({"type": "record", "name": "shop.Empty", "fields": []})}).encode()
        self.send_response(200 if ready else 503)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *_: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


def test_registry_that_is_just_starting_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_reader, "REGISTRY_PAUSE_SECONDS", 0.0)
    with HTTPServer(("127.0.0.1", 0), Registry) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        book = SchemaBook(f"http://127.0.0.1:{server.server_port}")
        try:
            assert book.decode(b"\x00\x00\x00\x00\x07") == (7, "shop.Empty", {}, None)
        finally:
            book.close()
            server.shutdown()


def test_registry_that_stays_away_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_reader, "REGISTRY_PATIENCE_SECONDS", -1.0)
    book = SchemaBook("http://127.0.0.1:9")

    with pytest.raises(ReaderError, match="does not answer /schemas/ids/7"):
        book.decode(b"\x00\x00\x00\x00\x07")
    book.close()


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
    assert main([kafka, registry, topic]) == 100
    assert main(["--allow-undecodable", kafka, registry, topic]) == 0
    told = capsys.readouterr().out
    assert f"{topic}[0] records=4 numbers=1..4 foreign=1 undecodable=3 findings=0" in told
    assert f"{topic}[1] records=0 numbers=none foreign=0 undecodable=0 findings=0" in told
    assert main([kafka, registry, "no-such-topic"]) == 1
    assert "no such topics: no-such-topic" in capsys.readouterr().err


def _topic_with_a_reference(kafka: str, registry: str) -> tuple[str, bytes]:
    """A topic, and a value whose schema refers to another one."""
    topic = f"reader-{uuid.uuid4().hex}"
    admin = AdminClient({"bootstrap.servers": kafka})
    admin.create_topics([NewTopic(topic, 2)])[topic].result(30)
    name = f"shop.test{uuid.uuid4().hex}.Inner"
    inner = {"type": "record", "name": name, "fields": [{"name": "text", "type": "string"}]}
    outer = {"type": "record", "name": "shop.test.Outer", "fields": [{"name": "inner", "type": name}]}
    schema = Schema(json.dumps(outer), "AVRO", [SchemaReference(name, name, 1)])
    with SchemaRegistryClient({"url": registry}) as client:
        client.register_schema(name, Schema(json.dumps(inner), "AVRO"))
        value = AvroSerializer(client, schema)(  # pyright: ignore[reportCallIssue] - its stub forgets __call__
            {"inner": {"text": "hello"}}, SerializationContext(topic, MessageField.VALUE)
        )
    assert isinstance(value, bytes)
    return topic, value
