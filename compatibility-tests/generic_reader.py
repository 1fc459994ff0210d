"""The code that codegen generates from a plan, run without generated classes: records are dicts, symbols are strings.

Logical types are left aside, so every schema can be read; what they change is a question of meaning, not of reading.
"""

import dataclasses
import importlib
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from codegen import runtime
from codegen.avro.parsing import parse
from codegen.avro.resolution import ReadEnum, RecordPair, resolve
from codegen.avro.schema import Array, Definition, Enum, Field, Fixed, Map, Node, Primitive, Record, Schema, Union
from codegen.python.conversions import Converted
from codegen.python.decoder import Decoder
from codegen.python.names import attribute_names, member_names


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
    lines += decoder.root(resolution.root, "read_root")
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

    def __init__(self, reader: Schema, *, named: bool) -> None:
        self._types = reader.types
        self._named = named
        self._functions: dict[RecordPair, str] = {}
        self._parts = 0
        self.scope: dict[str, Any] = {}

    def helper(self, name: str) -> str:
        return self._put(f"_{name}", getattr(runtime, name))

    def imported(self, module: str, name: str) -> str:
        return self._put(f"_{name}", getattr(importlib.import_module(module), name))

    def builtin(self, name: str) -> str:
        return name

    def conversion(self, of: Converted, function: str) -> str:
        raise AssertionError(f"logical types are left aside: {of}, {function}")

    def type_name(self, name: str) -> str:
        return self._put(f"_class_{name.replace('.', '__')}", self._stand_in(self._types[name]))

    def _stand_in(self, definition: Definition) -> object:
        if isinstance(definition, Enum):
            members = member_names(definition.name, definition.symbols).items()
            return SimpleNamespace(**{member: self._value(definition.name, symbol) for symbol, member in members})
        if not isinstance(definition, Record):
            return None
        attributes = attribute_names(tuple(field.name for field in definition.fields))
        names = {attribute: name for name, attribute in attributes.items()}
        return lambda **values: self._value(definition.name, {names[key]: value for key, value in values.items()})

    def draft(self, name: str) -> str:
        return self._put("_draft", SimpleNamespace)

    def finish(self, name: str) -> list[str]:
        definition = self._types[name]
        assert isinstance(definition, Record)
        attributes = attribute_names(tuple(field.name for field in definition.fields)).items()
        finished = lambda draft: self._value(name, {field: getattr(draft, each) for field, each in attributes})  # noqa: E731
        function = self._put(f"_finish_{name.replace('.', '__')}", finished)
        return [f"return {function}(value), at"]

    def read_function(self, pair: RecordPair) -> list[str]:
        return [f"def {self.reader(pair)}(data, at):"]

    def symbols(self, plan: ReadEnum) -> str:
        members = {
            position << 1: self._value(plan.reader.name, symbol)
            for position, symbol in enumerate(plan.symbols)
            if symbol is not None
        }
        return self._put(f"_symbols_of_{plan.writer.name}_as_{plan.reader.name}".replace(".", "__"), members)

    def reader(self, pair: RecordPair) -> str:
        return self._functions.setdefault(pair, f"_read_{len(self._functions)}")

    @property
    def classes(self) -> frozenset[str]:
        return frozenset()

    def private(self, name: str) -> str:
        self._parts += 1
        return f"{name}_{self._parts}"

    def _value(self, name: str, content: Any) -> Any:
        return (name, content) if self._named else content

    def _put(self, name: str, value: object) -> str:
        self.scope[name] = value
        return name
