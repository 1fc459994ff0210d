"""The ways in which a value can be wrong: for each place in a datum, what may stand there that must be refused."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from codegen.avro.schema import MISSING, Array, Enum, Fixed, Map, Node, Primitive, Record, Reference, Schema, Union
from codegen.avro.spelling import kind_of
from codegen.python.showing import shown_key
from codegen.samples.data import Branch, Datum, as_json, branch_name


@dataclass(frozen=True, slots=True)
class Key:
    """A step into a map."""

    key: str


Step: TypeAlias = "str | int | Key | None"  # a record's field, a position in an array, a key of a map, a union's value
Steps: TypeAlias = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Slot:
    """A value within a datum: the way to it, its type, the value; in a union, the other branches."""

    steps: Steps
    node: Node
    value: Any
    others: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class WrongValue:
    """What to put in a value's place; `steps` leads on to the field that is at fault, where that is not the value."""

    value: Datum
    reason: str
    steps: Steps = ()


_INTEGER_RANGES: Final = {"int": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**63 - 1)}
_WRONG: Final[dict[str, tuple[Datum, ...]]] = {  # type -> what is of another
    "null": (0, "null", False),
    "boolean": (1, "true", None),
    "int": ("1", 1.5, True, None),
    "long": ("1", 1.5, True, None),
    "float": ("1.5", True, None),
    "double": ("1.5", True, None),
    "bytes": (5, "\u0100", None),
    "string": (5, None, ["a"]),
    "array": ({}, "a", None),
    "map": ([], "a", None),
    "record": (5, "a", None),
    "enum": (5, None),
    "fixed": (5, "\u0100", None),
}
_NEEDED: Final = {"null": "null", "int": "an int", "array": "an array", "enum": "a symbol", "bytes": "bytes"}


_NUMBERS: Final = frozenset({"int", "long", "float", "double"})
_TEXTS: Final = frozenset({"bytes", "string", "fixed", "enum"})


def slots(schema: Schema, node: Node, value: Any, steps: Steps = (), others: tuple[Node, ...] = ()) -> Iterator[Slot]:
    """Yield every value within a datum, the outer ones first."""
    yield Slot(steps, node, value, others)
    match node:
        case Array(items=items):
            for index, item in enumerate(value):
                yield from slots(schema, items, item, (*steps, index))
        case Map(values=values):
            for key, item in value.items():
                yield from slots(schema, values, item, (*steps, Key(key)))
        case Union(branches=branches):
            branch = next(each for each in branches if branch_name(each) == value.name)
            others = tuple(each for each in branches if each is not branch)
            yield from slots(schema, branch, value.value, (*steps, None), others)
        case Reference():
            definition = schema.definition(node)
            if isinstance(definition, Record):
                for field in definition.fields:
                    yield from slots(schema, field.type, value[field.name], (*steps, field.name))


def wrong_values(schema: Schema, slot: Slot) -> Iterator[WrongValue]:
    """Yield what may be put in a value's place so that the datum is wrong there.

    Within a union it looks like no other branch: many tools choose by shape, and would take it for that one.
    """
    shapes = {_shape_of(_kind(schema, each)) for each in slot.others}
    return (wrong for wrong in _wrong_values(schema, slot) if _shape(wrong.value) not in shapes)


def _wrong_values(schema: Schema, slot: Slot) -> Iterator[WrongValue]:
    node = slot.node
    if isinstance(node, Union):
        yield WrongValue(Branch("no.such.Type", 1), "the union has no branch no.such.Type")
        return
    kind = _kind(schema, node)
    for value in _WRONG[kind]:
        yield WrongValue(value, f"{_NEEDED.get(kind, f'a {kind}')} is needed, not {json.dumps(as_json(value))}")
    for number in _out_of_range(kind):
        yield WrongValue(number, f"{number} does not fit {kind}")
    if isinstance(node, Reference):
        yield from _named(schema, node, slot.value)


def _shape_of(kind: str) -> str:
    if kind in _NUMBERS:
        return "number"
    return "text" if kind in _TEXTS else {"record": "map"}.get(kind, kind)


def _shape(value: Datum) -> str:
    match value:
        case None | bool():
            return "null" if value is None else "boolean"
        case int() | float():
            return "number"
        case list() | dict():
            return "array" if isinstance(value, list) else "map"
    return "text"


def replaced(datum: Any, steps: Steps, value: Datum) -> Datum:
    """Return a datum with another value where the steps lead."""
    if not steps:
        return value
    match steps[0]:
        case None:
            return Branch(datum.name, replaced(datum.value, steps[1:], value))
        case int(index):
            return [replaced(item, steps[1:], value) if at == index else item for at, item in enumerate(datum)]
        case str(name) | Key(key=name):
            return {**datum, name: replaced(datum[name], steps[1:], value)}


def path_text(steps: Sequence[Step]) -> str:
    """Return a path as errors name it: `lines[2].quantity`, `attributes["colour"]`."""
    return "".join(_step_text(step) for step in steps).lstrip(".")


def _step_text(step: Step) -> str:
    match step:
        case int():
            return f"[{step}]"
        case Key(key=key):
            return f"[{shown_key(key)}]"
        case None:
            return ""
    return f".{step}"


def _out_of_range(kind: str) -> tuple[int, ...]:
    low, high = _INTEGER_RANGES.get(kind, (None, None))
    return () if low is None or high is None else (low - 1, high + 1)


def _named(schema: Schema, node: Reference, value: Any) -> Iterator[WrongValue]:
    match schema.definition(node):
        case Enum(symbols=symbols):
            unknown = max(symbols, key=len) + "_"
            yield WrongValue(unknown, f"{node.name} has no symbol {unknown!r}")
        case Fixed(size=size):
            yield WrongValue(value + b"\x00", f"{size} bytes are needed, not {size + 1}")
            if size:
                yield WrongValue(value[:-1], f"{size} bytes are needed, not {size - 1}")
        case Record(fields=fields):
            for field in fields:
                if field.default is MISSING and not _is_nullable(field.type):  # many would fill these in
                    rest = {key: item for key, item in value.items() if key != field.name}
                    yield WrongValue(rest, f"field {field.name!r} is missing", (field.name,))


def _is_nullable(node: Node) -> bool:
    branches = node.branches if isinstance(node, Union) else (node,)
    return any(isinstance(branch, Primitive) and branch.type == "null" for branch in branches)


def _kind(schema: Schema, node: Node) -> str:
    return kind_of(schema.definition(node) if isinstance(node, Reference) else node)
