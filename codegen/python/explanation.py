"""Finds the field at fault: walks a value or bytes again, slowly and strictly, after the fast code has given up.

Paths read like Python: `lines[2].quantity`, `attributes["colour"]`.
"""

import struct
import sys
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

from codegen import runtime
from codegen.avro.parsing import parse
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
    Resolution,
    Skip,
    resolve,
    size_min,
)
from codegen.avro.schema import Array, Enum, Fixed, Logical, Map, Node, Primitive, Reference, Schema, Union
from codegen.avro.spelling import spelled_logical
from codegen.errors import DecodeError, EncodeError
from codegen.python.conversions import Converted, converted, converted_fixed
from codegen.python.decoder import ONE_BYTE
from codegen.python.names import attribute_names
from codegen.python.pair_reader import resolution_for
from codegen.python.showing import shown, shown_key


def encode_error(value: Any, fault: BaseException) -> EncodeError:
    """Return the error for a value of a generated class that could not be written."""
    schema = _schema(type(value).SCHEMA)
    try:
        _Value(schema, sys.modules[type(value).__module__].AVRO_TYPES).check(schema.root, value, "")
    except _Fault as found:
        return EncodeError(str(found))
    except RecursionError:
        return EncodeError(f"{type(value).NAME}: nested too deeply to say where the fault is, or in itself: {fault}")
    return EncodeError(f"{type(value).NAME}: {fault}")


def decode_error(cls: Any, data: bytes, writer: str | None, fault: BaseException | None) -> DecodeError:
    """Return the error for bytes that could not be read as a generated class."""
    resolution = _identity(cls.SCHEMA) if writer is None else resolution_for(cls, writer)
    walk = _Data(resolution, data)
    try:
        walk.check(resolution.root, "")
    except _Fault as found:
        return DecodeError(f"{found} (byte {walk.at} of {len(data)})")
    except RecursionError:
        return DecodeError(f"{cls.NAME}: nested too deeply")
    if walk.at < len(data):
        return DecodeError(f"{len(data) - walk.at} bytes are left after the end of {cls.NAME}")
    return DecodeError(f"{cls.NAME}: {fault}")


@lru_cache(maxsize=256)
def _schema(text: str) -> Schema:
    return parse(text)


@lru_cache(maxsize=256)
def _identity(text: str) -> Resolution:
    return resolve(_schema(text), _schema(text))


PATH_MAX = 200
"""Characters of a path in a message; of a longer one, the middle is left out."""


class _Fault(Exception):
    """A fault with its place."""

    def __init__(self, path: str, message: str) -> None:
        path = path.lstrip(".")
        if len(path) > PATH_MAX:
            path = f"{path[: PATH_MAX // 2]}...{path[-PATH_MAX // 2 :]}"
        super().__init__(f"{path}: {message}" if path else message)


_TYPES: Mapping[str, tuple[type, ...]] = {
    "null": (type(None),),
    "boolean": (bool,),
    "int": (int,),
    "long": (int,),
    "float": (float, int),
    "double": (float, int),
    "bytes": (bytes, bytearray),
    "string": (str,),
}
_UNSET = object()
_CONVERTED: Mapping[str, type] = {cls.__name__: cls for cls in (Decimal, UUID, date, time, datetime, runtime.Duration)}


class _Value:
    """Checks a value against a schema."""

    def __init__(self, schema: Schema, types: Mapping[str, type]) -> None:
        self._schema = schema
        self._types = types

    def check(self, node: Node, value: Any, path: str) -> None:
        """Raise _Fault at the first field that does not fit."""
        if known := converted(node, self._schema):
            _converted(known, value, path)
            return
        match node:
            case Primitive(type=kind):
                _primitive(kind, value, path)
            case Array(items=items):
                _expect(value, (list, tuple), "a list", path)
                if len(value) > runtime.ZERO_SIZED_ITEMS_MAX and not size_min(items, self._schema):
                    raise _Fault(path, f"more than {runtime.ZERO_SIZED_ITEMS_MAX:,} items, which may take no bytes")
                for index, item in enumerate(value):
                    self.check(items, item, f"{path}[{index}]")
            case Map(values=values):
                _expect(value, (Mapping,), "a dict", path)
                for key, item in value.items():
                    inner = f"{path}[{shown_key(key)}]"
                    self.check(Primitive("string"), key, inner)
                    self.check(values, item, inner)
            case Union(branches=branches):
                self._union(branches, value, path)
            case Reference():
                self._named(node, value, path)

    def _union(self, branches: tuple[Node, ...], value: Any, path: str) -> None:
        if runtime.is_int(value) and any(_is_integer(branch) for branch in branches):
            branches = tuple(branch for branch in branches if _is_integer(branch) or not isinstance(branch, Primitive))
        if isinstance(value, str) and (
            len(branches) > 2 or Primitive("null") not in branches
        ):  # then a symbol is told from a string by its class
            branches = tuple(branch for branch in branches if not self._is_enum_of_other(branch, value))
        faults = [self._fault(branch, value, path) for branch in branches]
        if None in faults:
            return
        others = [fault for branch, fault in zip(branches, faults, strict=True) if branch != Primitive("null")]
        if len(others) == 1 and others[0]:
            raise others[0]
        for branch, fault in zip(branches, faults, strict=True):  # a record's own class says which branch was meant
            if fault and isinstance(branch, Reference) and getattr(type(value), "NAME", None) == branch.name:
                raise fault
        raise _Fault(path, f"{shown(value)} fits no branch of the union")

    def _is_enum_of_other(self, branch: Node, value: str) -> bool:
        is_enum = isinstance(branch, Reference) and isinstance(self._schema.definition(branch), Enum)
        return is_enum and not isinstance(value, self._types[branch.name])  # type: ignore[union-attr]

    def _fault(self, node: Node, value: Any, path: str) -> "_Fault | None":
        try:
            self.check(node, value, path)
        except _Fault as fault:
            return fault
        return None

    def _named(self, node: Reference, value: Any, path: str) -> None:
        definition = self._schema.definition(node)
        if isinstance(definition, Enum):
            if not isinstance(value, str) or value not in definition.symbols:
                raise _Fault(path, f"a symbol of {definition.name} is needed, not {shown(value)}")
        elif isinstance(definition, Fixed):
            if not isinstance(value, bytes | bytearray) or len(value) != definition.size:
                raise _Fault(path, f"{definition.size} bytes are needed, not {shown(value)}")
        elif type(value) is not self._types[definition.name]:
            raise _Fault(path, f"a {definition.name} is needed, not {shown(value)}")
        else:
            attributes = attribute_names(tuple(field.name for field in definition.fields))
            for field in definition.fields:
                attribute = getattr(value, attributes[field.name], _UNSET)
                if attribute is _UNSET:
                    raise _Fault(f"{path}.{field.name}", "is not set")
                self.check(field.type, attribute, f"{path}.{field.name}")


def _primitive(kind: str, value: Any, path: str) -> None:
    types = _TYPES[kind]
    if not isinstance(value, types):
        raise _Fault(path, f"{_a(types[0])} is needed, not {shown(value)}")
    _attempt(getattr(runtime, f"write_{kind}"), value, kind, path)


def _converted(known: Converted, value: Any, path: str) -> None:
    type_ = _CONVERTED[known.conversion.type]
    if not isinstance(value, type_) and not (type_ is UUID and runtime.is_uuid(value)):
        raise _Fault(path, f"{_a(type_)} is needed, not {shown(value)}")
    if known.logical.name == "decimal" and (reason := _why_no_decimal(value, known.logical)):
        raise _Fault(path, f"{shown(value)} does not fit {spelled_logical(known.logical)}: {reason}")
    _attempt(known.function(known.conversion.write), value, known.logical.name, path)


def _attempt(write: Callable[[Any], bytes], value: Any, kind: str, path: str) -> None:
    try:
        write(value)
    except runtime.FAULTS as error:
        raise _Fault(path, f"{shown(value)} does not fit {kind}: {error}") from error


def _why_no_decimal(value: Any, logical: Logical) -> str | None:
    """Return why a decimal cannot be written without being rounded."""
    if not value.is_finite():
        return "it has no digits"
    _, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    significant = "".join(map(str, digits)).rstrip("0")
    last = exponent + len(digits) - len(significant)  # the place of the last digit that counts, as a power of ten
    if significant and -last > logical.scale:
        return f"{-last} digits after the point, {logical.scale} at most"
    before = logical.precision - logical.scale
    if significant and value.adjusted() >= before:
        return f"{value.adjusted() + 1} digits before the point, {before} at most"
    return None


def _is_integer(node: Node) -> bool:
    is_whole = isinstance(node, Primitive) and node.type in {"int", "long"}
    return is_whole and (node.logical is None or node.logical.name.endswith("-nanos"))  # type: ignore[union-attr]


def _expect(value: object, types: tuple[type, ...], name: str, path: str) -> None:
    if not isinstance(value, types):
        raise _Fault(path, f"{name} is needed, not {shown(value)}")


def _a(type_: type) -> str:
    return "None" if type_ is type(None) else f"{'an' if type_ is int else 'a'} {type_.__name__}"


class _Data:
    """Checks bytes against a plan; `at` is the position reached."""

    def __init__(self, resolution: Resolution, data: bytes) -> None:
        self._resolution = resolution
        self._data = data
        self.at = 0

    def check(self, plan: Plan, path: str) -> None:
        """Raise _Fault at the first datum that cannot be read."""
        match plan:
            case Read(writer=writer, reader=reader):
                self._read(writer, reader, path)
            case ReadFixed(reader=fixed):
                raw = self._take(fixed.size, path)
                if known := converted_fixed(fixed):
                    _convert(known, raw, path)
            case ReadEnum():
                self._enum(plan, path)
            case ReadArray(items=items, item_bytes_min=bytes_min):
                self._blocks(items, bytes_min, path, is_map=False)
            case ReadMap(values=values, item_bytes_min=bytes_min):
                self._blocks(values, bytes_min, path, is_map=True)
            case ReadUnion(branches=branches):
                branch = self._number(len(branches), "branch of the union", path)
                self.check(branches[branch], path)
            case IntoBranch(plan=inner):
                self.check(inner, path)
            case ReadRecord(pair=pair):
                record = self._resolution.records[pair]
                if record.missing:
                    raise _Fault(path, record.reason)
                for step in record.steps:
                    self.check(step.plan, f"{path}.{step.target or step.written_name}")
            case Skip(writer=writer):
                self._skip(writer, path)
            case Fail(reason=reason):
                raise _Fault(path, reason)

    def _read(self, writer: Primitive, reader: Primitive, path: str) -> None:
        raw = self._primitive(writer.type, path)
        if reader.type == "string" and isinstance(raw, bytes):
            raw = self._text(raw, "string", path)
        elif reader.type == "bytes" and isinstance(raw, str):
            raw = raw.encode()
        if known := converted(reader, self._resolution.reader):
            _convert(known, raw, path)

    def _primitive(self, kind: str, path: str) -> Any:
        if kind == "null":
            return None
        if kind in {"bytes", "string"}:
            size = self._primitive("long", path)
            if size < 0:
                raise _Fault(path, f"a size of {size}")
            return self._text(self._take(size, path), kind, path)
        if kind == "boolean":
            byte = self._take(1, path)[0]
            if byte > 1:
                raise _Fault(path, f"no boolean: {byte} is neither 0 nor 1")
            return bool(byte)
        read = getattr(runtime, f"read_{kind}")
        try:
            value, self.at = read(self._data, self.at)
        except (IndexError, struct.error) as error:
            raise _Fault(path, "the data ends within this field") from error
        except runtime.FAULTS as error:
            raise _Fault(path, f"no {kind}: {error}") from error
        return value

    def _text(self, raw: bytes, kind: str, path: str) -> Any:
        try:
            return raw.decode() if kind == "string" else raw
        except UnicodeDecodeError as error:
            raise _Fault(path, f"no UTF-8: {error}") from error

    def _take(self, size: int, path: str) -> bytes:
        if size > len(self._data) - self.at:
            raise _Fault(path, f"the data ends within this field: {size} bytes are needed")
        self.at += size
        return self._data[self.at - size : self.at]

    def _number(self, count: int, name: str, path: str) -> int:
        start = self.at
        number: int = self._primitive("long", path)
        if not 0 <= number < count:
            raise _Fault(path, f"no {name} has position {number}")
        if self.at - start > 1 and count <= ONE_BYTE:
            raise _Fault(path, f"position {number} is written in {self.at - start} bytes instead of one")
        return number

    def _enum(self, plan: ReadEnum, path: str) -> None:
        number = self._number(len(plan.symbols), f"symbol of {plan.reader.name}", path)
        if plan.symbols[number] is None:
            symbol = plan.writer.symbols[number]
            raise _Fault(path, f"{plan.reader.name} has no symbol {symbol!r} and no default")

    def _blocks(self, items: Plan, bytes_min: int, path: str, *, is_map: bool) -> None:
        index = 0
        while self._data[self.at : self.at + 1] != b"\x00":
            try:
                if bytes_min:
                    count, self.at = runtime.read_count(self._data, self.at, bytes_min)
                else:
                    count, self.at = runtime.read_count_of_nothing(self._data, self.at, index)
            except IndexError as error:
                raise _Fault(path, "the data ends within this field") from error
            except runtime.FAULTS as error:
                raise _Fault(path, str(error)) from error
            for _ in range(count):
                key = self._primitive("string", path) if is_map else None
                self.check(items, f"{path}[{shown_key(key) if is_map else index}]")
                index += 1
        self.at += 1

    def _skip(self, node: Node, path: str) -> None:
        writer = self._resolution.writer
        match node:
            case Primitive(type=kind):
                self._primitive(kind, path)
            case Array(items=child) | Map(values=child):
                is_map = isinstance(node, Map)
                self._blocks(Skip(child), size_min(child, writer) + is_map, path, is_map=is_map)
            case Union(branches=branches):
                self._skip(branches[self._number(len(branches), "branch of the union", path)], path)
            case Reference():
                self._skip_named(node, path)

    def _skip_named(self, node: Reference, path: str) -> None:
        definition = self._resolution.writer.definition(node)
        if isinstance(definition, Enum):
            self._number(len(definition.symbols), f"symbol of {definition.name}", path)
        elif isinstance(definition, Fixed):
            self._take(definition.size, path)
        else:
            for field in definition.fields:
                self._skip(field.type, f"{path}.{field.name}")


def _convert(known: Converted, raw: Any, path: str) -> None:
    logical = known.logical
    try:
        known.function(known.conversion.convert)(raw)
    except runtime.FAULTS as error:
        raise _Fault(path, f"{shown(raw)} is no {spelled_logical(logical)}: {error}") from error
