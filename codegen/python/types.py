"""The Python side of an Avro type: its annotation, its runtime functions, its default as an expression."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Final, Protocol, cast

from codegen import runtime
from codegen.avro.defaults import branch_of
from codegen.avro.json_text import Json
from codegen.avro.resolution import RecordPair
from codegen.avro.schema import (
    Array,
    Enum,
    Fixed,
    Logical,
    Map,
    Missing,
    Node,
    Primitive,
    Record,
    Reference,
    Schema,
    Union,
)
from codegen.avro.spelling import kind_of
from codegen.errors import UnsupportedSchema
from codegen.python.names import attribute, member
from codegen.python.text import quoted, quoted_bytes

PLAIN: Final[Mapping[str, str]] = {
    "null": "None",
    "boolean": "bool",
    "int": "int",
    "long": "int",
    "float": "float",
    "double": "float",
    "bytes": "bytes",
    "string": "str",
}
_KINDS: Final = {"float": "float", "double": "float", "string": "str"}
# Logical type -> (module and name of the Python type, writer, function from the plain value)
LOGICAL: Final[Mapping[str, tuple[str, str, str, str]]] = {
    "uuid": ("uuid", "UUID", "write_uuid", "uuid_from_text"),
    "date": ("datetime", "date", "write_date", "date_from_days"),
    "time-millis": ("datetime", "time", "write_time_millis", "time_from_millis"),
    "time-micros": ("datetime", "time", "write_time_micros", "time_from_micros"),
    "timestamp-millis": ("datetime", "datetime", "write_timestamp_millis", "datetime_from_millis"),
    "timestamp-micros": ("datetime", "datetime", "write_timestamp_micros", "datetime_from_micros"),
    "local-timestamp-millis": ("datetime", "datetime", "write_local_timestamp_millis", "local_datetime_from_millis"),
    "local-timestamp-micros": ("datetime", "datetime", "write_local_timestamp_micros", "local_datetime_from_micros"),
}


class Context(Protocol):
    """Where code is generated into: what things are called there (importing them is its business)."""

    def helper(self, name: str) -> str:
        """Return what a function of `codegen.runtime` is called."""
        ...

    def imported(self, module: str, name: str) -> str:
        """Return what a name of another module is called."""
        ...

    def builtin(self, name: str) -> str:
        """Return what a builtin is called."""
        ...

    def type_name(self, name: str) -> str:
        """Return what the class of this record or enum is called."""
        ...

    def constructor(self, name: str) -> str:
        """Return what the function is called that makes this record from positional values."""
        ...

    def writer(self, name: str) -> str:
        """Return what the function is called that writes this record or enum."""
        ...

    def reader(self, pair: RecordPair) -> str:
        """Return what the function is called that reads this pair of records (an enum is paired with itself)."""
        ...

    annotated: bool
    """Whether local variables are annotated."""


def check_supported(node: Node, schema: Schema, path: str) -> None:
    """Refuse what no Python type is known for; `path` names schema and field."""
    logical: Logical | None = None
    match node:
        case Primitive(logical=logical):
            pass
        case Reference():
            definition = schema.definition(node)
            logical = definition.logical if isinstance(definition, Fixed) else None
        case Array(items=child) | Map(values=child):
            check_supported(child, schema, path)
        case Union(branches=branches):
            for branch in branches:
                check_supported(branch, schema, path)
            check_union(node, schema, path)
    if logical and logical.name not in LOGICAL:
        raise UnsupportedSchema(f"{path}: no Python class can be generated for the logical type {logical.name!r} yet")


def check_union(union: Union, schema: Schema, path: str) -> None:
    """Refuse a union whose values do not show by their Python type which branch they are meant for."""
    kinds = [python_kind(branch, schema) for branch in union.branches]
    for kind in kinds:
        if kinds.count(kind) > 1:
            raise UnsupportedSchema(f"{path}: two branches of the union would both be {kind} in Python")


def python_kind(node: Node, schema: Schema) -> str:
    """Return what a value's Python type shows of its Avro type; int and long differ by range."""
    match node:
        case Primitive(type=kind, logical=logical):
            return LOGICAL[logical.name][1] if logical else _KINDS.get(kind, kind)
        case Array() | Map() | Union():
            return kind_of(node)
    definition = schema.definition(node)
    if isinstance(definition, Fixed):
        return "UUID" if definition.logical else "bytes"
    return node.name


def annotation(node: Node, schema: Schema, context: Context) -> str:
    """Return the type of a field's attribute."""
    match node:
        case Primitive(logical=Logical(name=name)):
            return context.imported(*LOGICAL[name][:2])
        case Primitive(type=kind):
            return PLAIN[kind] if kind == "null" else context.builtin(PLAIN[kind])
        case Array(items=items):
            return f"{context.builtin('list')}[{annotation(items, schema, context)}]"
        case Map(values=values):
            return f"{context.builtin('dict')}[{context.builtin('str')}, {annotation(values, schema, context)}]"
        case Union(branches=branches):
            names = dict.fromkeys(annotation(branch, schema, context) for branch in branches)
            return " | ".join(sorted(names, key=lambda name: name == "None"))
    definition = schema.definition(node)
    if isinstance(definition, Fixed):
        return context.imported("uuid", "UUID") if definition.logical else context.builtin("bytes")
    return context.type_name(definition.name)


def is_container(node: Node, schema: Schema, default: "Json | Missing") -> bool:
    """Say whether a default has to be made anew for every instance."""
    match node:
        case Array() | Map():
            return True
        case Reference():
            return isinstance(schema.definition(node), Record)
        case Union(branches=branches):
            return is_container(branch_of(cast("Json", default), branches, schema.types), schema, default)
    return False


class Defaults:
    """Turns JSON defaults into Python expressions."""

    def __init__(self, schema: Schema, context: Context, path: str = "") -> None:
        self._schema = schema
        self._context = context
        self._path = path

    def expression(self, node: Node, default: "Json | Missing") -> str:
        """Return the expression of a default, which the parser has found to fit."""
        assert not isinstance(default, Missing)
        value = default
        match node:
            case Primitive():
                return self._primitive(node, value)
            case Array(items=items):
                return f"[{', '.join(self.expression(items, v) for v in cast('Sequence[Json]', value))}]"
            case Map(values=values):
                pairs = cast("Mapping[str, Json]", value).items()
                return f"{{{', '.join(f'{quoted(k)}: {self.expression(values, v)}' for k, v in pairs)}}}"
            case Union(branches=branches):
                return self.expression(branch_of(value, branches, self._schema.types), value)
        definition = self._schema.definition(node)
        if isinstance(definition, Enum):
            return f"{self._context.type_name(definition.name)}.{member(cast('str', value))}"
        if isinstance(definition, Record):
            return self._record(definition, cast("Mapping[str, Json]", value))
        text = quoted_bytes(cast("str", value).encode("latin-1"))
        return f"{self._context.helper('uuid_from_bytes')}({text})" if definition.logical else text

    def _primitive(self, node: Primitive, value: Json) -> str:
        if node.type == "bytes":
            return quoted_bytes(cast("str", value).encode("latin-1"))
        if node.type in {"float", "double"}:
            return self._floating(node.type, cast("float", value))
        text = quoted(value) if isinstance(value, str) else repr(value)
        return self._logical(node.logical, value, text) if node.logical else text

    def _floating(self, kind: str, value: float) -> str:
        try:
            number = runtime.to_single(value) if kind == "float" else float(value)  # as it would be if it were written
        except OverflowError as error:
            raise UnsupportedSchema(f"{self._path}: the default {value} does not fit {kind}") from error
        if not isfinite(number):
            raise UnsupportedSchema(f"{self._path}: the default is too large for {kind}")
        return repr(number).replace("e+", "e")

    def _logical(self, logical: Logical, value: Json, text: str) -> str:
        function = LOGICAL[logical.name][3]
        try:
            getattr(runtime, function)(value)
        except runtime.FAULTS as error:  # valid Avro, but the module that is generated could not be imported
            raise UnsupportedSchema(f"{self._path}: the default {text} is no {logical.name}: {error}") from error
        return f"{self._context.helper(function)}({text})"

    def _record(self, record: Record, value: Mapping[str, Json]) -> str:
        arguments = [
            f"{attribute(f.name)}={self.expression(f.type, value.get(f.name, f.default))}" for f in record.fields
        ]
        return f"{self._context.type_name(record.name)}({', '.join(arguments)})"
