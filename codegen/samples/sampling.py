"""Data for a schema: valid ones that favour the edges, invalid ones with a single fault at a known place.

A datum holds underlying Avro values; a logical type shows only in what is drawn (a date is a day that there is).
Everything follows from the `Random` that is given.
"""

import difflib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, Literal, TypeVar

from codegen.avro.finite import ENDLESS, Heights, height, heights
from codegen.avro.schema import Array, Definition, Enum, Fixed, Map, Node, Primitive, Record, Reference, Schema, Union
from codegen.avro.schema_files import SchemaFolder
from codegen.errors import ContractsError, SchemaError
from codegen.samples import values as sampling_values
from codegen.samples.data import Branch, Datum, as_json, branch_name, encode
from codegen.samples.wrong_values import path_text, replaced, slots, wrong_values

Encoding = Literal["json", "hex"]
T = TypeVar("T")

RECURSION_MAX: Final = 2
"""How often a record may stand within itself before the shortest way out is taken."""
VALUES_MAX: Final = 200
"""Values of one datum after which the shortest way out is taken: lists of lists of records grow fast."""
SIZES: Final = (0, 1, 3)
"""How many items arrays and maps have."""


@dataclass(frozen=True, slots=True)
class Invalid:
    """A datum that must be refused, for the value at `path` (which reads like `lines[2].quantity`)."""

    datum: Datum
    path: str
    reason: str


def find(folder: SchemaFolder, name: str) -> Schema:
    """Return a folder's type by its full name, or by its simple name where only one type has it."""
    found = [full for full in folder.types if name in {full, full.rpartition(".")[2]}]
    if name in folder.types or len(found) == 1:
        return folder.schema(name if name in folder.types else found[0])
    if found:
        raise ContractsError(f"{name!r} may be {' or '.join(sorted(found))}: say which")
    alike = difflib.get_close_matches(name, folder.types, n=1, cutoff=0.5)
    raise ContractsError(f"no file defines {name!r}" + (f"; is it {alike[0]}?" if alike else ""))


def lines(
    schema: Schema, *, count: int, seed: int, invalid: bool = False, encoding: Encoding = "json"
) -> Iterator[str]:
    """Yield `count` data, a line each: in Avro's JSON encoding, or hexadecimal digits of the binary one.

    An invalid datum, which has no binary encoding, is an object of its path, the reason, and the datum itself.
    """
    if invalid and encoding == "hex":
        raise ContractsError("an invalid datum has no binary encoding: leave --encoding hex out")
    sampler = Sampler(schema, Random(seed), finite=encoding == "json")  # noqa: S311 - no secrets
    for _ in range(count):
        if invalid:
            bad = sampler.invalid()
            yield json.dumps({"path": bad.path, "reason": bad.reason, "datum": as_json(bad.datum)})
        else:
            datum = sampler.valid()
            yield json.dumps(as_json(datum)) if encoding == "json" else encode(schema, datum).hex()


class Sampler:
    """Draws data of one schema. At each place every branch, symbol and size has its turn before one has its second."""

    def __init__(
        self, schema: Schema, random: Random, *, finite: bool = True, recursion_max: int = RECURSION_MAX
    ) -> None:
        self._schema = schema
        self._random = random
        self._finite = finite
        self._recursion_max = recursion_max
        self._heights = heights(schema.types)
        self._turns: dict[tuple[str, str], list[int]] = {}  # place and kind of choice -> options that are still to come
        self._pending: set[tuple[str, str]] = set()  # choices whose first round is not over
        self._within: list[str] = []
        self._values = 0
        if not self._ends(schema.root):
            raise SchemaError(f"there is no datum of it: {_why_endless(schema, schema.root, self._heights)}")

    @property
    def covered(self) -> bool:
        """Whether every option of every choice that was met has been drawn."""
        return not self._pending

    def valid(self) -> Datum:
        """Return the next datum."""
        self._values = 0
        return self._draw(self._schema.root, "")

    def invalid(self) -> Invalid:
        """Return the next datum with a fault in it."""
        datum = self.valid()
        found = [
            (slot, list(wrong_values(self._schema, slot))) for slot in slots(self._schema, self._schema.root, datum)
        ]
        found = [(slot, wrong) for slot, wrong in found if wrong]
        slot, possible = self._random.choice([each for each in found if each[0].steps] or found)
        wrong = self._random.choice(possible)
        path = path_text((*slot.steps, *wrong.steps))
        return Invalid(replaced(datum, slot.steps, wrong.value), path, wrong.reason)

    def _draw(self, node: Node, place: str) -> Datum:
        self._values += 1
        match node:
            case Primitive():
                return sampling_values.primitive(node, self._random, finite=self._finite)
            case Array(items=items):
                return [self._draw(items, f"{place}[]") for _ in range(self._size(items, place))]
            case Map(values=values):
                keys = sampling_values.keys(self._size(values, place), self._random)
                return {key: self._draw(values, f"{place}{{}}") for key in keys}
            case Union(branches=branches):
                branch = self._branch(branches, place)
                name = branch_name(branch)
                return Branch(name, self._draw(branch, f"{place}<{name}>"))
            case Reference():
                return self._named(self._schema.definition(node), place)

    def _named(self, definition: Definition, place: str) -> Datum:
        match definition:
            case Enum(symbols=symbols):
                return self._turn(place, "symbol", symbols)
            case Fixed():
                return sampling_values.fixed(definition, self._random)
            case Record():
                self._within.append(definition.name)
                value = {each.name: self._draw(each.type, f"{place}.{each.name}") for each in definition.fields}
                self._within.pop()
                return value

    def _size(self, items: Node, place: str) -> int:
        return 0 if self._closing or not self._ends(items) else self._turn(place, "size", SIZES)

    def _branch(self, branches: Sequence[Node], place: str) -> Node:
        if self._closing:
            return min(branches, key=lambda branch: height(branch, self._heights))
        return self._turn(place, "branch", [branch for branch in branches if self._ends(branch)])

    @property
    def _closing(self) -> bool:
        """Whether it is time to come to an end."""
        nested = self._within.count(self._within[-1]) if self._within else 0
        return nested > self._recursion_max or self._values > VALUES_MAX

    def _turn(self, place: str, kind: str, options: Sequence[T]) -> T:
        choice = place, kind
        if choice not in self._turns:
            self._pending.add(choice)
        turns = self._turns.setdefault(choice, [])
        if not turns:
            turns.extend(self._random.sample(range(len(options)), len(options)))
        option = options[turns.pop()]
        if not turns:
            self._pending.discard(choice)
        return option

    def _ends(self, node: Node) -> bool:
        return height(node, self._heights) < ENDLESS


def _why_endless(schema: Schema, node: Node, found: Heights) -> str:
    """Follow what has no datum down to an enum without symbols or a record that is met again."""
    path, met = "", []
    while True:
        if isinstance(node, Union):
            if not node.branches:
                return f"{path or 'it'} is a union without branches"
            node = node.branches[0]
        definition = schema.types[node.name] if isinstance(node, Reference) else None
        if not isinstance(definition, Record):
            return f"{path or 'it'} is an enum without symbols"
        if definition.name in met:
            return f"every {definition.name} holds another one, in {path}"
        met.append(definition.name)
        field = next(field for field in definition.fields if height(field.type, found) == ENDLESS)
        node, path = field.type, f"{path}.{field.name}".lstrip(".")
