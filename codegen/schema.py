"""Avro schemas as values: JSON in, frozen nodes out (Avro 1.12, "Schema Declaration").

Every use of a named type is a `Reference`; the definitions stand once in `Schema.types`, by full name. So a node
is never cyclic, a schema spread over files is one table, and recursion needs no special case.
A logical type that does not fit its type is ignored, as the specification demands.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias, cast

from codegen.errors import SchemaError

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
PrimitiveType = Literal["null", "boolean", "int", "long", "float", "double", "bytes", "string"]

PRIMITIVES: Final = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
NAMED: Final = frozenset({"record", "error", "enum", "fixed"})
LOGICAL_TYPES: Final[Mapping[str, frozenset[str]]] = {  # logical type -> the types it may stand on
    "decimal": frozenset({"bytes", "fixed"}),
    "uuid": frozenset({"string", "fixed"}),
    "date": frozenset({"int"}),
    "time-millis": frozenset({"int"}),
    "time-micros": frozenset({"long"}),
    "timestamp-millis": frozenset({"long"}),
    "timestamp-micros": frozenset({"long"}),
    "timestamp-nanos": frozenset({"long"}),
    "local-timestamp-millis": frozenset({"long"}),
    "local-timestamp-micros": frozenset({"long"}),
    "local-timestamp-nanos": frozenset({"long"}),
    "duration": frozenset({"fixed"}),
}
SIMPLE_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


class Missing:
    """A field's default where there is none (null is a default)."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing()


@dataclass(frozen=True, slots=True)
class Logical:
    """A logical type; precision and scale belong to decimals only."""

    name: str
    precision: int = 0
    scale: int = 0


@dataclass(frozen=True, slots=True)
class Primitive:
    """One of the eight primitive types, possibly with a logical type."""

    type: PrimitiveType
    logical: Logical | None = None


@dataclass(frozen=True, slots=True)
class Array:
    """A list of items of one type."""

    items: "Node"


@dataclass(frozen=True, slots=True)
class Map:
    """Values of one type by string keys."""

    values: "Node"


@dataclass(frozen=True, slots=True)
class Union:
    """One of several types; the datum says which by its position."""

    branches: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """A use of the named type with this full name."""

    name: str


Node: TypeAlias = Primitive | Array | Map | Union | Reference


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a record; `default` is JSON as written, or MISSING."""

    name: str
    type: Node
    default: "Json | Missing" = MISSING
    aliases: tuple[str, ...] = ()
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A record definition; aliases are full names."""

    name: str
    fields: tuple[Field, ...]
    aliases: tuple[str, ...] = ()
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class Enum:
    """An enum definition; `default` is the symbol a reader takes for one it does not know."""

    name: str
    symbols: tuple[str, ...]
    default: str | None = None
    aliases: tuple[str, ...] = ()
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class Fixed:
    """A definition of a byte string of fixed size."""

    name: str
    size: int
    logical: Logical | None = None
    aliases: tuple[str, ...] = ()
    doc: str | None = None


Definition: TypeAlias = Record | Enum | Fixed


@dataclass(frozen=True, slots=True)
class Schema:
    """A node and the definitions of all named types it uses, by full name."""

    root: Node
    types: Mapping[str, Definition] = field(default_factory=dict)

    def definition(self, node: Reference) -> Definition:
        """Return the named type that `node` stands for."""
        return self.types[node.name]


def parse(text: str) -> Schema:
    """Parse a self-contained schema; raise SchemaError with the place of the first fault."""
    parser = Parser()
    root = parser.node(read_json(text), "", "")
    parser.check_references()
    return Schema(root, parser.types)


def read_json(text: str) -> Json:
    """Parse JSON, refusing what json.loads accepts beyond it (duplicate keys, NaN)."""
    try:
        return cast("Json", json.loads(text, object_pairs_hook=_object, parse_constant=_constant))
    except (json.JSONDecodeError, RecursionError) as error:
        raise SchemaError(f"not JSON: {error}") from error


def _object(pairs: list[tuple[str, Json]]) -> Json:
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        raise SchemaError(f"duplicate key {next(n for n in names if names.count(n) > 1)!r}")
    return value


def _constant(name: str) -> Json:
    raise SchemaError(f"not JSON: {name}")


def namespace_of(full_name: str) -> str:
    """Return the part of a full name before its last dot, empty where it has none."""
    return full_name.rpartition(".")[0]


def simple_name(full_name: str) -> str:
    """Return the part of a full name after its last dot."""
    return full_name.rpartition(".")[2]


def full_name(name: str, namespace: str) -> str:
    """Return the full name of `name` used where `namespace` is in force."""
    return name if "." in name or not namespace else f"{namespace}.{name}"


def defined_name(value: Mapping[str, Json], namespace: str) -> str:
    """Return the full name of a definition: a dotted name is complete, else `namespace` (its own or the enclosing)."""
    name, own = value.get("name"), value.get("namespace")
    if not isinstance(name, str):
        raise SchemaError("a named type needs a name")
    return full_name(name, own if isinstance(own, str) else namespace)


class Parser:
    """Reads definitions into one table; several files may be read by one parser and refer to each other."""

    def __init__(self) -> None:
        self.types: dict[str, Definition] = {}
        self._open: set[str] = set()  # names whose definitions are being read
        self._uses: list[tuple[str, str]] = []  # (full name, path) of every use

    def node(self, value: Json, namespace: str, path: str) -> Node:
        """Read a schema; `path` says where it stands, for errors."""
        if isinstance(value, str):
            return self._name(value, namespace, path)
        if isinstance(value, Mapping):
            return self._declared(value, namespace, path)
        if isinstance(value, Sequence):
            return self._union(value, namespace, path)
        raise _fault(path, f"a schema is a name, an object or a list, not {json.dumps(value)}")

    def check_references(self) -> None:
        """Raise SchemaError if a name is used that is defined nowhere."""
        for name, path in self._uses:
            if name not in self.types:
                raise _fault(path, f"unknown type {name!r}")

    def _name(self, name: str, namespace: str, path: str) -> Node:
        if name in PRIMITIVES:
            return Primitive(cast("PrimitiveType", name))
        resolved = full_name(name, namespace)
        _check_name(resolved, path)
        self._uses.append((resolved, path))
        return Reference(resolved)

    def _union(self, values: Sequence[Json], namespace: str, path: str) -> Union:
        branches = tuple(self.node(value, namespace, path) for value in values)
        if not branches:
            raise _fault(path, "a union needs at least one branch")
        kinds = [_union_key(branch) for branch in branches]
        for kind in kinds:
            if kind == "union":
                raise _fault(path, "a union may not directly contain a union")
            if kinds.count(kind) > 1:
                raise _fault(path, f"a union may not contain {kind!r} twice")
        return Union(branches)

    def _declared(self, value: Mapping[str, Json], namespace: str, path: str) -> Node:
        kind = value.get("type")
        if isinstance(kind, Mapping | list):  # {"type": {"type": ...}}: an allowed, needless wrapping
            return self.node(kind, namespace, path)
        if not isinstance(kind, str):
            raise _fault(path, "a schema object needs a type")
        if kind in PRIMITIVES:
            return Primitive(cast("PrimitiveType", kind), _logical(value, kind, path))
        if kind == "array":
            return Array(self.node(_required(value, "items", path), namespace, f"{path}[]"))
        if kind == "map":
            return Map(self.node(_required(value, "values", path), namespace, f"{path}{{}}"))
        if kind in NAMED:
            return self._definition(kind, value, namespace, path)
        return self._name(kind, namespace, path)

    def _definition(self, kind: str, value: Mapping[str, Json], namespace: str, path: str) -> Reference:
        try:
            name = defined_name(value, namespace)
        except SchemaError as error:
            raise _fault(path, str(error)) from None
        path = path or name
        _check_name(name, path)
        if simple_name(name) in PRIMITIVES:
            raise _fault(path, f"a type may not be named {simple_name(name)!r}")
        if name in self.types or name in self._open:
            raise _fault(path, f"{name!r} is defined twice")
        self._open.add(name)
        read: Mapping[str, Callable[[str, Mapping[str, Json], str], Definition]]
        read = {"enum": self._enum, "fixed": self._fixed}
        self.types[name] = read.get(kind, self._record)(name, value, path)
        return Reference(name)

    def _record(self, name: str, value: Mapping[str, Json], path: str) -> Record:
        items = value.get("fields")
        if not isinstance(items, Sequence) or isinstance(items, str):
            raise _fault(path, "a record needs a list of fields")
        fields = tuple(self._field(item, namespace_of(name), path) for item in items)
        names = [each.name for each in fields]
        for each in names:
            if names.count(each) > 1:
                raise _fault(path, f"two fields are named {each!r}")
        return Record(name, fields, _aliases(value, namespace_of(name), path), _doc(value, path))

    def _field(self, value: Json, namespace: str, record_path: str) -> Field:
        if not isinstance(value, Mapping) or not isinstance(value.get("name"), str):
            raise _fault(record_path, "a field is an object with a name and a type")
        name = cast("str", value["name"])
        path = f"{record_path}.{name}"
        if not SIMPLE_NAME.match(name):
            raise _fault(record_path, f"{name!r} is no name for a field")
        node = self.node(_required(value, "type", path), namespace, path)
        aliases = _strings(value, "aliases", path)
        return Field(name, node, value.get("default", MISSING), aliases, _doc(value, path))

    def _enum(self, name: str, value: Mapping[str, Json], path: str) -> Enum:
        symbols = _strings(value, "symbols", path)
        if not symbols:
            raise _fault(path, "an enum needs at least one symbol")
        for symbol in symbols:
            if not SIMPLE_NAME.match(symbol):
                raise _fault(path, f"{symbol!r} is no name for a symbol")
            if symbols.count(symbol) > 1:
                raise _fault(path, f"symbol {symbol!r} stands twice")
        default = value.get("default")
        if default is not None and (not isinstance(default, str) or default not in symbols):
            raise _fault(path, f"default {json.dumps(default)} is none of the symbols")
        return Enum(name, symbols, default, _aliases(value, namespace_of(name), path), _doc(value, path))

    def _fixed(self, name: str, value: Mapping[str, Json], path: str) -> Fixed:
        size = value.get("size")
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise _fault(path, "a fixed needs a size of 0 or more")
        logical = _logical(value, "fixed", path, size)
        return Fixed(name, size, logical, _aliases(value, namespace_of(name), path), _doc(value, path))


def _logical(value: Mapping[str, Json], kind: str, path: str, size: int | None = None) -> Logical | None:
    name = value.get("logicalType")
    if not isinstance(name, str) or kind not in LOGICAL_TYPES.get(name, ()):
        return None
    if (name == "uuid" and size not in {None, 16}) or (name == "duration" and size != 12):
        return None
    if name != "decimal":
        return Logical(name)
    precision, scale = value.get("precision"), value.get("scale", 0)
    if type(precision) is not int or type(scale) is not int or not 0 <= scale <= precision or precision < 1:
        raise _fault(path, "a decimal needs a precision of 1 or more and a scale between 0 and the precision")
    if size is not None and precision > _digits(size):
        raise _fault(path, f"{size} bytes hold no decimal of precision {precision}")
    return Logical(name, precision, scale)


def _digits(size: int) -> int:
    """Return how many decimal digits always fit into a two's complement number of `size` bytes."""
    return len(str(2 ** (8 * size - 1) - 1)) - 1 if size else 0


def _union_key(node: Node) -> str:
    match node:
        case Primitive(type=kind):
            return kind
        case Reference(name=name):
            return name
        case _:
            return type(node).__name__.lower()


def _required(value: Mapping[str, Json], key: str, path: str) -> Json:
    if key not in value:
        raise _fault(path, f"{key!r} is missing")
    return value[key]


def _strings(value: Mapping[str, Json], key: str, path: str) -> tuple[str, ...]:
    items = value.get(key, ())
    if isinstance(items, str) or not isinstance(items, Sequence) or not all(isinstance(i, str) for i in items):
        raise _fault(path, f"{key!r} is a list of strings")
    return tuple(cast("Sequence[str]", items))


def _aliases(value: Mapping[str, Json], namespace: str, path: str) -> tuple[str, ...]:
    return tuple(full_name(alias, namespace) for alias in _strings(value, "aliases", path))


def _doc(value: Mapping[str, Json], path: str) -> str | None:
    doc = value.get("doc")
    if doc is not None and not isinstance(doc, str):
        raise _fault(path, "'doc' is a string")
    return doc


def _check_name(name: str, path: str) -> None:
    if not all(SIMPLE_NAME.match(part) for part in name.split(".")):
        raise _fault(path, f"{name!r} is not a name: letters, digits and underscores, parts joined by dots")


def _fault(path: str, message: str) -> SchemaError:
    return SchemaError(f"{path}: {message}" if path else message)
