"""Avro's schema resolution read off the specification, datum by datum: slow, naive, and apart from codegen's resolver.

The bytes become a `Value` of the writer's types; that is turned into a `Value` of the reader's types, or it cannot be
and `Unreadable` is raised. Every value carries its type, so a union has no place of its own. Of codegen only the parser
is used. Bytes read as a string need not be text: they are kept as surrogates, for whether they are is no matter of types.
"""

import struct
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any
from uuid import UUID

from reference_encoding import Value, decode

from codegen.avro.schema import (
    MISSING,
    Array,
    Definition,
    Enum,
    Field,
    Fixed,
    Logical,
    Map,
    Node,
    Primitive,
    Record,
    Reference,
    Schema,
    Union,
    simple_name,
)


class Unreadable(Exception):
    """The reader's schema has no place for this datum."""


@dataclass
class Reading:
    """What a reader makes of a datum. `losses`: the places that mean something else to it than to the writer."""

    value: Value
    losses: list[str] = field(default_factory=list)


def read(data: bytes, writer: Schema, reader: Schema) -> Reading:
    """Read what the writer wrote; raise Unreadable if the reader has no place for it."""
    return resolve(decode(data, writer), writer, reader)


def resolve(value: Value, writer: Schema, reader: Schema) -> Reading:
    """Turn a datum of the writer's into one of the reader's ("Schema Resolution")."""
    resolution = _Resolution(writer, reader)
    return Reading(resolution.value(value, reader.root, ""), resolution.losses)


def named(value: Value) -> Any:
    """Return the underlying value; records and symbols, which cannot be told apart else, with their type's name."""
    match value.content:
        case list():
            return [named(item) for item in value.content]
        case dict() as items:
            content: Any = {key: named(item) for key, item in items.items()}
        case content:
            pass
    return (
        (value.type.name, content) if isinstance(value.type, Reference) and isinstance(content, dict | str) else content
    )


def meaning(value: Value, schema: Schema) -> Any:
    """Return what a datum means by its logical types: numbers, text, decimals, instants in nanoseconds since 1970."""
    match value.content:
        case list():
            return [meaning(item, schema) for item in value.content]
        case dict():
            return {key: meaning(item, schema) for key, item in value.content.items()}
    return _meaning(value, schema)


# --- resolution


PROMOTIONS = {
    ("int", "long"),
    ("int", "float"),
    ("int", "double"),
    ("long", "float"),
    ("long", "double"),
    ("float", "double"),
    ("string", "bytes"),
    ("bytes", "string"),
}


class _Resolution:
    def __init__(self, writer: Schema, reader: Schema) -> None:
        self.writer = writer
        self.reader = reader
        self.losses: list[str] = []

    def value(self, written: Value, node: Node, path: str) -> Value:
        if isinstance(node, Union):
            node = self.branch(written, node, path)
        match written.type, node:
            case Primitive(type=kind), Primitive():
                return self.compared(written, Value(node, promoted(kind, node.type, written.content, path)), path)
            case Array(), Array(items=items):
                return Value(node, [self.value(item, items, f"{path}[]") for item in written.content])
            case Map(), Map(values=values):
                return Value(
                    node, {key: self.value(item, values, f"{path}{{}}") for key, item in written.content.items()}
                )
            case Reference(), Reference():
                return self.named(written, node, path)
        raise Unreadable(f"{path}: {written.type} was written, {node} is wanted")

    def branch(self, written: Value, union: Union, path: str) -> Node:
        """Choose by type and name: the same, an alias, the same name elsewhere, a promotion; the first among equals."""
        for fits in (self.is_same, self.is_alias, self.is_namesake, self.is_promotion):
            for branch in union.branches:
                if fits(written.type, branch):
                    return branch
        raise Unreadable(f"{path}: no branch for {written.type}")

    def is_same(self, written: Node, branch: Node) -> bool:
        match written, branch:
            case Primitive(), Primitive():
                return written.type == branch.type
            case Reference(), Reference():
                return self.is_same_kind(written, branch) and written.name == branch.name
        return type(written) is type(branch)

    def is_alias(self, written: Node, branch: Node) -> bool:
        match written, branch:
            case Reference(), Reference():
                aliases = self.reader.definition(branch).aliases
                return self.is_same_kind(written, branch) and written.name in aliases
        return False

    def is_namesake(self, written: Node, branch: Node) -> bool:
        match written, branch:
            case Reference(), Reference():
                return self.is_same_kind(written, branch) and simple_name(written.name) == simple_name(branch.name)
        return False

    def is_promotion(self, written: Node, branch: Node) -> bool:
        match written, branch:
            case Primitive(), Primitive():
                return (written.type, branch.type) in PROMOTIONS
        return False

    def is_same_kind(self, written: Reference, branch: Reference) -> bool:
        """Records, enums, and fixed of one size: "both schemas are fixed whose sizes and (unqualified) names match"."""
        match self.writer.definition(written), self.reader.definition(branch):
            case Fixed(size=size), Fixed(size=wanted):
                return size == wanted
            case source, target:
                return type(source) is type(target)

    def named(self, written: Value, node: Reference, path: str) -> Value:
        assert isinstance(written.type, Reference)
        if not any(fits(written.type, node) for fits in (self.is_same, self.is_alias, self.is_namesake)):
            raise Unreadable(f"{path}: {written.type.name} was written, {node.name} is wanted")
        match self.writer.definition(written.type), self.reader.definition(node):
            case Enum(), Enum() as enum:
                symbol = written.content if written.content in enum.symbols else enum.default
                if symbol is None:
                    raise Unreadable(f"{path}: unknown symbol {written.content}")
                return Value(node, symbol)
            case Fixed(), Fixed():
                return self.compared(written, Value(node, written.content), path)
            case Record() as source, Record() as target:
                return Value(
                    node, {each.name: self.field(written, source, target, each, path) for each in target.fields}
                )
        raise AssertionError("same kind, another kind")

    def field(self, written: Value, source: Record, target: Record, wanted: Field, path: str) -> Value:
        path = f"{path}.{wanted.name}"
        names = [each.name for each in source.fields]
        if wanted.name in names:
            return self.value(written.content[wanted.name], wanted.type, path)
        alias = source_by_alias(source, target, wanted)
        if alias is not None:
            return self.value(written.content[alias], wanted.type, path)
        if wanted.default is MISSING:
            raise Unreadable(f"{path}: was not written and has no default")
        return default(wanted.type, wanted.default, self.reader)

    def compared(self, written: Value, value: Value, path: str) -> Value:
        if not is_same_meaning(_meaning(written, self.writer), _meaning(value, self.reader)):
            self.losses.append(path)
        return value


def source_by_alias(source: Record, target: Record, wanted: Field) -> str | None:
    """Return the written field that one of the reader's takes by an alias: the last that claims it, as Java has it."""
    left = {each.name for each in source.fields} - {each.name for each in target.fields}
    claims = {each.name: next((alias for alias in each.aliases if alias in left), None) for each in target.fields}
    written = {each.name for each in source.fields}
    claimants = [name for name, alias in claims.items() if alias == claims[wanted.name] and name not in written]
    return claims[wanted.name] if wanted.name == claimants[-1] else None


def promoted(written: str, wanted: str, content: Any, path: str) -> Any:
    """Return a primitive value as one of the wanted type."""
    if written == wanted:
        return content
    if (written, wanted) not in PROMOTIONS:
        raise Unreadable(f"{path}: {written} was written, {wanted} is wanted")
    match wanted:
        case "float":
            return struct.unpack("<f", struct.pack("<f", float(content)))[0]
        case "double":
            return float(content)
        case "bytes":
            return content.encode("utf-8", "surrogateescape")
        case "string":
            return content.decode("utf-8", "surrogateescape")
    return content


# --- defaults


def default(node: Node, json: Any, schema: Schema) -> Value:
    """Return a default (JSON as in the schema) as a value; of a union the first branch that it fits."""
    match node:
        case Union(branches=branches):
            return default(next(branch for branch in branches if fits(branch, json, schema)), json, schema)
        case Array(items=items):
            return Value(node, [default(items, item, schema) for item in json])
        case Map(values=values):
            return Value(node, {key: default(values, item, schema) for key, item in json.items()})
        case Primitive(type=kind):
            return Value(node, _default_primitive(kind, json))
    match schema.definition(node):
        case Record(fields=fields):
            return Value(node, {f.name: default(f.type, json.get(f.name, f.default), schema) for f in fields})
        case Fixed():
            return Value(node, json.encode("latin-1"))
    return Value(node, json)


def _default_primitive(kind: str, json: Any) -> Any:
    if kind == "bytes":
        return json.encode("latin-1")
    if kind == "float":
        return struct.unpack("<f", struct.pack("<f", json))[0]
    return float(json) if kind == "double" else json


def fits(node: Node, json: Any, schema: Schema) -> bool:
    """Say whether a JSON value is a default for a type ("field default values")."""
    match node:
        case Union(branches=branches):
            return any(fits(branch, json, schema) for branch in branches)
        case Array(items=items):
            return isinstance(json, list) and all(fits(items, item, schema) for item in json)
        case Map(values=values):
            return isinstance(json, dict) and all(fits(values, item, schema) for item in json.values())
        case Primitive(type=kind):
            return _fits_primitive(kind, json)
    match schema.definition(node):
        case Enum(symbols=symbols):
            return json in symbols
        case Fixed(size=size):
            return _fits_primitive("bytes", json) and len(json) == size
        case Record(fields=fields):
            known = {f.name for f in fields}
            return isinstance(json, dict) and json.keys() <= known and all(_fits_field(f, json, schema) for f in fields)


def _fits_field(each: Field, json: dict[str, Any], schema: Schema) -> bool:
    if each.name not in json:
        return each.default is not MISSING
    return fits(each.type, json[each.name], schema)


def _fits_primitive(kind: str, json: Any) -> bool:
    match kind:
        case "null":
            return json is None
        case "boolean":
            return isinstance(json, bool)
        case "int" | "long":
            limit = 2 ** (31 if kind == "int" else 63)
            return isinstance(json, int) and not isinstance(json, bool) and -limit <= json < limit
        case "float" | "double":
            return isinstance(json, int | float) and not isinstance(json, bool)
        case "string":
            return isinstance(json, str)
    return isinstance(json, str) and all(ord(letter) <= 255 for letter in json)


# --- meaning


NANOS = {"millis": 1_000_000, "micros": 1000, "nanos": 1}


def _meaning(value: Value, schema: Schema) -> tuple[str, Any]:
    if isinstance(value.type, Reference):
        definition: Definition = schema.definition(value.type)
        if isinstance(definition, Enum):
            return "symbol", value.content
        assert isinstance(definition, Fixed)
        return _logical(definition.logical, value.content) if definition.logical else ("bytes", value.content)
    assert isinstance(value.type, Primitive)
    if value.type.logical:
        return _logical(value.type.logical, value.content)
    kind = value.type.type
    return {"string": "text", "bytes": "bytes", "null": "null", "boolean": "boolean"}.get(kind, "number"), value.content


def _logical(logical: Logical, content: Any) -> tuple[str, Any]:
    name = logical.name
    if name == "decimal":
        return "decimal", Fraction(int.from_bytes(content, "big", signed=True), 10**logical.scale)
    if name == "uuid":
        return "uuid", _uuid(content)
    if name.startswith(("timestamp-", "local-timestamp-", "time-")):
        kind, unit = name.rsplit("-", 1)
        return kind, content * NANOS[unit]
    return name, content  # date, duration, big-decimal


def _uuid(content: str | bytes) -> object:
    try:
        return UUID(content) if isinstance(content, str) else UUID(bytes=content)
    except ValueError:
        return content


def is_same_meaning(written: tuple[str, Any], value: tuple[str, Any]) -> bool:
    """Say whether two meanings are the same; text may become its bytes, and bytes that are text that text."""
    if (written[0], value[0]) == ("text", "bytes"):
        return bool(written[1].encode() == value[1])
    if (written[0], value[0]) == ("bytes", "text"):
        return bool(written[1].decode("utf-8", "replace") == value[1])
    if written[0] != value[0]:
        return False
    are_nan = written[1] != written[1] and value[1] != value[1]
    return are_nan or bool(written[1] == value[1])
