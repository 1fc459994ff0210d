"""Whether a JSON value is a default for a type (Avro 1.12, "Complex Types", table of field default values).

A union's default may be of any branch, as 1.12 says. Before, it had to be of the first one, and many readers still
demand that: a lint rule warns.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from codegen.avro.json_text import Json
from codegen.avro.schema import (
    Array,
    Definition,
    Enum,
    Field,
    Fixed,
    Map,
    Missing,
    Node,
    Primitive,
    Record,
    Reference,
    Union,
)

FieldOf: TypeAlias = tuple[str, str]
"""A field by its record's full name and its own."""

_INTEGERS: Final = {"int": 32, "long": 64}


def why_not(value: Json, node: Node, types: Mapping[str, Definition]) -> str | None:
    """Return why a JSON value is no default for a type, None where it is one; types that are unknown are not judged."""
    return _Judge(types).why_not(value, node)


def branch_of(value: Json, branches: Sequence[Node], types: Mapping[str, Definition]) -> Node:
    """Return the branch of a union that a default is of: the first one that it fits."""
    return next(branch for branch in branches if why_not(value, branch, types) is None)


class _Judge:
    """Judges a default, and the fields' own defaults that it leaves open: each of these once."""

    def __init__(self, types: Mapping[str, Definition]) -> None:
        self._types = types
        self._begun: set[FieldOf] = set()  # whose own defaults have led here
        self._fine: set[FieldOf] = set()

    def why_not(self, value: Json, node: Node) -> str | None:
        match node:
            case Primitive(type=kind):
                return None if _is_primitive(value, kind) else f"a default for {kind} is {_WANTED[kind]}"
            case Array(items=items):
                if not isinstance(value, list | tuple):
                    return "a default for an array is a list"
                return _first(self.why_not(item, items) for item in value)
            case Map(values=values):
                if not isinstance(value, Mapping):
                    return "a default for a map is an object"
                return _first(self.why_not(item, values) for item in value.values())
            case Union(branches=branches):
                fits = any(self.why_not(value, branch) is None for branch in branches)
                return None if fits else "it fits no branch of the union"
            case Reference(name=name):
                return self._named(value, self._types[name]) if name in self._types else None

    def _named(self, value: Json, definition: Definition) -> str | None:
        match definition:
            case Enum(name=name, symbols=symbols):
                return None if value in symbols else f"a default for enum {name} is one of {', '.join(symbols)}"
            case Fixed(name=name, size=size):
                fits = _is_primitive(value, "bytes") and isinstance(value, str) and len(value) == size
                return None if fits else f"a default for fixed {name} is {size} characters up to U+00FF, one a byte"
            case Record(name=name, fields=fields):
                if not isinstance(value, Mapping):
                    return f"a default for record {name} is an object"
                unknown = value.keys() - {field.name for field in fields}
                if unknown:
                    return f"record {name} has no field {min(unknown)!r}"
                return _first(self._field(value, definition, field) for field in fields)

    def _field(self, value: Mapping[str, Json], record: Record, field: Field) -> str | None:
        own = record.name, field.name
        if field.name in value:
            reason = self.why_not(value[field.name], field.type)
        elif isinstance(field.default, Missing):
            return f"field {field.name!r} is missing, and has no default of its own"
        elif own in self._begun:
            return f"field {field.name!r} is missing, and its own default leads back here, without end"
        elif own in self._fine:
            return None
        else:
            self._begun.add(own)
            reason = self.why_not(field.default, field.type)
            self._begun.discard(own)
            if reason is None:
                self._fine.add(own)
        return f"{field.name}: {reason}" if reason else None


def _first(reasons: Iterator[str | None]) -> str | None:
    return next((reason for reason in reasons if reason), None)


_WANTED: Final[Mapping[str, str]] = {
    "null": "null",
    "boolean": "true or false",
    "int": "a whole number of 32 bits",
    "long": "a whole number of 64 bits",
    "float": "a number",
    "double": "a number",
    "bytes": "a string of characters up to U+00FF, one a byte",
    "string": "a string",
}


def _is_primitive(value: Json, kind: str) -> bool:
    if kind in _INTEGERS:
        limit = 1 << (_INTEGERS[kind] - 1)
        return type(value) is int and -limit <= value < limit
    if kind in {"float", "double"}:
        return type(value) in {int, float}
    if kind == "bytes":
        return isinstance(value, str) and all(ord(character) < 256 for character in value)
    return value is None if kind == "null" else type(value) is {"boolean": bool, "string": str}[kind]
