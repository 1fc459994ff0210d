"""Which field somebody means: `shop.payments.PaymentCaptured.lines.sku` is a topic, an event on it, and a path of fields."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from codegen.avro.schema import Array, Definition, Field, Map, Node, Record, Reference, Union, simple_name
from codegen.contracts import FILE_NAME, Contracts, Topic
from codegen.errors import ContractsError


@dataclass(frozen=True, slots=True)
class FieldPlace:
    """A field of an event or of a record in it: `path` leads there from the event, `record` is what has it."""

    topic: Topic
    event: str
    path: tuple[str, ...]
    record: str
    field: Field

    @property
    def is_key(self) -> bool:
        """Whether it is the key of the topic's records."""
        return self.path == (self.topic.keys[self.event],)

    def __str__(self) -> str:
        return ".".join((self.topic.name, simple_name(self.event), *self.path))


def find(contracts: Contracts, wanted: str) -> FieldPlace:
    """Return the field that is meant; raise ContractsError with what comes near if there is none."""
    if not contracts.topics:
        raise ContractsError(f"{FILE_NAME} names no topics, so nobody is known to read anything")
    for topic, event, path in _candidates(contracts, wanted):
        return _descend(contracts.schemas.types, topic, event, tuple(path.split(".")))
    known = [f"{topic.name}.{simple_name(event)}" for topic in contracts.topics.values() for event in topic.events]
    asked = any(wanted.replace("-", ".").endswith(name) for name in known)
    more = f"; say which field of it: {wanted}.FIELD" if asked else _near(wanted, known)
    raise ContractsError(f"{wanted!r} begins with no event of a topic and goes on with a field{more}")


def _candidates(contracts: Contracts, wanted: str) -> Iterator[tuple[Topic, str, str]]:
    """Yield how the text can be taken apart into a topic, one of its events (full name or simple), and a path."""
    plain = wanted.replace("[]", "").replace("{}", "")
    for topic in contracts.topics.values():
        for event in topic.events:
            for name in (event, simple_name(event)):
                for beginning in (f"{topic.name}.{name}.", f"{topic.name}-{name}."):
                    if plain.startswith(beginning):
                        yield topic, event, plain.removeprefix(beginning)


def _descend(types: Mapping[str, Definition], topic: Topic, event: str, path: tuple[str, ...]) -> FieldPlace:
    record, field = event, _field(types, (event,), path[0], f"{topic.name}.{simple_name(event)}")[1]
    for depth, name in enumerate(path[1:], start=1):
        parent = ".".join((topic.name, simple_name(event), *path[:depth]))
        record, field = _field(types, dict.fromkeys(_records_in(types, field.type)), name, parent)
    return FieldPlace(topic, event, path, record, field)


def _field(types: Mapping[str, Definition], records: Iterable[str], name: str, parent: str) -> tuple[str, Field]:
    """Return the field of this name that one of the records has, and which record that is."""
    fields = [(record, field) for record in records for field in _fields(types, record)]
    found = [(record, field) for record, field in fields if field.name == name]
    if not found:
        raise ContractsError(f"{parent} has no field {name!r}{_near(name, (field.name for _, field in fields))}")
    if len(found) > 1:
        raise ContractsError(f"{parent}.{name} may be a field of {' or of '.join(record for record, _ in found)}")
    return found[0]


def _fields(types: Mapping[str, Definition], name: str) -> tuple[Field, ...]:
    definition = types[name]
    return definition.fields if isinstance(definition, Record) else ()


def _records_in(types: Mapping[str, Definition], node: Node) -> Iterator[str]:
    match node:
        case Reference(name=name) if isinstance(types[name], Record):
            yield name
        case Array(items=inner) | Map(values=inner):
            yield from _records_in(types, inner)
        case Union(branches=branches):
            for branch in branches:
                yield from _records_in(types, branch)


def _near(name: str, known: Iterable[str]) -> str:
    names = list(dict.fromkeys(known))
    alike = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    shown = f"is it {' or '.join(alike)}?" if alike else f"there is {', '.join(sorted(names))}"
    return f"; {shown}" if names else ""
