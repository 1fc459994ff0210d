"""Defaults: from a schema's JSON to the Python expressions that stand in a class."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from math import isfinite
from typing import Any, cast
from uuid import UUID

from codegen import runtime
from codegen.avro.defaults import branch_of
from codegen.avro.json_text import Json
from codegen.avro.schema import Array, Enum, Map, Missing, Node, Primitive, Record, Reference, Schema, Union
from codegen.errors import UnsupportedSchema
from codegen.python.conversions import Converted, converted
from codegen.python.names import attribute_names, member_names
from codegen.python.text import quoted, quoted_bytes
from codegen.python.types import Context


def is_made_anew(node: Node, schema: Schema, default: "Json | Missing") -> bool:
    """Say whether a default has to be made anew for every instance."""
    match node:
        case Array() | Map():
            return True
        case Reference():
            return isinstance(schema.definition(node), Record)
        case Union(branches=branches):
            return is_made_anew(branch_of(cast("Json", default), branches, schema.types), schema, default)
    return False


class Defaults:
    """Turns JSON defaults into Python expressions; `path` names the field in errors."""

    def __init__(self, schema: Schema, context: Context, path: str = "") -> None:
        self._schema = schema
        self._context = context
        self._path = path

    def expression(self, node: Node, default: "Json | Missing") -> str:
        """Return the expression of a default, which the parser has found to fit.

        Raise UnsupportedSchema for one that is valid Avro and still has no value in Python (a date after 9999).
        """
        assert not isinstance(default, Missing)
        value = default
        if known := converted(node, self._schema):
            return self._converted(known, value)
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
            members = member_names(definition.name, definition.symbols)
            return f"{self._context.type_name(definition.name)}.{members[cast('str', value)]}"
        if isinstance(definition, Record):
            return self._record(definition, cast("Mapping[str, Json]", value))
        return quoted_bytes(_raw(value))

    def _primitive(self, node: Primitive, value: Json) -> str:
        if node.type == "bytes":
            return quoted_bytes(_raw(value))
        if node.type in {"float", "double"}:
            return self._floating(node.type, cast("float", value))
        return self._text(value) if isinstance(value, str) else repr(value)

    def _text(self, value: str) -> str:
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise UnsupportedSchema(f"{self._path}: the default {quoted(value)} is no text: {error}") from error
        return quoted(value)

    def _floating(self, kind: str, value: float) -> str:
        try:
            number = runtime.to_single(value) if kind == "float" else float(value)  # as it would be if it were written
        except OverflowError as error:
            raise UnsupportedSchema(f"{self._path}: the default {value} does not fit {kind}") from error
        if not isfinite(number):
            raise UnsupportedSchema(f"{self._path}: the default is too large for {kind}")
        return repr(number).replace("e+", "e")

    def _converted(self, known: Converted, value: Json) -> str:
        is_of_bytes = known.size is not None or known.logical.name in {"decimal", "big-decimal"}
        plain = _raw(value) if is_of_bytes else value
        try:
            converted_value = known.function(known.conversion.convert)(plain)
        except runtime.FAULTS as error:  # valid Avro, but the module that is generated could not be imported
            shown = quoted(value) if isinstance(value, str) else value
            raise UnsupportedSchema(f"{self._path}: the default {shown} is no {known.logical.name}: {error}") from error
        return _literal(converted_value, self._context)

    def _record(self, record: Record, value: Mapping[str, Json]) -> str:
        attributes = attribute_names(tuple(field.name for field in record.fields))
        arguments = [
            f"{attributes[f.name]}={self.expression(f.type, value.get(f.name, f.default))}" for f in record.fields
        ]
        return f"{self._context.type_name(record.name)}({', '.join(arguments)})"


def _raw(value: Json) -> bytes:
    return cast("str", value).encode("latin-1")


def _literal(value: Any, context: Context) -> str:
    """Return the expression that makes a value of a logical type, as one would write it by hand."""
    match value:
        case Decimal() | UUID():
            return f'{context.imported(type(value).__module__, type(value).__name__)}("{value}")'
        case runtime.Duration(months=months, days=days, milliseconds=milliseconds):
            cls = context.imported("codegen.runtime", "Duration")
            return f"{cls}(months={months}, days={days}, milliseconds={milliseconds})"
        case datetime():
            parts = [value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond]
            least = 3
        case date():
            return f"{context.imported('datetime', 'date')}({value.year}, {value.month}, {value.day})"
        case time():
            parts, least = [value.hour, value.minute, value.second, value.microsecond], 2
        case _:
            raise AssertionError(f"no literal for {value!r}")
    while len(parts) > least and not parts[-1]:
        parts.pop()
    zone = [f"tzinfo={context.imported('datetime', 'UTC')}"] if value.tzinfo else []
    cls = context.imported("datetime", type(value).__name__)
    return f"{cls}({', '.join([*map(str, parts), *zone])})"
