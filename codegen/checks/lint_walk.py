"""Every schema object and field of a file as its author wrote them: JSON, with place and field path.

A linter reads JSON and not parsed schemas, because what it looks for is what a parser leaves out: unknown attributes,
and logical types that are ignored.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, cast

from codegen.avro.json_text import Json
from codegen.avro.parsing import defined_name
from codegen.avro.schema import NAMED, PRIMITIVES, Place, namespace_of
from codegen.avro.schema_files import SchemaFile

_CONSTRUCTED: Final = frozenset({*NAMED, "array", "map"})


class Part(Enum):
    """What a JSON object is within a schema."""

    SCHEMA = "schema"  # definitions of named types included
    FIELD = "field"


@dataclass(frozen=True, slots=True)
class Spot:
    """An object of a schema file; `type` is the named type that it defines, or else the one it is a part of."""

    part: Part
    value: Mapping[str, Any]
    place: Place
    path: str
    type: str

    @property
    def defines(self) -> bool:
        """Whether it is the definition of a named type."""
        return self.part is Part.SCHEMA and self.value["type"] in NAMED

    @property
    def described(self) -> str:
        """What to call it in a sentence."""
        if self.part is Part.FIELD:
            return f"field {self.value['name']!r} of {self.type}"
        return f"{self.value['type']} {self.type}" if self.defines else f"{self.path} of {self.place.type}"

    def below(self, *steps: str | int) -> Place:
        """Return the place that these steps of JSON lead to from here."""
        return Place(self.place.type, (*self.place.pointer, *steps))


@dataclass(frozen=True, slots=True)
class Leaf:
    """A name within a field's type: of a primitive type without a logical type, or, as written, of a named type."""

    kind: str
    place: Place
    path: str


def walk(file: SchemaFile) -> Iterator[Spot]:
    """Yield the schema objects and fields of a file, outer ones first."""
    return _schema(file.json, Place(file.name), "", "")


def leaves(field: Spot) -> Iterator[Leaf]:
    """Yield the names of what a field's values, items or branches are; definitions are not entered."""
    return _leaves(field.value["type"], field.below("type"), field.path)


def _schema(value: Json, place: Place, path: str, enclosing: str) -> Iterator[Spot]:
    if isinstance(value, Mapping):
        name = defined_name(value, namespace_of(enclosing)) if value["type"] in NAMED else enclosing
        yield Spot(Part.SCHEMA, value, place, path, name)
        if value["type"] in {"record", "error"}:
            yield from _fields(cast("Sequence[Mapping[str, Json]]", value["fields"]), place, path, name)
    for inner, inner_place, inner_path in _inner(value, place, path):
        yield from _schema(inner, inner_place, inner_path, enclosing)


def _fields(fields: Sequence[Mapping[str, Json]], place: Place, path: str, record: str) -> Iterator[Spot]:
    for number, field in enumerate(fields):
        own_path = f"{path}.{field['name']}" if path else str(field["name"])
        spot = Spot(Part.FIELD, field, _inside(place, "fields", number), own_path, record)
        yield spot
        yield from _schema(field["type"], spot.below("type"), own_path, record)


def _leaves(value: Json, place: Place, path: str) -> Iterator[Leaf]:
    kind = value["type"] if isinstance(value, Mapping) else value
    plain = not isinstance(value, Mapping) or "logicalType" not in value or kind not in PRIMITIVES
    if isinstance(kind, str) and kind not in _CONSTRUCTED and plain:
        yield Leaf(kind, place, path)
    for inner, inner_place, inner_path in _inner(value, place, path):
        yield from _leaves(inner, inner_place, inner_path)


def _inner(value: Json, place: Place, path: str) -> Iterator[tuple[Json, Place, str]]:
    """Yield the schemas directly within a union, an array or a map."""
    if isinstance(value, str):
        return
    if isinstance(value, Sequence):
        yield from ((branch, _inside(place, number), path) for number, branch in enumerate(value))
    elif isinstance(value, Mapping) and value["type"] == "array":
        yield value["items"], _inside(place, "items"), f"{path}[]"
    elif isinstance(value, Mapping) and value["type"] == "map":
        yield value["values"], _inside(place, "values"), f"{path}{{}}"


def _inside(place: Place, *steps: str | int) -> Place:
    return Place(place.type, (*place.pointer, *steps))
