"""Reads bytes by a plan of codegen's resolver, step by step: what generated decoders do, for every type there is."""

from collections.abc import Iterator
from typing import Any

from reference import Unreadable
from reference_encoding import Value

from codegen import runtime
from codegen.avro import defaults
from codegen.avro.resolution import (
    Fail,
    IntoBranch,
    Plan,
    Read,
    ReadArray,
    ReadEnum,
    ReadFixed,
    ReadMap,
    ReadRecord,
    ReadUnion,
    RecordPair,
    Resolution,
    Skip,
    size_min,
)
from codegen.avro.schema import Array, Enum, Fixed, Map, Node, Primitive, Record, Reference, Union


def read_by_plan(resolution: Resolution, data: bytes) -> Any:
    """Return what the plan makes of a datum, as `comparable` shows it; raise Unreadable where the plan says so."""
    decoder = _Decoder(resolution, data)
    value = decoder.read(resolution.root)
    if decoder.at != len(data):
        raise ValueError(f"the plan left {len(data) - decoder.at} bytes")
    return value


def comparable(value: Value) -> Any:
    """Return a value of the reference decoder as `read_by_plan` returns one: each leaf with its type."""
    match value.content:
        case list():
            return [comparable(item) for item in value.content]
        case dict():
            name = value.type.name if isinstance(value.type, Reference) else "map"
            return name, sorted(((key, comparable(item)) for key, item in value.content.items()), key=_key)
    return value.type, value.content


class _Decoder:
    def __init__(self, resolution: Resolution, data: bytes) -> None:
        self.resolution = resolution
        self.data = data
        self.at = 0

    def read(self, plan: Plan) -> Any:
        match plan:
            case Read(writer=writer, reader=reader):
                return reader, _promoted(self.primitive(writer.type), reader.type)
            case ReadFixed(reader=fixed):
                return Reference(fixed.name), self.take(fixed.size)
            case ReadEnum(reader=enum, symbols=symbols):
                symbol = symbols[self.primitive("long")]
                if symbol is None:
                    raise Unreadable(f"{enum.name} has no such symbol")
                return Reference(enum.name), symbol
            case ReadArray(items=items, item_bytes_min=bytes_min):
                return [self.read(items) for _ in self.blocks(bytes_min)]
            case ReadMap(values=values, item_bytes_min=bytes_min):
                pairs = ((self.primitive("string"), self.read(values)) for _ in self.blocks(bytes_min))
                return "map", sorted(pairs, key=_key)
            case ReadUnion(branches=branches):
                return self.read(branches[self.primitive("long")])
            case IntoBranch(plan=into):
                return self.read(into)
            case ReadRecord(pair=pair):
                return self.record(pair)
            case Skip(writer=node):
                return self.skip(node)
            case Fail(reason=reason):
                raise Unreadable(reason)

    def record(self, pair: RecordPair) -> Any:
        plan = self.resolution.records[pair]
        if plan.missing:
            raise Unreadable(plan.reason)
        read = [(step.target, self.read(step.plan)) for step in plan.steps]
        values = {target: value for target, value in read if target is not None}
        values |= {field.name: self.default(field.type, field.default) for field in plan.defaults}
        return plan.reader.name, sorted(values.items(), key=_key)

    def default(self, node: Node, json: Any) -> Any:
        types = self.resolution.reader.types
        match node:
            case Union(branches=branches):
                return self.default(defaults.branch_of(json, branches, types), json)
            case Array(items=items):
                return [self.default(items, item) for item in json]
            case Map(values=values):
                return "map", sorted(((key, self.default(values, item)) for key, item in json.items()), key=_key)
            case Primitive(type=kind):
                raw = json.encode("latin-1") if kind == "bytes" else json
                return node, _promoted(raw, kind)
        match types[node.name]:
            case Record(name=name, fields=fields):
                given = ((each, json.get(each.name, each.default)) for each in fields)
                return name, sorted(((each.name, self.default(each.type, item)) for each, item in given), key=_key)
            case Fixed():
                return node, json.encode("latin-1")
        return node, json

    def skip(self, node: Node) -> None:
        match node:
            case Primitive(type=kind):
                self.primitive(kind)
            case Array(items=items):
                for _ in self.blocks(size_min(items, self.resolution.writer)):
                    self.skip(items)
            case Map(values=values):
                for _ in self.blocks(1 + size_min(values, self.resolution.writer)):
                    self.primitive("string")
                    self.skip(values)
            case Union(branches=branches):
                self.skip(branches[self.primitive("long")])
            case Reference():
                self.skip_named(node)

    def skip_named(self, node: Reference) -> None:
        match self.resolution.writer.definition(node):
            case Record(fields=fields):
                for field in fields:
                    self.skip(field.type)
            case Fixed(size=size):
                self.take(size)
            case Enum():
                self.primitive("long")

    def blocks(self, bytes_min: int) -> Iterator[int]:
        """Yield once for every item."""
        while True:
            count, self.at = runtime.read_count(self.data, self.at, bytes_min)
            if not count:
                return
            yield from range(count)

    def primitive(self, kind: str) -> Any:
        if kind == "null":
            return None
        if kind in {"bytes", "string"}:
            raw = self.take(self.primitive("long"))
            return raw.decode() if kind == "string" else raw
        value, self.at = getattr(runtime, f"read_{kind}")(self.data, self.at)
        return value

    def take(self, size: int) -> bytes:
        self.at += size
        return self.data[self.at - size : self.at]


def _key(pair: tuple[str, Any]) -> str:
    return pair[0]


def _promoted(raw: Any, wanted: str) -> Any:
    if wanted == "float":
        return runtime.to_single(raw)
    if wanted == "double":
        return float(raw)
    if wanted == "bytes" and isinstance(raw, str):
        return raw.encode()
    return raw.decode("utf-8", "surrogateescape") if wanted == "string" and isinstance(raw, bytes) else raw
