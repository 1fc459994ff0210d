"""An Avro datum as underlying values, and its two encodings (Avro 1.12, "Data Serialization and Deserialization").

A record is a dict by field name, an enum its symbol, a fixed its bytes. The value of a union is a `Branch`, so nothing
is ever chosen by its shape; logical types do not show.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from codegen import runtime
from codegen.avro.json_text import Json
from codegen.avro.schema import Array, Definition, Enum, Fixed, Map, Node, Primitive, Reference, Schema, Union
from codegen.avro.spelling import kind_of

Datum: TypeAlias = "bool | int | float | str | bytes | list[Datum] | dict[str, Datum] | Branch | None"


@dataclass(frozen=True, slots=True)
class Branch:
    """A union's value: the branch as the JSON encoding names it (a full name, or the type), and its datum."""

    name: str
    value: Datum


def branch_name(node: Node) -> str:
    """Return how the JSON encoding names a branch of a union."""
    return node.name if isinstance(node, Reference) else kind_of(node)


def as_json(datum: Datum) -> Json:
    """Return a datum in the JSON encoding: unions tagged, bytes as the characters U+0000 to U+00FF."""
    match datum:
        case bytes():
            return datum.decode("latin-1")
        case list():
            return [as_json(item) for item in datum]
        case dict():
            return {key: as_json(item) for key, item in datum.items()}
        case Branch(name=name, value=value):
            return None if name == "null" and value is None else {name: as_json(value)}
    return datum


def encode(schema: Schema, datum: Datum) -> bytes:
    """Return a datum of the schema in the binary encoding."""
    return _encode(schema, schema.root, datum)


def _encode(schema: Schema, node: Node, datum: Any) -> bytes:
    match node:
        case Primitive(type=kind):
            return cast("bytes", getattr(runtime, f"write_{kind}")(datum))
        case Array(items=items):
            return _block(len(datum), b"".join(_encode(schema, items, item) for item in datum))
        case Map(values=values):
            pairs = (runtime.write_string(key) + _encode(schema, values, item) for key, item in datum.items())
            return _block(len(datum), b"".join(pairs))
        case Union(branches=branches):
            position = [branch_name(branch) for branch in branches].index(datum.name)
            return runtime.write_long(position) + _encode(schema, branches[position], datum.value)
        case Reference():
            return _encode_named(schema, schema.definition(node), datum)


def _encode_named(schema: Schema, definition: Definition, datum: Any) -> bytes:
    match definition:
        case Enum(symbols=symbols):
            return runtime.write_long(symbols.index(datum))
        case Fixed():
            return cast("bytes", datum)
    return b"".join(_encode(schema, field.type, datum[field.name]) for field in definition.fields)


def _block(count: int, content: bytes) -> bytes:
    return runtime.write_long(count) + content + b"\x00" if count else b"\x00"
