"""Avro schemas as values: frozen nodes (Avro 1.12, "Schema Declaration"); `parsing` makes them.

Every use of a named type is a `Reference`; the definitions stand once in `Schema.types`, by full name. So a node
is never cyclic, a schema spread over files is one table, and recursion needs no special case.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from codegen.avro.json_text import Json, Pointer

PrimitiveType = Literal["null", "boolean", "int", "long", "float", "double", "bytes", "string"]

PRIMITIVES: Final = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
RECORDS: Final = frozenset({"record", "error"})
NAMED: Final = RECORDS | {"enum", "fixed"}


class Missing:
    """A field's default where there is none (null is a default)."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing()


@dataclass(frozen=True, slots=True)
class Logical:
    """A logical type; precision and scale belong to decimals only."""

    name: str
    precision: int = 0
    scale: int = 0


@dataclass(frozen=True, slots=True)
class Primitive:
    """One of the eight primitive types, possibly with a logical type."""

    type: PrimitiveType
    logical: Logical | None = None


@dataclass(frozen=True, slots=True)
class Array:
    """A list of items of one type."""

    items: "Node"


@dataclass(frozen=True, slots=True)
class Map:
    """Values of one type by string keys."""

    values: "Node"


@dataclass(frozen=True, slots=True)
class Union:
    """One of several types; the datum says which by its position."""

    branches: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """A use of the named type with this full name."""

    name: str


Node: TypeAlias = Primitive | Array | Map | Union | Reference


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a record; `default` is JSON as written, or MISSING."""

    name: str
    type: Node
    default: "Json | Missing" = MISSING
    aliases: tuple[str, ...] = ()
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A record definition; aliases are full names."""

    name: str
    fields: tuple[Field, ...]
    aliases: tuple[str, ...] = ()
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class Enum:
    """An enum definition; `default` is the symbol a reader takes for one it does not know."""

    name: str
    symbols: tuple[str, ...]
    default: str | None = None
    aliases: tuple[str, ...] = ()
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class Fixed:
    """A definition of a byte string of fixed size."""

    name: str
    size: int
    logical: Logical | None = None
    aliases: tuple[str, ...] = ()
    doc: str | None = None


Definition: TypeAlias = Record | Enum | Fixed


@dataclass(frozen=True, slots=True)
class Schema:
    """A node and the definitions of all named types it uses, by full name."""

    root: Node
    types: Mapping[str, Definition] = field(default_factory=dict)

    def definition(self, node: Reference) -> Definition:
        """Return the named type that `node` stands for."""
        return self.types[node.name]


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a schema: a pointer from the JSON object that defines a named type."""

    type: str
    pointer: Pointer = ()


def names_used(type_: Node | Definition) -> Iterator[str]:
    """Yield the full names that a type mentions; a record's, those in the types of its fields."""
    match type_:
        case Reference(name=name):
            yield name
        case Array(items=inner) | Map(values=inner):
            yield from names_used(inner)
        case Union(branches=branches):
            for branch in branches:
                yield from names_used(branch)
        case Record(fields=fields):
            for field in fields:
                yield from names_used(field.type)
        case _:
            pass


def namespace_of(full_name: str) -> str:
    """Return the part of a full name before its last dot, empty where it has none."""
    return full_name.rpartition(".")[0]


def simple_name(full_name: str) -> str:
    """Return the part of a full name after its last dot."""
    return full_name.rpartition(".")[2]


def full_name(name: str, namespace: str) -> str:
    """Return the full name of `name` used where `namespace` is in force."""
    return name if "." in name or not namespace else f"{namespace}.{name}"
