"""Random schemas as models: a `Model` has its types in one table, named in full, so that it is easily edited.

`render` writes it as people do: a type where it is used first, names short where they may be.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any, TypeAlias

import reference

from codegen.avro.parsing import parse_json
from codegen.avro.schema import PRIMITIVES, namespace_of, simple_name

Json: TypeAlias = Any
Slot: TypeAlias = tuple[Any, Any]  # a dict or list, and the key or position at which it holds a node

NAMES = ("A", "B", "C", "D")
NAMESPACES = ("n", "m", "n.o")
FIELDS = ("a", "b", "c", "d", "e", "f")
SYMBOLS = ("RED", "GREEN", "BLUE", "GREY")
LOGICAL = {
    "int": ("date", "time-millis", "no-such-type"),
    "long": (
        *("time-micros", "timestamp-millis", "timestamp-micros", "timestamp-nanos", "timestamp-milis"),
        *("local-timestamp-millis", "local-timestamp-micros", "local-timestamp-nanos"),
    ),
    "bytes": ("decimal", "decimal", "big-decimal", "uuid"),
    "string": ("uuid", "decimal"),
    "fixed": ("decimal", "uuid", "duration"),
}
DEPTH_MAX = 3
TYPES_MAX = 6


@dataclass
class Model:
    """A schema; `types` are JSON definitions by full name, whose own types are references in full."""

    root: Json
    types: dict[str, dict[str, Json]]
    namespaces: tuple[str, ...]


class Author:
    """Writes a model, and finds in it what may be edited."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.open: list[str] = []  # records that are being written
        namespaces = ("",) if random.random() < 0.2 else NAMESPACES
        self.model = Model("null", {}, namespaces)
        self.model.root = self.record(0) if random.random() < 0.85 else self.node(0, ends=False)
        self.repair()

    # --- writing

    def node(self, depth: int, *, ends: bool) -> Json:
        """Write a type; `ends`: it may be a record that is still being written, for this is not its only way on."""
        kinds = ["primitive"] * 6 + ["logical"] * 3
        kinds += [
            "array",
            "map",
            "union",
            "union",
            "union",
            "known",
            "known",
            "enum",
            "enum",
            "fixed",
            "fixed",
            "record",
            "record",
        ]
        kind = self.random.choice(kinds[: 9 if depth >= DEPTH_MAX else None])
        match kind:
            case "primitive":
                return self.random.choice(sorted(PRIMITIVES))
            case "logical":
                return self.logical(self.random.choice(("int", "long", "bytes", "string")))
            case "array":
                return {"type": "array", "items": self.node(depth + 1, ends=True)}
            case "map":
                return {"type": "map", "values": self.node(depth + 1, ends=True)}
            case "union":
                return self.union(depth)
        known = [name for name in self.model.types if ends or name not in self.open]
        if known and (kind == "known" or len(self.model.types) >= TYPES_MAX):
            return self.random.choice(known)
        return {"enum": self.enum, "fixed": self.fixed}.get(kind, self.record)(depth)

    def logical(self, kind: str) -> Json:
        """Write a type with a logical type, which may be one that is to be ignored."""
        node: dict[str, Json] = {"type": kind, "logicalType": self.random.choice(LOGICAL[kind])}
        if node["logicalType"] == "decimal":
            node |= {"precision": self.random.randint(2, 9), "scale": self.random.choice((0, 2, 3))}
        return node

    def union(self, depth: int) -> Json:
        """Write a union that has a branch with an end."""
        branches: list[Json] = [self.random.choice(("null", "null", "null", "int", "string", "double"))]
        branches += [self.node(depth + 1, ends=True) for _ in range(self.random.choice((1, 1, 1, 2, 3, 0)))]
        self.random.shuffle(branches)
        return unions_repaired(branches)

    def name(self) -> str:
        """Return a full name that is free; simple ones are alike in several namespaces."""
        names = [*NAMES, *(f"T{number}" for number in range(len(self.model.types) + 1))]
        free = [join(space, name) for name in names for space in self.model.namespaces]
        free = [name for name in free if name not in self.model.types][: len(NAMES) * len(NAMESPACES)]
        return self.random.choice(free)

    def define(self, definition: dict[str, Json]) -> str:
        """Put a definition into the table under a free name."""
        name = self.name()
        self.model.types[name] = {"type": definition.pop("type"), "name": name, **definition}
        return name

    def enum(self, _depth: int = 0) -> str:
        """Define an enum."""
        symbols = self.random.sample(SYMBOLS, self.random.randint(1, 4))
        default = {"default": self.random.choice(symbols)} if self.random.random() < 0.4 else {}
        return self.define({"type": "enum", "symbols": symbols, **default})

    def fixed(self, _depth: int = 0) -> str:
        """Define a fixed."""
        logical = self.logical("fixed") if self.random.random() < 0.6 else {}
        size = {"uuid": 16, "duration": 12, "decimal": 5}.get(logical.get("logicalType", ""), self.random.randint(0, 3))
        return self.define({**logical, "type": "fixed", "size": size})

    def record(self, depth: int = 0) -> str:
        """Define a record."""
        name = self.define({"type": "record", "fields": []})
        self.open.append(name)
        names = self.random.sample(FIELDS, self.random.choice((0, 1, 2, 2, 3, 3, 4)))
        self.model.types[name]["fields"] = [{"name": each, "type": self.node(depth + 1, ends=False)} for each in names]
        self.open.pop()
        for field in self.model.types[name]["fields"]:
            if self.random.random() < 0.4:
                field["default"] = None  # to be replaced by one that fits
        return name

    # --- defaults and unions that fit again

    def repair(self) -> None:
        """Make the model valid: no union twice in a union, defaults that fit their types."""
        for holder, key in slots(self.model):
            if isinstance(holder[key], list):
                holder[key] = unions_repaired(holder[key])
        bare = copy.deepcopy(self.model)
        for field in fields(bare):
            field.pop("default", None)
        schema = parse_json(render(bare, Random(0)))
        reachable = {name: self.model.types[name] for name in schema.types}
        self.model.types = {name: each for name, each in self.model.types.items() if name in reachable}
        for name, definition in schema.types.items():
            for field, parsed in zip(
                self.model.types[name].get("fields", ()), getattr(definition, "fields", ()), strict=True
            ):
                if "default" in field and not reference.fits(parsed.type, field["default"], schema):
                    self.renew_default(field)

    def renew_default(self, field: dict[str, Json]) -> None:
        """Give a field a new default, or none where none is found."""
        try:
            field["default"] = self.default(field["type"], 0)
        except LookupError:
            del field["default"]

    def default(self, node: Json, depth: int) -> Json:
        """Return a default for a type, every field of a record included; raise LookupError where it nests too deeply."""
        if isinstance(node, list):
            branches = node if self.random.random() < 0.3 else node[:1]
            return self.default(self.random.choice(branches), depth + 1)
        if depth > 4:
            raise LookupError
        if isinstance(node, str) and node in self.model.types:
            return self.default(self.model.types[node], depth)
        shape: Any = node
        match kind_of(node):
            case "array":
                return [self.default(shape["items"], depth + 2) for _ in range(self.random.choice((0, 0, 2)))]
            case "map":
                return {"k": self.default(shape["values"], depth + 2)} if self.random.random() < 0.3 else {}
            case "record":
                return {field["name"]: self.default(field["type"], depth + 1) for field in shape["fields"]}
            case "enum":
                return self.random.choice(shape["symbols"])
            case "fixed":
                return "".join(self.random.choices("\x00\x01az\xff", k=shape["size"]))
        if not isinstance(shape, str) and shape["type"] in _LEGAL:
            return self.random.choice(_LEGAL[shape["type"]])
        return self.random.choice(_DEFAULTS[kind_of(node)])

    # --- editing

    def pick(self, *kinds: str) -> dict[str, Json] | None:
        """Return a definition of one of these kinds."""
        found = [each for each in self.model.types.values() if each["type"] in kinds]
        return self.random.choice(found) if found else None

    def slot(self, *kinds: str) -> Slot | None:
        """Return a place of a type of one of these kinds."""
        found = [(holder, key) for holder, key in slots(self.model) if kind_of(holder[key]) in kinds]
        return self.random.choice(found) if found else None

    def renamed(self, old: str, new: str) -> None:
        """Rename a type everywhere."""
        self.model.types = {new if name == old else name: each for name, each in self.model.types.items()}
        self.model.types[new]["name"] = new
        for holder, key in slots(self.model):
            if holder[key] == old:
                holder[key] = new


_LEGAL: dict[str, tuple[Json, ...]] = {  # what every logical type on this type allows
    "int": (0, 1),
    "long": (0, 1),
    "bytes": ("\x02\x01\x00", "\x02\xff\x04"),
    "string": ("6f1c1e0e-6a63-4d4f-9d6b-3c7b6f8a9b10",),
}
_DEFAULTS: dict[str, tuple[Json, ...]] = {
    "null": (None,),
    "boolean": (True, False),
    "int": (0, -1, 2**31 - 1),
    "long": (0, -(2**63)),
    "float": (0.5, 1, -2.0),
    "double": (0.1, 3, -1e30),
    "bytes": ("", "\x00ÿ", "a"),
    "string": ("", "aü€"),
}


def kind_of(node: Json) -> str:
    """Return a primitive's type, a full name, "union", or what kind of object a node is."""
    if isinstance(node, str):
        return node
    return "union" if isinstance(node, list) else str(node["type"])


def join(namespace: str, name: str) -> str:
    """Return a full name."""
    return f"{namespace}.{name}" if namespace else name


def fields(model: Model) -> Iterator[dict[str, Json]]:
    """Yield the fields of all records."""
    for definition in model.types.values():
        yield from definition.get("fields", ())


def slots(model: Model) -> Iterator[Slot]:
    """Yield where nodes stand, the outer ones first."""
    holder = vars(model)
    yield from _slots(holder, "root")
    for field in fields(model):
        yield from _slots(field, "type")


def _slots(holder: Any, key: Any) -> Iterator[Slot]:
    yield holder, key
    node = holder[key]
    if isinstance(node, list):
        for position in range(len(node)):
            yield from _slots(node, position)
    elif isinstance(node, dict) and node["type"] in {"array", "map"}:
        yield from _slots(node, "items" if node["type"] == "array" else "values")


def unions_repaired(branches: list[Json]) -> list[Json]:
    """Return the branches without unions among them, and none twice."""
    flat = [each for branch in branches for each in (unions_repaired(branch) if isinstance(branch, list) else [branch])]
    return list({kind_of(each): each for each in reversed(flat)}.values())[::-1]


def render(model: Model, random: Random) -> Json:
    """Return a model as JSON, each type defined where it is used first, names short where they may be."""
    return _Renderer(model, random).node(model.root, "")


class _Renderer:
    def __init__(self, model: Model, random: Random) -> None:
        self.model = model
        self.random = random
        self.defined: set[str] = set()

    def node(self, node: Json, namespace: str) -> Json:
        if isinstance(node, list):
            return [self.node(branch, namespace) for branch in node]
        if isinstance(node, dict):
            return {k: self.node(v, namespace) if k in {"items", "values"} else v for k, v in node.items()}
        if node not in self.model.types:
            return node
        if node in self.defined:
            return self.short(node, namespace)
        self.defined.add(node)
        return self.definition(self.model.types[node], namespace)

    def definition(self, definition: dict[str, Json], namespace: str) -> Json:
        own = namespace_of(definition["name"])
        rendered = {**definition, "name": self.short(definition["name"], namespace)}
        if "." in rendered["name"] and self.random.random() < 0.5:
            rendered |= {"name": simple_name(definition["name"]), "namespace": own}
        if "aliases" in definition:
            rendered["aliases"] = [self.short(alias, own) for alias in definition["aliases"]]
        if "fields" in definition:
            rendered["fields"] = [self.field(field, own) for field in definition["fields"]]
        return rendered

    def field(self, field: dict[str, Json], namespace: str) -> Json:
        rendered = {**field, "type": self.node(field["type"], namespace)}
        definition = self.model.types.get(str(field["type"]))
        if isinstance(field.get("default"), dict) and definition:  # a record's: fields with a default may be left out
            optional = {each["name"] for each in definition["fields"] if isinstance(each.get("default", []), str | int)}
            optional = {name for name in optional if self.random.random() < 0.4}
            rendered["default"] = {key: value for key, value in field["default"].items() if key not in optional}
        return rendered

    def short(self, name: str, namespace: str) -> str:
        """Return the name, without its namespace where that is in force and chance will."""
        if namespace_of(name) == namespace and self.random.random() < 0.7:
            return simple_name(name)
        return name
