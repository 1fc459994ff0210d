"""Avro's binary encoding read off the specification: bytes to a `Value` of the writer's types, and back."""

import struct
from dataclasses import dataclass
from typing import Any

from codegen.avro.schema import Array, Enum, Fixed, Map, Node, Primitive, Record, Schema, Union


@dataclass(frozen=True)
class Value:
    """A datum with its type, which is never a union; items, values and fields are such values again."""

    type: Node
    content: Any


def decode(data: bytes, schema: Schema) -> Value:
    """Read bytes by the schema that wrote them; all of them, and no more."""
    decoder = _Decoder(data, schema)
    value = decoder.value(schema.root)
    if decoder.at != len(data):
        raise ValueError(f"{len(data) - decoder.at} bytes are left")
    return value


class _Decoder:
    def __init__(self, data: bytes, schema: Schema) -> None:
        self.data = data
        self.schema = schema
        self.at = 0

    def value(self, node: Node) -> Value:
        match node:
            case Union(branches=branches):
                return self.value(branches[self.long()])
            case Array(items=items):
                return Value(node, [self.value(items) for _ in self.items()])
            case Map(values=values):
                return Value(node, {self.take(self.long()).decode(): self.value(values) for _ in self.items()})
            case Primitive(type=kind):
                return Value(node, self.primitive(kind))
        match self.schema.definition(node):
            case Enum(symbols=symbols):
                return Value(node, symbols[self.long()])
            case Fixed(size=size):
                return Value(node, self.take(size))
            case Record(fields=fields):
                return Value(node, {each.name: self.value(each.type) for each in fields})

    def items(self) -> Any:
        """Yield once for each item: blocks with a count, the last one empty; a negative count is followed by a size."""
        while count := self.long():
            if count < 0:
                self.long()
            yield from range(abs(count))

    def primitive(self, kind: str) -> Any:
        match kind:
            case "null":
                return None
            case "boolean":
                return self.take(1) == b"\x01"
            case "float":
                return struct.unpack("<f", self.take(4))[0]
            case "double":
                return struct.unpack("<d", self.take(8))[0]
            case "bytes":
                return self.take(self.long())
            case "string":
                return self.take(self.long()).decode()
        return self.long()

    def long(self) -> int:
        number = shift = 0
        while (byte := self.take(1)[0]) & 0x80:
            number |= (byte & 0x7F) << shift
            shift += 7
        number |= byte << shift
        return number >> 1 if number % 2 == 0 else -(number >> 1) - 1

    def take(self, count: int) -> bytes:
        if not 0 <= count <= len(self.data) - self.at:
            raise ValueError("the data ends too early")
        self.at += count
        return self.data[self.at - count : self.at]


def encode(value: Value, node: Node, schema: Schema) -> bytes:
    """Write a value as a datum of `node`."""
    match node:
        case Union(branches=branches):
            return long(branches.index(value.type)) + encode(value, value.type, schema)
        case Array(items=items):
            return blocks([encode(item, items, schema) for item in value.content])
        case Map(values=values):
            return blocks([sized(key.encode()) + encode(v, values, schema) for key, v in value.content.items()])
        case Primitive(type=kind):
            return _primitive(kind, value.content)
    match schema.definition(node):
        case Enum(symbols=symbols):
            return long(symbols.index(value.content))
        case Record(fields=fields):
            return b"".join(encode(value.content[each.name], each.type, schema) for each in fields)
    return bytes(value.content)


def _primitive(kind: str, content: Any) -> bytes:
    match kind:
        case "null":
            return b""
        case "boolean":
            return b"\x01" if content else b"\x00"
        case "float" | "double":
            return struct.pack("<f" if kind == "float" else "<d", content)
        case "bytes" | "string":
            return sized(content if kind == "bytes" else content.encode("utf-8", "surrogateescape"))
    return long(content)


def blocks(items: list[bytes]) -> bytes:
    """Write the items of an array or a map: one block, then the empty one."""
    return (long(len(items)) + b"".join(items) if items else b"") + b"\x00"


def sized(content: bytes) -> bytes:
    """Write bytes after their number."""
    return long(len(content)) + content


def long(number: int) -> bytes:
    """Write an integer: zigzag, then seven bits a byte, the lowest first."""
    zigzag = 2 * number if number >= 0 else -2 * number - 1
    groups = bytearray()
    while zigzag > 0x7F:
        groups.append(zigzag & 0x7F | 0x80)
        zigzag >>= 7
    groups.append(zigzag)
    return bytes(groups)
