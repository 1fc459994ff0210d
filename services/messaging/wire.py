"""Events on the wire: Confluent's framing (magic byte 0, four bytes of schema id, Avro body), schemas looked up once.

A service never registers a schema: what it writes and reads must be in the registry when it starts.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from codegen.errors import DecodeError, RegistryError, SchemaError, SchemaNotFound, WireFormatError
from codegen.registry.client import Registry
from codegen.registry.wire_format import frame, unframe
from codegen.runtime import AvroRecord
from services.messaging.dead_letters import UNDECODABLE, UNKNOWN_SCHEMA
from services.messaging.errors import DependencyUnavailable, PoisonMessage, Unprepared
from services.messaging.records import Record, SchemaUse


class Header(Protocol):
    """What every event says of itself."""

    @property
    def event_id(self) -> UUID:
        """The event's id."""
        ...


class Event(AvroRecord, Protocol):
    """A generated class whose first field is a header."""

    @property
    def header(self) -> Header:
        """Identity, time and cause."""
        ...


@dataclass(frozen=True, slots=True)
class Reading:
    """How values of one schema id are read; ``event_class`` is None for a type that this service does not use."""

    use: SchemaUse
    event_class: type[Any] | None
    writer: str | None


class Wire:
    """Maps event classes to topics and schema ids, in both directions.

    ``writes`` and ``reads`` name the classes per topic; ``key_of`` gives an event's record key.
    """

    def __init__(
        self,
        registry: Registry,
        writes: Mapping[str, Sequence[type[Event]]],
        reads: Mapping[str, Sequence[type[Event]]],
        key_of: Callable[[Any], str],
    ) -> None:
        self._registry = registry
        self._key_of = key_of
        self._known: dict[type[Event], tuple[str, SchemaUse]] = {}
        self._readings: dict[tuple[str, int], Reading] = {}
        self._classes: dict[str, dict[str, type[Event]]] = {}
        for topics in (reads, writes):
            for topic, classes in topics.items():
                self._classes.setdefault(topic, {}).update({event_class.NAME: event_class for event_class in classes})
        for topic, by_name in self._classes.items():
            for event_class in by_name.values():
                self._look_up(topic, event_class)

    def _look_up(self, topic: str, event_class: type[Event]) -> None:
        subject = f"{topic}-{event_class.NAME}"
        try:
            registered = self._registry.lookup(subject, event_class.SCHEMA)
        except SchemaNotFound as error:
            raise Unprepared(
                f"the registry does not have {subject} as generated here: run `contracts push --apply`"
            ) from error
        except RegistryError as error:
            raise DependencyUnavailable(str(error)) from error
        use = SchemaUse(subject, registered.id, registered.version)
        self._known[event_class] = (topic, use)
        self._readings[topic, registered.id] = Reading(use, event_class, writer=None)

    def record(self, event: Event) -> Record:
        """An event as a record for the outbox."""
        topic, use = self._known[type(event)]
        return Record(topic, self._key_of(event).encode(), frame(use.schema_id, event.encode()), event.header.event_id)

    def schema_of(self, event_class: type[Event]) -> SchemaUse:
        """The registered schema that events of a class are written with."""
        return self._known[event_class][1]

    def decode(self, topic: str, value: bytes | None) -> tuple[object | None, SchemaUse]:
        """The event of a record's value; None for a type that this service does not use.

        Raises PoisonMessage for what can never be read, DependencyUnavailable when the registry does not answer.
        """
        try:
            schema_id, body = unframe(value or b"")
        except WireFormatError as error:
            raise PoisonMessage(UNDECODABLE, str(error)) from error
        reading = self._readings.get((topic, schema_id)) or self._learn(topic, schema_id)
        if reading.event_class is None:
            return None, reading.use
        try:
            return reading.event_class.decode(body, reading.writer), reading.use
        except DecodeError as error:
            raise PoisonMessage(UNDECODABLE, f"schema id {schema_id}: {error}") from error

    def _learn(self, topic: str, schema_id: int) -> Reading:
        """Ask the registry for a schema that was not known when this process started."""
        try:
            text = self._registry.schema_by_id(schema_id)
            versions = dict(self._registry.subject_versions(schema_id))
        except SchemaNotFound as error:
            raise PoisonMessage(UNKNOWN_SCHEMA, f"the registry has no schema with id {schema_id}") from error
        except SchemaError as error:
            raise PoisonMessage(UNKNOWN_SCHEMA, f"schema id {schema_id} is no Avro schema: {error}") from error
        except RegistryError as error:
            raise DependencyUnavailable(str(error)) from error
        name = _full_name(text)
        subject = f"{topic}-{name}" if f"{topic}-{name}" in versions else next(iter(versions), "")
        use = SchemaUse(subject, schema_id, versions.get(subject, 0))
        event_class = self._classes.get(topic, {}).get(name)
        reading = self._readings[topic, schema_id] = Reading(use, event_class, text if event_class else None)
        return reading


def _full_name(schema: str) -> str:
    parsed = json.loads(schema)
    if not isinstance(parsed, dict) or "name" not in parsed:
        return ""
    name, namespace = parsed["name"], parsed.get("namespace")
    return name if "." in name or not namespace else f"{namespace}.{name}"
