"""Avro's JSON encoding of data to binary, and to plain Python values: written from the specification, apart from codegen.

A schema here is JSON, its names written out by `resolved`; a union's datum names its branch by primitive type, "array",
"map" or full name (Avro 1.12, "JSON Encoding").
"""

import json
import struct
from dataclasses import dataclass, field
from typing import Any

from reference_encoding import blocks, long, sized

NAMED = frozenset({"record", "enum", "fixed"})


@dataclass(frozen=True)
class Resolved:
    """A schema whose named types are defined in one table, and referred to by full name everywhere else."""

    root: Any
    types: dict[str, Any] = field(default_factory=dict)


def resolved(text: str) -> Resolved:
    """Read the text of a valid schema; logical types and all else that does not shape the bytes are left out."""
    types: dict[str, Any] = {}
    return Resolved(_node(json.loads(text), "", types), types)


def _node(schema: Any, namespace: str, types: dict[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_node(branch, namespace, types) for branch in schema]
    kind = schema["type"] if isinstance(schema, dict) else schema
    if kind == "array":
        return {"array": _node(schema["items"], namespace, types)}
    if kind == "map":
        return {"map": _node(schema["values"], namespace, types)}
    if isinstance(schema, dict) and kind in NAMED:
        return _definition(schema, namespace, types)
    return kind if "." in kind or not namespace or kind in _PRIMITIVES else f"{namespace}.{kind}"


def _definition(schema: Any, namespace: str, types: dict[str, Any]) -> str:
    name: str = schema["name"]
    if "." not in name and (namespace := schema.get("namespace", namespace)):
        name = f"{namespace}.{name}"
    types[name] = {key: schema[key] for key in ("type", "size", "symbols") if key in schema}
    if schema["type"] == "record":
        inner = name.rpartition(".")[0]
        types[name]["fields"] = [(each["name"], _node(each["type"], inner, types)) for each in schema["fields"]]
    return name


def binary(schema: Resolved, datum: Any) -> bytes:
    """Encode a datum (Avro 1.12, "Binary Encoding")."""
    return _binary(schema.root, datum, schema.types)


def _binary(node: Any, datum: Any, types: dict[str, Any]) -> bytes:
    if isinstance(node, list):
        position, branch, inner = _branch(node, datum)
        return long(position) + _binary(branch, inner, types)
    if isinstance(node, dict) and "array" in node:
        return blocks([_binary(node["array"], item, types) for item in datum])
    if isinstance(node, dict):
        return blocks([sized(key.encode()) + _binary(node["map"], item, types) for key, item in datum.items()])
    if node in _PRIMITIVES:
        return _primitive(node, datum)
    definition = types[node]
    if definition["type"] == "record":
        return b"".join(_binary(type_, datum[name], types) for name, type_ in definition["fields"])
    if definition["type"] == "enum":
        return long(definition["symbols"].index(datum))
    content: bytes = datum.encode("latin-1")
    assert len(content) == definition["size"], datum
    return content


def _branch(branches: list[Any], datum: Any) -> tuple[int, Any, Any]:
    tag, inner = ("null", None) if datum is None else next(iter(datum.items()))
    tags = [next(iter(branch)) if isinstance(branch, dict) else branch for branch in branches]
    return tags.index(tag), branches[tags.index(tag)], inner


def _primitive(kind: str, datum: Any) -> bytes:
    match kind:
        case "null":
            return b""
        case "boolean":
            return b"\x01" if datum else b"\x00"
        case "float":
            return struct.pack("<f", datum)
        case "double":
            return struct.pack("<d", datum)
        case "bytes" | "string":
            return sized(datum.encode("latin-1" if kind == "bytes" else "utf-8"))
    return long(datum)


def plain(schema: Resolved, datum: Any) -> Any:
    """Return a datum as Python values, as decoders return it: unions without their tag, bytes as bytes."""
    return _plain(schema.root, datum, schema.types)


def _plain(node: Any, datum: Any, types: dict[str, Any]) -> Any:
    if isinstance(node, list):
        _, branch, inner = _branch(node, datum)
        return _plain(branch, inner, types)
    if isinstance(node, dict) and "array" in node:
        return [_plain(node["array"], item, types) for item in datum]
    if isinstance(node, dict):
        return {key: _plain(node["map"], item, types) for key, item in datum.items()}
    if node == "float":
        return struct.unpack("<f", struct.pack("<f", datum))[0]
    if node == "double":
        return float(datum)
    if node == "bytes":
        return datum.encode("latin-1")
    if node in _PRIMITIVES:
        return datum
    definition = types[node]
    if definition["type"] == "record":
        return {name: _plain(type_, datum[name], types) for name, type_ in definition["fields"]}
    return datum.encode("latin-1") if definition["type"] == "fixed" else datum


def alike(one: Any, other: Any) -> bool:
    """Compare plain values by type, too: 1, 1.0 and True are three values."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(alike, one, other))
    return bool(one == other)


_PRIMITIVES = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
