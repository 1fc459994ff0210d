"""Schemas as text: self-contained JSON, direct references, Parsing Canonical Form and fingerprint.

`self_contained` works on the JSON as written, so that docs, defaults and a team's own attributes stay.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import cast

from codegen.avro.json_text import Json
from codegen.avro.parsing import defined_name
from codegen.avro.schema import (
    NAMED,
    PRIMITIVES,
    RECORDS,
    Array,
    Enum,
    Fixed,
    Map,
    Node,
    Primitive,
    Reference,
    Schema,
    Union,
    full_name,
    namespace_of,
    simple_name,
)


def self_contained(value: Json, definitions: Mapping[str, Json], namespace: str = "") -> Json:
    """Return `value` with every type that it does not define itself inlined where it is used first.

    `definitions` has the JSON of other types by full name, each to be read in the empty namespace.
    """
    return _Inliner(definitions).inline(value, namespace)


class _Inliner:
    def __init__(self, definitions: Mapping[str, Json]) -> None:
        self._definitions = definitions
        self._seen: set[str] = set()

    def inline(self, value: Json, namespace: str) -> Json:
        if isinstance(value, str):
            return self._name(value, namespace)
        if isinstance(value, Mapping):
            return self._object(value, namespace)
        if isinstance(value, Sequence):
            return [self.inline(branch, namespace) for branch in value]
        return value

    def _name(self, name: str, namespace: str) -> Json:
        resolved = full_name(name, namespace)
        if name in PRIMITIVES or resolved in self._seen or resolved not in self._definitions:
            return name
        definition = cast("Mapping[str, Json]", self._definitions[resolved])
        if namespace and "namespace" not in definition and "." not in str(definition["name"]):
            definition = {**definition, "namespace": ""}  # else it would inherit the namespace it lands in
        return self._object(definition, "")

    def _object(self, value: Mapping[str, Json], namespace: str) -> Json:
        kind = value.get("type")
        if kind in NAMED:
            name = defined_name(value, namespace)
            if name in self._seen:  # nested in a file of its own, and already inlined from there
                return name
            self._seen.add(name)
            inner = namespace_of(name)
            fields = [self._field(each, inner) for each in _fields(value)]
            return {**value, "fields": fields} if kind in RECORDS else value
        if kind in {"array", "map"}:
            key = "items" if kind == "array" else "values"
            return {**value, key: self.inline(value[key], namespace)}
        if kind in PRIMITIVES:
            return value
        return self.inline(kind, namespace)  # {"type": "some.Name"} or a needless wrapping

    def _field(self, field: Mapping[str, Json], namespace: str) -> Json:
        return {**field, "type": self.inline(field["type"], namespace)}


def _fields(definition: Mapping[str, Json]) -> Sequence[Mapping[str, Json]]:
    """Return the fields of a definition; on an enum or a fixed an attribute of that name is somebody's own."""
    return cast("Sequence[Mapping[str, Json]]", definition["fields"]) if definition["type"] in RECORDS else ()


def with_references(value: Json, elsewhere: Collection[str], namespace: str = "") -> Json:
    """Return self-contained JSON with the definitions of types that are defined `elsewhere` left out, their names in place."""
    if isinstance(value, Mapping):
        kind = value.get("type")
        if kind in NAMED:
            name = defined_name(value, namespace)
            if name in elsewhere:
                return name
            fields = [
                {**each, "type": with_references(each["type"], elsewhere, namespace_of(name))}
                for each in _fields(value)
            ]
            return {**value, "fields": fields} if kind in RECORDS else value
        if kind in {"array", "map"}:
            key = "items" if kind == "array" else "values"
            return {**value, key: with_references(value[key], elsewhere, namespace)}
        return value
    if isinstance(value, list):
        return [with_references(branch, elsewhere, namespace) for branch in value]
    return value


def references(value: Json, namespace: str = "") -> tuple[str, ...]:
    """Return the full names that `value` uses and does not define, in the order of first use."""
    defined: set[str] = set()
    used: dict[str, None] = {}
    for is_definition, name in _names(value, namespace):
        if is_definition:
            defined.add(name)
        else:
            used[name] = None
    return tuple(name for name in used if name not in defined)


def definitions_in(value: Json, namespace: str = "") -> tuple[str, ...]:
    """Return the full names of the types that `value` defines, outermost first."""
    return tuple(name for is_definition, name in _names(value, namespace) if is_definition)


def collect_definitions(value: Json, into: dict[str, Json], namespace: str = "") -> None:
    """Put the JSON of every type that `value` defines into `into`, by full name, its namespace written out.

    A type that is there already stays as it is.
    """
    if isinstance(value, list):
        for branch in value:
            collect_definitions(branch, into, namespace)
    elif isinstance(value, Mapping):
        kind = value.get("type")
        if kind in NAMED:
            name = defined_name(value, namespace)
            inner = namespace_of(name)
            written_out = "." in str(value["name"]) or "namespace" in value
            into.setdefault(name, value if written_out else {**value, "namespace": inner})
            for each in _fields(value):
                collect_definitions(each["type"], into, inner)
        elif kind in {"array", "map"}:
            collect_definitions(value["items" if kind == "array" else "values"], into, namespace)
        elif not isinstance(kind, str):  # a needless wrapping, which our parser refuses and registries keep
            collect_definitions(kind, into, namespace)


def _names(value: Json, namespace: str) -> Iterable[tuple[bool, str]]:
    """Yield (whether it is a definition, full name) for every named type met."""
    if isinstance(value, str):
        if value not in PRIMITIVES:
            yield False, full_name(value, namespace)
    elif isinstance(value, Mapping):
        kind = value.get("type")
        if kind in NAMED:
            name = defined_name(value, namespace)
            yield True, name
            for each in _fields(value):
                yield from _names(each["type"], namespace_of(name))
        elif kind in {"array", "map"}:
            yield from _names(value["items" if kind == "array" else "values"], namespace)
        else:
            yield from _names(kind, namespace)
    elif isinstance(value, Sequence):
        for branch in value:
            yield from _names(branch, namespace)


def canonical_form(schema: Schema) -> str:
    """Return the Parsing Canonical Form (Avro 1.12, "Transforming into Parsing Canonical Form")."""
    return json.dumps(_canonical(schema.root, schema, set()), separators=(",", ":"), ensure_ascii=False)


def _canonical(node: Node, schema: Schema, seen: set[str]) -> Json:
    match node:
        case Primitive(type=kind):
            return kind
        case Array(items=items):
            return {"type": "array", "items": _canonical(items, schema, seen)}
        case Map(values=values):
            return {"type": "map", "values": _canonical(values, schema, seen)}
        case Union(branches=branches):
            return [_canonical(branch, schema, seen) for branch in branches]
        case Reference(name=name) if name in seen:
            return name
    definition = schema.definition(node)
    seen.add(definition.name)
    match definition:
        case Enum(name=name, symbols=symbols):
            return {"name": name, "type": "enum", "symbols": symbols}
        case Fixed(name=name, size=size):
            return {"name": name, "type": "fixed", "size": size}
    fields = [{"name": f.name, "type": _canonical(f.type, schema, seen)} for f in definition.fields]
    return {"name": definition.name, "type": "record", "fields": fields}


def fingerprint(schema: Schema) -> str:
    """Return the SHA-256 of the Parsing Canonical Form, 64 hexadecimal digits."""
    return hashlib.sha256(canonical_form(schema).encode()).hexdigest()


def compact(value: Json) -> str:
    """Return JSON text without needless white space, characters as they are."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def normal_form(value: Json, namespace: str = "", *, data_only: bool = False) -> Json:
    """Return self-contained JSON in one spelling: full names, sorted keys, no needless wrapping.

    Two texts with the same normal form are the same schema, documentation and defaults included. With `data_only`,
    what changes neither the bytes nor how others read them is left out: docs, aliases and an enum's default. Some
    registries do not tell versions apart that differ in these alone.
    """
    if isinstance(value, str):
        return value if value in PRIMITIVES else full_name(value, namespace)
    if not isinstance(value, Mapping):
        branches = value if isinstance(value, Sequence) else ()
        return [normal_form(each, namespace, data_only=data_only) for each in branches]
    kind = value.get("type")
    if kind in NAMED:
        return _normal_definition(value, namespace, data_only=data_only)
    if not isinstance(kind, str) or kind not in {*PRIMITIVES, "array", "map"} or len(value) == 1:
        return normal_form(kind, namespace, data_only=data_only)  # a needless wrapping
    keys = value.keys() & {"items", "values"}
    children = {key: normal_form(value[key], namespace, data_only=data_only) for key in keys}
    return dict(sorted({**value, **children}.items()))


def _normal_definition(value: Mapping[str, Json], namespace: str, *, data_only: bool) -> Json:
    name = defined_name(value, namespace)
    inner = namespace_of(name)
    left_out = ({"doc", "aliases"} if data_only else set()) | (
        {"default"} if data_only and "symbols" in value else set()
    )
    result = {**value, "name": simple_name(name), "namespace": inner}
    if "aliases" in value:
        result["aliases"] = [full_name(alias, inner) for alias in cast("Sequence[str]", value["aliases"])]
    if value["type"] in RECORDS:
        result["fields"] = [_normal_field(field, inner, data_only=data_only) for field in _fields(value)]
    return {key: result[key] for key in sorted(result) if key not in left_out}


def _normal_field(field: Mapping[str, Json], namespace: str, *, data_only: bool) -> Json:
    result = {**field, "type": normal_form(field["type"], namespace, data_only=data_only)}
    return {key: result[key] for key in sorted(result) if not (data_only and key in {"doc", "aliases"})}
