"""JSON to schemas (Avro 1.12, "Schema Declaration", "Names"): what is invalid is refused with its place, nothing else is.

A text may use what it has defined before, depth first and from left to right. One parser may read several texts, which
may refer to each other in any order; `finish` looks at what can only be judged when all of them are there.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Final, NamedTuple, cast

from codegen.avro.defaults import why_not
from codegen.avro.json_text import Json, Pointer, locate, read_json
from codegen.avro.logical_types import logical_type
from codegen.avro.schema import (
    MISSING,
    NAMED,
    PRIMITIVES,
    Array,
    Definition,
    Enum,
    Field,
    Fixed,
    Map,
    Missing,
    Node,
    Primitive,
    PrimitiveType,
    Record,
    Reference,
    Schema,
    Union,
    full_name,
    namespace_of,
    simple_name,
)
from codegen.avro.spelling import kind_of
from codegen.errors import SchemaError

SIMPLE_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
ORDERS: Final = frozenset({"ascending", "descending", "ignore"})


def parse(text: str) -> Schema:
    """Parse a self-contained schema; raise SchemaError with the place of the first fault."""
    try:
        return parse_json(read_json(text))
    except SchemaError as error:
        if error.position is None:
            error.position = locate(text, error.pointer)
        raise


def parse_json(value: Json) -> Schema:
    """Parse a self-contained schema that is JSON values already; raise SchemaError with a pointer to the first fault."""
    parser = Parser()
    root = parser.read(value)
    parser.finish()
    return Schema(root, parser.types)


def defined_name(value: Mapping[str, Json], namespace: str) -> str:
    """Return the full name of a definition: a dotted name is complete, else `namespace` (its own or the enclosing)."""
    name, own = value.get("name"), value.get("namespace", namespace)
    if not isinstance(name, str):
        raise SchemaError("a named type needs a name", pointer=_if_there(value, "name"))
    if not isinstance(own, str):
        raise SchemaError("'namespace' is a string", pointer=("namespace",))
    return full_name(name, own)


@dataclass(frozen=True, slots=True)
class _At:
    """Where the parser is: in names for people, as a pointer for programs, and which namespace is in force."""

    type_name: str  # of the outermost definition
    path: str
    pointer: Pointer
    namespace: str
    source: str

    def inside(self, *steps: str | int, path: str = "") -> "_At":
        return _At(self.type_name, self.path + path, self.pointer + steps, self.namespace, self.source)

    def fault(self, reason: str, *steps: str | int, rule: str = "INVALID_SCHEMA") -> SchemaError:
        return SchemaError(
            reason,
            type_name=self.type_name,
            path=self.path.lstrip("."),
            pointer=self.pointer + steps,
            source=self.source,
            rule=rule,
        )


class Origin(NamedTuple):
    """Where a definition stands: in which text, as the parser was told, and where in it."""

    name: str
    pointer: Pointer


class _Use(NamedTuple):
    name: str
    at: _At


class _Default(NamedTuple):
    node: Node
    value: Json
    at: _At


class Parser:
    """Reads definitions into one table; several texts may be read by one parser and refer to each other."""

    def __init__(self) -> None:
        self.types: dict[str, Definition] = {}
        self._uses: list[_Use] = []  # of names that no text has defined so far
        self._defaults: list[_Default] = []
        self._begun_here: set[str] = set()  # names whose definitions, in the text being read, are read or being read
        self.places: dict[str, Origin] = {}
        self._failed: set[str] = set()  # names that texts with a fault would have defined
        self.copies: list[SchemaError] = []  # definitions that another text has word for word

    def read(self, value: Json, source: str = "") -> Node:
        """Read one text, which faults name as `source`; raise SchemaError for its first fault, and leave it out then."""
        uses, defaults, copies, self._begun_here = len(self._uses), len(self._defaults), len(self.copies), set()
        try:
            node = self._node(value, _At("", "", (), "", source))
            self._refuse_use_before_definition(self._uses[uses:])
        except RecursionError:
            error = SchemaError("nested too deeply", source=source)
        except SchemaError as found:
            error = found
        else:
            return node
        del self._uses[uses:], self._defaults[defaults:], self.copies[copies:]
        self._failed |= self._begun_here
        for name in self._begun_here:
            if name not in self.places or self.places[name].name == source:
                self.types.pop(name, None)
                self.places.pop(name, None)
        raise error from None

    def finish(self) -> None:
        """Raise SchemaError for the first name that nothing defines, or default that does not fit its type."""
        for fault in self.unfinished():
            raise fault

    def unfinished(self) -> list[SchemaError]:
        """Return a fault for every name that nothing defines and every default that does not fit its type."""
        unknown = [use for use in self._uses if use.name not in self.types and use.name not in self._failed]
        faults = [use.at.fault(self._unknown(use.name), rule="UNRESOLVED_REFERENCE") for use in unknown]
        for default in self._defaults:
            reason = _why_not(default, self.types)
            if reason is not None:
                faults.append(
                    default.at.fault(f"default {json.dumps(default.value)} does not fit: {reason}", "default")
                )
        return faults

    def lend(self, types: Mapping[str, Definition]) -> None:
        """Take these definitions for names that no text has defined."""
        self.types = {**types, **self.types}

    def _unknown(self, name: str) -> str:
        """Say that a type is unknown, and which one may be meant."""
        namesakes = [each for each in self.types if simple_name(each) == simple_name(name)]
        near = namesakes or get_close_matches(name, self.types, n=1, cutoff=0.75)
        near = near or get_close_matches(simple_name(name), PRIMITIVES, n=1, cutoff=0.75)
        return f"unknown type {name!r}" + (f"; is it {near[0]!r}?" if near else "")

    def _refuse_use_before_definition(self, uses: Sequence[_Use]) -> None:
        for use in uses:
            if use.name in self._begun_here:
                raise use.at.fault(f"{use.name!r} is used before it is defined", rule="UNRESOLVED_REFERENCE")

    def _node(self, value: Json, at: _At) -> Node:
        if isinstance(value, str):
            return self._name(value, at)
        if isinstance(value, Mapping):
            return self._declared(value, at)
        if isinstance(value, Sequence):
            return self._union(value, at)
        raise at.fault(f"a schema is a name, an object or a list, not {json.dumps(value)}")

    def _name(self, name: str, at: _At) -> Node:
        if name in PRIMITIVES:
            return Primitive(cast("PrimitiveType", name))
        resolved = full_name(name, at.namespace)
        _check_name(resolved, at)
        if resolved not in self.types and resolved not in self._begun_here:
            self._uses.append(_Use(resolved, at))
        return Reference(resolved)

    def _union(self, values: Sequence[Json], at: _At) -> Union:
        branches = tuple(self._node(value, at.inside(number)) for number, value in enumerate(values))
        kinds = set()
        for number, (kind, name) in enumerate(map(_union_key, branches)):
            if kind is Union:
                raise at.fault("a union may not directly contain a union", number)
            if (kind, name) in kinds:
                raise at.fault(f"a union may not contain {name!r} twice", number)
            kinds.add((kind, name))
        return Union(branches)

    def _declared(self, value: Mapping[str, Json], at: _At) -> Node:
        kind = value.get("type")
        if not isinstance(kind, str):
            raise at.fault("a schema object needs a type, which is a name", *_if_there(value, "type"))
        if kind in PRIMITIVES:
            return Primitive(cast("PrimitiveType", kind), logical_type(value, kind))
        if kind == "array":
            return Array(self._node(_required(value, "items", at), at.inside("items", path="[]")))
        if kind == "map":
            return Map(self._node(_required(value, "values", at), at.inside("values", path="{}")))
        if kind in NAMED:
            return self._definition(kind, value, at)
        return self._name(kind, at.inside("type"))

    def _definition(self, kind: str, value: Mapping[str, Json], at: _At) -> Reference:
        try:
            name = defined_name(value, at.namespace)
        except SchemaError as error:
            raise at.fault(error.reason, *error.pointer) from None
        at = replace(at, type_name=at.type_name or name, namespace=namespace_of(name))
        _check_name(name, at.inside("name" if not _is_name(str(value["name"])) else "namespace"))
        if simple_name(name) in PRIMITIVES:
            raise at.fault(f"a type may not be named {simple_name(name)!r}", "name")
        if name in self._begun_here:
            raise at.fault(f"{name!r} is defined twice", "name", rule="DUPLICATE_DEFINITION")
        known = self.types.get(name)
        self._begun_here.add(name)
        read: Mapping[str, Callable[[str, Mapping[str, Json], _At], Definition]]
        read = {"enum": _enum, "fixed": _fixed}
        definition = read.get(kind, self._record)(name, value, at)
        if known is None:
            self.types[name] = definition
            self.places[name] = Origin(at.source, at.pointer)
        elif definition == known:
            self.copies.append(
                at.fault(
                    f"{name!r} is defined in {self.places[name].name} as well", "name", rule="DUPLICATE_DEFINITION"
                )
            )
        else:
            raise at.fault(
                f"{name!r} is defined otherwise in {self.places[name].name}", "name", rule="DUPLICATE_DEFINITION"
            )
        return Reference(name)

    def _record(self, name: str, value: Mapping[str, Json], at: _At) -> Record:
        items = value.get("fields")
        if not isinstance(items, Sequence) or isinstance(items, str):
            raise at.fault("a record needs a list of fields", *_if_there(value, "fields"))
        fields: dict[str, Field] = {}
        for number, item in enumerate(items):
            field = self._field(item, at.inside("fields", number))
            if field.name in fields:
                raise at.fault(f"two fields are named {field.name!r}", "fields", number, "name")
            fields[field.name] = field
        return Record(name, tuple(fields.values()), _aliases(value, at), _doc(value, at))

    def _field(self, value: Json, at: _At) -> Field:
        name = value.get("name") if isinstance(value, Mapping) else None
        if not isinstance(value, Mapping) or not isinstance(name, str):
            named = isinstance(value, Mapping) and "name" in value
            raise at.fault("a field is an object with a name and a type", *(("name",) if named else ()))
        if not SIMPLE_NAME.match(name):
            raise at.fault(f"{name!r} is no name for a field", "name")
        at = at.inside(path=f".{name}")
        node = self._node(_required(value, "type", at), at.inside("type"))
        default: Json | Missing = value.get("default", MISSING)
        if not isinstance(default, Missing):
            self._defaults.append(_Default(node, default, at))
        order = value.get("order", "ascending")
        if not isinstance(order, str) or order not in ORDERS:
            raise at.fault(f"'order' is one of {', '.join(sorted(ORDERS))}", "order")
        return Field(name, node, default, _strings(value, "aliases", at), _doc(value, at))


def _why_not(default: _Default, types: Mapping[str, Definition]) -> str | None:
    try:
        return why_not(default.value, default.node, types)
    except RecursionError:
        return "it leads through too many other defaults"


def _enum(name: str, value: Mapping[str, Json], at: _At) -> Enum:
    symbols = _strings(_with(value, "symbols", at), "symbols", at)
    seen = set()
    for number, symbol in enumerate(symbols):
        if not SIMPLE_NAME.match(symbol):
            raise at.fault(f"{symbol!r} is no name for a symbol", "symbols", number)
        if symbol in seen:
            raise at.fault(f"symbol {symbol!r} stands twice", "symbols", number)
        seen.add(symbol)
    default = value.get("default", MISSING)
    if isinstance(default, Missing):
        return Enum(name, symbols, None, _aliases(value, at), _doc(value, at))
    if not isinstance(default, str) or default not in symbols:
        raise at.fault(f"default {json.dumps(default)} is none of the symbols", "default")
    return Enum(name, symbols, default, _aliases(value, at), _doc(value, at))


def _fixed(name: str, value: Mapping[str, Json], at: _At) -> Fixed:
    size = value.get("size")
    if type(size) is not int or size < 0:
        raise at.fault("a fixed needs a size of 0 or more", *_if_there(value, "size"))
    return Fixed(name, size, logical_type(value, "fixed", size), _aliases(value, at), _doc(value, at))


def _union_key(node: Node) -> tuple[type[Node], str]:
    """Return what a union may have once only; a record may be named `array`."""
    match node:
        case Primitive(type=name) | Reference(name=name):
            return type(node), name
        case _:
            return type(node), kind_of(node)


def _required(value: Mapping[str, Json], key: str, at: _At) -> Json:
    return _with(value, key, at)[key]


def _with(value: Mapping[str, Json], key: str, at: _At) -> Mapping[str, Json]:
    if key not in value:
        raise at.fault(f"{key!r} is missing")
    return value


def _strings(value: Mapping[str, Json], key: str, at: _At) -> tuple[str, ...]:
    items = value.get(key, ())
    if isinstance(items, str) or not isinstance(items, Sequence):
        raise at.fault(f"{key!r} is a list of strings", key)
    for number, item in enumerate(items):
        if not isinstance(item, str):
            raise at.fault(f"{key!r} is a list of strings", key, number)
    return tuple(cast("Sequence[str]", items))


def _aliases(value: Mapping[str, Json], at: _At) -> tuple[str, ...]:
    return tuple(full_name(alias, at.namespace) for alias in _strings(value, "aliases", at))


def _doc(value: Mapping[str, Json], at: _At) -> str | None:
    doc = value.get("doc", "")
    if not isinstance(doc, str):
        raise at.fault("'doc' is a string", "doc")
    return doc if "doc" in value else None


def _if_there(value: Mapping[str, Json], key: str) -> Pointer:
    return (key,) if key in value else ()


def _is_name(name: str) -> bool:
    return all(SIMPLE_NAME.match(part) for part in name.split("."))


def _check_name(name: str, at: _At) -> None:
    if not _is_name(name):
        raise at.fault(f"{name!r} is not a name: letters, digits and underscores, parts joined by dots")
