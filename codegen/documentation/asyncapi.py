"""The same as an AsyncAPI 3.0 document: a channel for each topic, a message for each event, what each service sends and receives.

Sources: AsyncAPI 3.0.0, its Kafka bindings 0.5.0, its Multi Format Schema Object for Avro. The document describes the
whole system, so that an operation's name says whose it is. Servers are left out: the contracts know none.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from codegen.avro.json_text import Json
from codegen.avro.schema import Primitive, Record
from codegen.contracts import STRATEGY, Topic
from codegen.documentation import examples
from codegen.documentation.catalogue import Catalogue
from codegen.samples.data import as_json

VERSION: Final = "3.0.0"
AVRO: Final = "application/vnd.apache.avro+json;version=1.9.0"
KAFKA: Final = {"bindingVersion": "0.5.0"}
CONTENT_TYPE: Final = "application/octet-stream"
_DESCRIPTION: Final = (
    "Made by `contracts docs` from the schemas. It describes all services at once: an operation is of the service that "
    "its name begins with. The minor number of the version counts the released versions of all schemas. Examples are in "
    "Avro's JSON encoding."
)


def text(catalogue: Catalogue) -> str:
    """Return the document as JSON."""
    return json.dumps(document(catalogue), indent=2, ensure_ascii=False) + "\n"


def document(catalogue: Catalogue) -> dict[str, Any]:
    """Return the document; a folder without topics has types alone."""
    topics = catalogue.contracts.topics.values()
    types = [name for name in catalogue.other_types if name == catalogue.contracts.schemas.owner(name)]
    return {
        "asyncapi": VERSION,
        "info": {"title": catalogue.title, "version": catalogue.version, "description": _DESCRIPTION},
        "defaultContentType": CONTENT_TYPE,
        "channels": {topic.name: _channel(catalogue, topic) for topic in topics},
        "operations": dict(_operations(catalogue)),
        "components": {
            "messages": {event: _message(catalogue, event) for event in catalogue.events},
            "schemas": {name: _schema(catalogue, name) for name in types},
        },
    }


def _channel(catalogue: Catalogue, topic: Topic) -> dict[str, Any]:
    dead = f"Records that {topic.writer} could not process, with their bytes untouched."
    return {
        "address": topic.name,
        "description": dead if topic.dead_letter else f"Written by {topic.writer}.",
        "messages": {catalogue.label(event): {"$ref": f"#/components/messages/{event}"} for event in topic.events},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": {
                    "retention.ms": int(topic.retention.total_seconds() * 1000),
                    "max.message.bytes": topic.max_message_bytes,
                },
                **KAFKA,
            }
        },
    }


def _operations(catalogue: Catalogue) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what each service sends and receives, by topic."""
    for service in catalogue.contracts.services.values():
        for topic in catalogue.contracts.topics.values():
            consumed = [event for event in topic.events if event in service.consumes]
            for action, events in (("send", topic.events), ("receive", consumed)):
                if topic.writer == service.name if action == "send" else consumed:
                    yield f"{service.name}.{action}.{topic.name}", _operation(catalogue, action, topic, events)


def _operation(catalogue: Catalogue, action: str, topic: Topic, events: Sequence[str]) -> dict[str, Any]:
    channel = f"#/channels/{topic.name}"
    messages = [{"$ref": f"{channel}/messages/{catalogue.label(event)}"} for event in events]
    return {"action": action, "channel": {"$ref": channel}, "messages": messages}


def _message(catalogue: Catalogue, event: str) -> dict[str, Any]:
    key = catalogue.topic(event).keys[event]
    schema = catalogue.schema(event)
    message: dict[str, Any] = {
        "name": event,
        "title": catalogue.label(event),
        "summary": catalogue.definition(event).doc or "",
        "contentType": CONTENT_TYPE,
        "payload": _schema(catalogue, event),
        "correlationId": {
            "description": "The record's key: events of one key are in one partition, in order.",
            "location": f"$message.payload#/{key}",
        },
        "bindings": {
            "kafka": {
                "key": _key(catalogue, event, key),
                "schemaIdLocation": "payload",
                "schemaIdPayloadEncoding": "confluent",
                "schemaLookupStrategy": f"{STRATEGY}Strategy",
                **KAFKA,
            }
        },
    }
    if examples.has_datum(schema):
        message["examples"] = [{"payload": as_json(examples.example(schema, catalogue.values))}]
    return message


def _key(catalogue: Catalogue, event: str, key: str) -> Mapping[str, Json]:
    record = catalogue.definition(event)
    assert isinstance(record, Record)
    type_ = next(field.type for field in record.fields if field.name == key)
    said: dict[str, Json] = {"description": f"The field {key} of the event."}
    match type_:
        case Primitive(type="string", logical=None):
            return {"type": "string", **said}
        case Primitive(type="string"):
            return {"type": "string", "format": "uuid", **said}
    return said


def _schema(catalogue: Catalogue, name: str) -> dict[str, Json]:
    return {"schemaFormat": AVRO, "schema": catalogue.json(name)}
