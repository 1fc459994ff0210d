"""Hypothesis strategies for instances of generated classes, made from their own schemas."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any

from hypothesis import strategies as st

from codegen.avro.parsing import parse
from codegen.avro.schema import Array, Enum, Fixed, Map, Node, Primitive, Record, Reference, Schema, Union
from codegen.python.names import attribute

_MILLIS = 1000
_TIMES = st.times(min_value=time(0), max_value=time(23, 59, 59, 999999))
_LOCAL = st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(9000, 1, 1))  # noqa: DTZ001
_LEAVES: Mapping[str, st.SearchStrategy[Any]] = {
    "null": st.none(),
    "boolean": st.booleans(),
    "int": st.integers(-0x8000_0000, 0x7FFF_FFFF),
    "long": st.integers(-0x8000_0000_0000_0000, 0x7FFF_FFFF_FFFF_FFFF),
    "float": st.floats(width=32, allow_nan=False),
    "double": st.floats(allow_nan=False),
    "bytes": st.binary(max_size=100),
    "string": st.text(max_size=100),
    "uuid": st.uuids(),
    "date": st.dates(min_value=date(1, 1, 2)),
    "time-millis": _TIMES.map(lambda t: t.replace(microsecond=t.microsecond // _MILLIS * _MILLIS)),
    "time-micros": _TIMES,
    "timestamp-millis": _LOCAL.map(lambda t: t.replace(tzinfo=UTC, microsecond=t.microsecond // _MILLIS * _MILLIS)),
    "timestamp-micros": _LOCAL.map(lambda t: t.replace(tzinfo=UTC)),
    "local-timestamp-millis": _LOCAL.map(lambda t: t.replace(microsecond=t.microsecond // _MILLIS * _MILLIS)),
    "local-timestamp-micros": _LOCAL,
}


def instances(cls: Any, types: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Return a strategy for instances of a generated class; `types` has all classes by full name."""
    schema = parse(cls.SCHEMA)
    return _Strategies(schema, types).of(schema.root)


class _Strategies:
    """One strategy per named type, so that recursion is seen as such."""

    def __init__(self, schema: Schema, types: Mapping[str, Any]) -> None:
        self._schema = schema
        self._types = types
        self._named: dict[str, st.SearchStrategy[Any]] = {}
        self._recursive = schema.root.name if isinstance(schema.root, Reference) else ""  # must not branch out

    def of(self, node: Node) -> st.SearchStrategy[Any]:
        match node:
            case Primitive(type=kind, logical=logical):
                return _LEAVES[logical.name if logical else kind]
            case Array(items=items):
                return st.lists(self.of(items), max_size=1 if items == Reference(self._recursive) else 3)
            case Map(values=values):
                return st.dictionaries(st.text(max_size=5), self.of(values), max_size=3)
            case Union(branches=branches):
                return st.one_of([self.of(branch) for branch in branches])
            case Reference(name=name):
                if name not in self._named:
                    self._named[name] = st.deferred(lambda: self._definition(node))
                return self._named[name]

    def _definition(self, node: Reference) -> st.SearchStrategy[Any]:
        definition = self._schema.definition(node)
        match definition:
            case Enum(name=name):
                return st.sampled_from(self._types[name])
            case Fixed(size=size, logical=logical):
                return st.uuids() if logical else st.binary(min_size=size, max_size=size)
            case Record(name=name, fields=fields):
                return st.builds(self._types[name], **{attribute(f.name): self.of(f.type) for f in fields})
