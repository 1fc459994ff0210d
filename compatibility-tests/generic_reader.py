"""The code that codegen generates from a plan, run without generated classes: records are dicts, symbols are strings.

Logical types are left aside, so every schema can be read; what they change is a question of meaning, not of reading.
"""

import dataclasses
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from codegen import runtime
from codegen.avro.parsing import parse
from codegen.avro.resolution import RecordPair, resolve
from codegen.avro.schema import Array, Definition, Enum, Field, Fixed, Map, Node, Primitive, Record, Schema, Union
from codegen.python.decoder import Decoder
from codegen.python.names import attribute, member


def reader_for(writer: str, reader: str, *, named: bool = False) -> Callable[[bytes], Any]:
    """Return the function that reads a datum of `writer` as plain values of `reader`; it raises what decoders raise.

    `named`: a record is a pair of its type's name and the dict, an enum's symbol likewise.
    """
    resolution = resolve(_physical(parse(writer)), _physical(parse(reader)))
    context = _GenericContext(resolution.reader, named=named)
    decoder = Decoder(resolution, context)
    lines = [line for pair in resolution.records for line in decoder.record(pair)]
    written = [each for each in resolution.writer.types.values() if isinstance(each, Record)]
    lines += [line for record in written for line in decoder.skipper(record)]
    lines += ["def read_root(data, at):", *decoder.statements(resolution.root, "root"), "    return root, at"]
    exec("\n".join(lines), context.scope)

    def read(data: bytes) -> Any:
        value, at = context.scope["read_root"](data, 0)
        assert at == len(data)
        return value

    return read


def _physical(schema: Schema) -> Schema:
    types = {name: _physical_definition(definition) for name, definition in schema.types.items()}
    return Schema(_physical_node(schema.root), types)


def _physical_definition(definition: Definition) -> Definition:
    match definition:
        case Record(fields=fields):
            return dataclasses.replace(definition, fields=tuple(_physical_field(each) for each in fields))
        case Fixed():
            return dataclasses.replace(definition, logical=None)
    return definition


def _physical_field(field: Field) -> Field:
    return dataclasses.replace(field, type=_physical_node(field.type))


def _physical_node(node: Node) -> Node:
    match node:
        case Primitive():
            return Primitive(node.type)
        case Array(items=items):
            return Array(_physical_node(items))
        case Map(values=values):
            return Map(_physical_node(values))
        case Union(branches=branches):
            return Union(tuple(_physical_node(branch) for branch in branches))
    return node


class _GenericContext:
    """Names within the generated code: what they stand for is put into its globals when it is first mentioned."""

    annotated = False

    def __init__(self, reader: Schema, *, named: bool) -> None:
        self._types = reader.types
        self._named = named
        self._functions: dict[RecordPair, str] = {}
        self.scope: dict[str, Any] = {}

    def helper(self, name: str) -> str:
        return self._put(f"_{name}", getattr(runtime, name))

    def imported(self, module: str, name: str) -> str:
        return self._put(f"_{name}", getattr(sys.modules[module], name))

    def builtin(self, name: str) -> str:
        return name

    def type_name(self, name: str) -> str:
        return self._put(f"_class_{name.replace('.', '__')}", self._stand_in(self._types[name]))

    def _stand_in(self, definition: Definition) -> object:
        if isinstance(definition, Enum):
            return SimpleNamespace(**{member(each): self._value(definition.name, each) for each in definition.symbols})
        if not isinstance(definition, Record):
            return None
        names = {attribute(field.name): field.name for field in definition.fields}
        return lambda **values: self._value(definition.name, {names[key]: value for key, value in values.items()})

    def constructor(self, name: str) -> str:
        definition = self._types[name]
        assert isinstance(definition, Record)
        names = [field.name for field in definition.fields]
        new = lambda *values: self._value(name, dict(zip(names, values, strict=True)))  # noqa: E731
        return self._put(f"_new_{name.replace('.', '__')}", new)

    def writer(self, name: str) -> str:
        raise AssertionError(f"nothing is written here: {name}")

    def reader(self, pair: RecordPair) -> str:
        definition = self._types.get(pair[1])
        if not isinstance(definition, Enum):
            return self._functions.setdefault(pair, f"_read_{len(self._functions)}")
        symbols = [self._value(definition.name, symbol) for symbol in definition.symbols]  # the same on both sides

        def read(data: bytes, at: int) -> tuple[Any, int]:
            position, at = runtime.read_branch(data, at, len(symbols))
            return symbols[position], at

        return self._put(f"_read_{definition.name.replace('.', '__')}", read)

    def _value(self, name: str, content: Any) -> Any:
        return (name, content) if self._named else content

    def _put(self, name: str, value: object) -> str:
        self.scope[name] = value
        return name
