"""Generated classes for tests: from schemas in the test to classes it can use, and to fastavro's view of a value."""

import importlib
import io
import itertools
import json
import struct
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any, Final
from uuid import UUID

import fastavro

from codegen.avro import schema_files
from codegen.avro.logical_types import why_ignored
from codegen.avro.parsing import parse
from codegen.avro.schema import Array, Enum, Fixed, Logical, Map, Node, Primitive, Record, Reference, Schema, Union
from codegen.python import generated_files
from codegen.python import source as python_source
from codegen.python.names import attribute_names
from codegen.runtime import Duration
from codegen.samples.data import branch_name

_numbers = itertools.count()
_EXACT: Final = Context(prec=MAX_PREC, Emin=MIN_EMIN, Emax=MAX_EMAX)
_BIG_DECIMAL: Final = json.dumps(
    {
        "type": "record",
        "name": "BigDecimal",
        "fields": [{"name": "digits", "type": "bytes"}, {"name": "scale", "type": "int"}],
    }
)
_TYPES: Final[Mapping[str, type]] = {
    "null": type(None),
    "boolean": bool,
    "int": int,
    "long": int,
    "float": float,
    "double": float,
    "bytes": bytes,
    "string": str,
    "big-decimal": Decimal,
    "uuid": UUID,
    "date": date,
    "time-millis": time,
    "time-micros": time,
    "timestamp-millis": datetime,
    "timestamp-micros": datetime,
    "timestamp-nanos": int,
    "local-timestamp-millis": datetime,
    "local-timestamp-micros": datetime,
    "local-timestamp-nanos": int,
    "duration": Duration,
}


def record(name: str, defaults: Mapping[str, Any] | None = None, /, **types: Any) -> dict[str, Any]:
    """Return the schema of a record with this full name, its fields by their names."""
    return record_of(name, types, defaults or {})


def record_of(name: str, types: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a record whose fields' names may be any text."""
    namespace, _, simple = name.rpartition(".")
    fields = [
        {"name": field, "type": type_, **({"default": defaults[field]} if field in defaults else {})}
        for field, type_ in types.items()
    ]
    return {"type": "record", "name": simple, "namespace": namespace, "fields": fields}


def logical(name: str, kind: str, **attributes: Any) -> dict[str, Any]:
    """Return a type with a logical type."""
    return {"type": kind, "logicalType": name, **attributes}


def write_schemas(folder: Path, *schemas: Mapping[str, Any]) -> Path:
    """Write each schema into a file named after its type."""
    folder.mkdir(parents=True, exist_ok=True)
    for schema in schemas:
        (folder / f"{schema['name']}.avsc").write_text(json.dumps(schema), encoding="utf-8")
    return folder


def build(folder: Path, *schemas: Mapping[str, Any]) -> dict[str, Any]:
    """Generate and import classes for schemas; return them by full name."""
    package = f"generated_for_test_{next(_numbers)}"
    names = write_package(folder, package, *schemas)
    sys.path.insert(0, str(folder))
    try:
        importlib.invalidate_caches()
        modules = [importlib.import_module(name) for name in names]
    finally:
        sys.path.remove(str(folder))
    return {name: cls for module in modules for name, cls in vars(module).get("AVRO_TYPES", {}).items()}


def write_package(folder: Path, package: str, *schemas: Mapping[str, Any]) -> list[str]:
    """Generate a package for schemas into a folder; return the names of its modules."""
    source = folder / f"{package}_schemas"
    for position, schema in enumerate(schemas):  # a folder each: short names may be alike
        write_schemas(source / str(position), schema)
    files = python_source.generate(schema_files.load(source), package)
    generated_files.write(folder / package, files, package)
    return [".".join((package, *_module(path))) for path in files]


def _module(path: PurePosixPath) -> tuple[str, ...]:
    return tuple(part for part in path.with_suffix("").parts if part != "__init__")


def fastavro_bytes(schema: str, datum: Any) -> bytes:
    """Return what fastavro writes."""
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, _parsed(schema), datum)
    return stream.getvalue()


def fastavro_datum(schema: str, data: bytes, reader: str | None = None) -> Any:
    """Return what fastavro reads of data that `schema` wrote, as a reader with its own schema if there is one."""
    return fastavro.schemaless_reader(io.BytesIO(data), _parsed(schema), _parsed(reader) if reader else None)


@cache
def _parsed(schema: str) -> Any:
    return fastavro.parse_schema(_without_what_is_ignored(json.loads(schema)))


def _without_what_is_ignored(node: Any) -> Any:
    """Return a schema without decimals that cannot be: to Avro they are plain bytes, to fastavro an error."""
    if isinstance(node, list):
        return [_without_what_is_ignored(each) for each in node]
    if not isinstance(node, dict):
        return node
    ignored = {"logicalType"} if why_ignored(node, str(node.get("type")), node.get("size")) else set()
    kept = {key: value for key, value in node.items() if key not in ignored}
    return {key: value if key == "default" else _without_what_is_ignored(value) for key, value in kept.items()}


def as_datum(value: Any) -> Any:
    """Return a generated object as fastavro wants it: a dict; in a union, a pair of the branch's name and the datum.

    What fastavro does not know (durations, big-decimals, UUIDs on a fixed) are the bytes they stand on.
    """
    schema = _schema(value.SCHEMA)
    return _Datum(schema).of(schema.root, value)


@cache
def _schema(text: str) -> Schema:
    return parse(text)


def without_type_names(datum: Any) -> Any:
    """Return a datum without the branches' names that `as_datum` puts in: as fastavro reads it."""
    match datum:
        case dict():
            return {key: without_type_names(item) for key, item in datum.items()}
        case list():
            return [without_type_names(item) for item in datum]
        case (_, item):
            return without_type_names(item)
    return datum


@dataclass(frozen=True)
class _Datum:
    schema: Schema

    def of(self, node: Node, value: Any) -> Any:
        match node:
            case Primitive(logical=Logical(name="decimal", scale=scale)):
                return _with_scale(value, scale)
            case Primitive(logical=Logical(name="big-decimal")):
                return _big_decimal_bytes(value)
            case Array(items=items):
                return [self.of(items, item) for item in value]
            case Map(values=values):
                return {key: self.of(values, item) for key, item in value.items()}
            case Union(branches=branches):
                branch = next(branch for branch in branches if self.holds(branch, value))
                return (branch_name(branch), self.of(branch, value))
            case Reference():
                return self._named(node, value)
        return value

    def _named(self, node: Reference, value: Any) -> Any:
        match self.schema.definition(node):
            case Record(fields=fields):
                attributes = attribute_names(tuple(field.name for field in fields))
                return {field.name: self.of(field.type, getattr(value, attributes[field.name])) for field in fields}
            case Enum():
                return value.value
            case Fixed(logical=Logical(name="decimal", scale=scale)):
                return _with_scale(value, scale)
            case Fixed(logical=Logical(name="duration")):
                return struct.pack("<III", value.months, value.days, value.milliseconds)
            case Fixed(logical=Logical(name="uuid")):
                return value.bytes
        return value

    def holds(self, branch: Node, value: Any) -> bool:
        """Say whether a branch of a union holds a value, exactly: the first that does is the one to be written."""
        match branch:
            case Primitive(logical=Logical(name="decimal") as decimal):
                return _is_decimal(value, decimal)
            case Primitive(type=kind, logical=known):
                name = known.name if known else kind
                return type(value) is _TYPES[name] and _is_exact(name, value)
            case Array():
                return isinstance(value, list)
            case Map():
                return isinstance(value, dict)
            case Reference():
                return self._named_holds(branch, value)
        raise AssertionError(f"no branch of a union: {branch}")

    def _named_holds(self, branch: Reference, value: Any) -> bool:
        definition = self.schema.definition(branch)
        match definition:
            case Fixed(logical=Logical(name="decimal") as decimal):
                return _is_decimal(value, decimal)
            case Fixed(logical=Logical(name=name)):
                return type(value) is _TYPES[name]
            case Fixed(size=size):
                return isinstance(value, bytes) and len(value) == size
        return _types_beside(value).get(definition.name) is type(value)


def _is_decimal(value: Any, decimal: Logical) -> bool:
    if type(value) is not Decimal:
        return False
    number = Fraction(value) * 10**decimal.scale
    return bool(number.denominator == 1 and abs(number) < 10**decimal.precision)


def _is_exact(name: str, value: Any) -> bool:
    if name == "int":
        return -(2**31) <= int(value) < 2**31
    if name == "float":
        return value != value or abs(value) == float("inf") or _is_single(value)
    return name != "time-millis" or bool(value.microsecond % 1000 == 0)


def _is_single(value: float) -> bool:
    try:
        return bool(struct.unpack("<f", struct.pack("<f", value))[0] == value)
    except OverflowError:
        return False


def _types_beside(value: Any) -> Mapping[str, type]:
    """Return the generated classes of a value's module, none if it is not of a generated class."""
    types: Mapping[str, type] = getattr(sys.modules[type(value).__module__], "AVRO_TYPES", {})
    return types


def _with_scale(value: Decimal, scale: int) -> Decimal:
    """Return an equal decimal of this scale: fastavro counts trailing zeros as digits."""
    return _EXACT.scaleb(Decimal(int(Fraction(value) * 10**scale)), -scale)


def _big_decimal_bytes(value: Decimal) -> bytes:
    sign, digits, exponent = value.as_tuple()
    number = int("".join(map(str, digits))) * (-1 if sign else 1)
    raw = number.to_bytes((number.bit_length() + 8) // 8, "big", signed=True)
    return fastavro_bytes(_BIG_DECIMAL, {"digits": raw, "scale": -int(exponent)})
