"""One resolver: how a datum of the writer's schema is read as a datum of the reader's (Avro 1.12, "Schema Resolution").

The result is a plan: pure data from which decoders are generated (`codegen.python.decoder`) and faults are found
(`codegen.checks.plan_faults`), so that the two cannot disagree. What cannot be read is not an error here but a `Fail`
where a datum would get stuck: an empty array of unreadable items is readable. Each pair of records is planned once and
assumed to be readable within itself (the greatest fixpoint): whether it is shows when the plan is walked.

A branch of a reader's union is chosen by type and name (and size, for a fixed), never by shape: the same type (by full
name, for named types), else an alias, else the same unqualified name, else the first that the type can be promoted to.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum as PythonEnum
from typing import Final, TypeAlias

from codegen.avro.schema import (
    MISSING,
    Array,
    Definition,
    Enum,
    Field,
    Fixed,
    Map,
    Node,
    Primitive,
    Record,
    Reference,
    Schema,
    Union,
    simple_name,
)
from codegen.avro.spelling import kind_of, spelled

PROMOTIONS: Final[Mapping[str, frozenset[str]]] = {
    "int": frozenset({"long", "float", "double"}),
    "long": frozenset({"float", "double"}),
    "float": frozenset({"double"}),
    "string": frozenset({"bytes"}),
    "bytes": frozenset({"string"}),
}
_OTHER_SIZE: Final = 10  # rank of a fixed whose name alone matches: told as what was meant, where nothing matches
RecordPair: TypeAlias = tuple[str, str]  # full names: the writer's, the reader's


@dataclass(frozen=True, slots=True)
class Read:
    """Read the writer's primitive and promote it to the reader's, whose logical type says what it means."""

    writer: Primitive
    reader: Primitive


@dataclass(frozen=True, slots=True)
class ReadFixed:
    """Read a fixed number of bytes."""

    writer: Fixed
    reader: Fixed


@dataclass(frozen=True, slots=True)
class ReadEnum:
    """Read a position among the writer's symbols; `symbols` has the reader's, None where it has none for it."""

    writer: Enum
    reader: Enum
    symbols: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class ReadArray:
    """Read blocks of items of at least `item_bytes_min` bytes each."""

    items: "Plan"
    item_bytes_min: int


@dataclass(frozen=True, slots=True)
class ReadMap:
    """Read blocks of keys and values of at least `item_bytes_min` bytes each pair."""

    values: "Plan"
    item_bytes_min: int


@dataclass(frozen=True, slots=True)
class ReadUnion:
    """Read which branch the writer chose, then that branch as the reader's type `reader`."""

    branches: tuple["Plan", ...]
    reader: Node


@dataclass(frozen=True, slots=True)
class IntoBranch:
    """Read as this branch of the reader's union. `first_match` is the one that the specification's letter takes."""

    branch: int
    plan: "Plan"
    first_match: int


@dataclass(frozen=True, slots=True)
class ReadRecord:
    """Read a record by the plan of this pair of records."""

    pair: RecordPair


@dataclass(frozen=True, slots=True)
class Skip:
    """Pass over a datum of the writer's that the reader has no place for."""

    writer: Node


class Mismatch(PythonEnum):
    """Why nothing can be read."""

    TYPE = "another type"
    NAME = "another name"
    ALIAS_NAMESPACE = "an alias in another namespace"
    SIZE = "another size"
    BRANCH = "no branch"


@dataclass(frozen=True, slots=True)
class Fail:
    """Nothing that the writer writes here can be read."""

    why: Mismatch
    reason: str


Plan: TypeAlias = Read | ReadFixed | ReadEnum | ReadArray | ReadMap | ReadUnion | IntoBranch | ReadRecord | Skip | Fail


@dataclass(frozen=True, slots=True)
class Step:
    """One field as written: its name there, the reader's field that takes it (None: passed over), and how."""

    written_name: str
    target: str | None
    plan: Plan


@dataclass(frozen=True, slots=True)
class RecordPlan:
    """How a record is read: the written fields in order, then the reader's fields that take their default.

    Where a field is `missing`, neither written nor with a default, no datum of the pair can be read.
    """

    writer: Record
    reader: Record
    steps: tuple[Step, ...]
    defaults: tuple[Field, ...]
    missing: tuple[Field, ...]

    @property
    def reason(self) -> str:
        """Say why no datum can be read."""
        return f"field {self.missing[0].name!r} was not written and has no default"


@dataclass(frozen=True, slots=True)
class Resolution:
    """The plan of a pair of schemas: where it starts, and the records it goes through."""

    root: Plan
    records: Mapping[RecordPair, RecordPlan]
    writer: Schema
    reader: Schema


def resolve(writer: Schema, reader: Schema) -> Resolution:
    """Return the plan by which the reader reads what the writer writes."""
    resolver = _Resolver(writer, reader)
    return Resolution(resolver.plan(writer.root, reader.root), resolver.records, writer, reader)


class _Resolver:
    """Remembers pairs of records, so that each is planned once and recursion ends."""

    def __init__(self, writer: Schema, reader: Schema) -> None:
        self._writer = writer
        self._reader = reader
        self._seen: set[RecordPair] = set()
        self.records: dict[RecordPair, RecordPlan] = {}

    def plan(self, writer: Node, reader: Node) -> Plan:
        """Plan one pair of nodes."""
        if isinstance(writer, Union):
            return ReadUnion(tuple(self.plan(branch, reader) for branch in writer.branches), reader)
        match writer, reader:
            case _, Union():
                return self._into_union(writer, reader)
            case Primitive(), Primitive() if _same_or_promoted(writer, reader):
                return Read(writer, reader)
            case Array(), Array():
                bytes_min = size_min(writer.items, self._writer)
                return ReadArray(self.plan(writer.items, reader.items), bytes_min)
            case Map(), Map():
                bytes_min = 1 + size_min(writer.values, self._writer)
                return ReadMap(self.plan(writer.values, reader.values), bytes_min)
            case Reference(), Reference():
                return self._named(self._writer.definition(writer), self._reader.definition(reader))
        return Fail(Mismatch.TYPE, self._unlike(writer, reader))

    def _unlike(self, writer: Node, reader: Node) -> str:
        return f"{describe(writer, self._writer)} was written, {describe(reader, self._reader)} is wanted"

    def _into_union(self, writer: Node, reader: Union) -> Plan:
        ranks = [self._rank(writer, branch) for branch in reader.branches]
        if any(rank is not None and rank < _OTHER_SIZE for rank in ranks):
            ranks = [None if rank is not None and rank >= _OTHER_SIZE else rank for rank in ranks]
        possible = [rank for rank in ranks if rank is not None]
        if not possible:
            reason = f"{describe(writer, self._writer)} was written, the reader's union has no branch for it"
            return Fail(Mismatch.BRANCH, reason)
        chosen = ranks.index(min(possible))
        first = next(number for number, rank in enumerate(ranks) if rank is not None)
        return IntoBranch(chosen, self.plan(writer, reader.branches[chosen]), first)

    def _rank(self, writer: Node, branch: Node) -> int | None:
        """Return how near a branch of the reader's is to the writer's type: 0 the same, None if it is no match."""
        match writer, branch:
            case Primitive(), Primitive() if _same_or_promoted(writer, branch):
                return 0 if writer.type == branch.type else 3
            case (Array(), Array()) | (Map(), Map()):
                return 0
            case Reference(), Reference():
                return _rank_of_names(self._writer.definition(writer), self._reader.definition(branch))
        return None

    def _named(self, writer: Definition, reader: Definition) -> Plan:
        if type(writer) is type(reader) and not same_name(writer, reader):
            return _other_name(writer, reader)
        match writer, reader:
            case Record(), Record():
                return self._record(writer, reader)
            case Enum(), Enum():
                known = frozenset(reader.symbols)
                symbols = (symbol if symbol in known else reader.default for symbol in writer.symbols)
                return ReadEnum(writer, reader, tuple(symbols))
            case Fixed(), Fixed() if writer.size == reader.size:
                return ReadFixed(writer, reader)
            case Fixed(), Fixed():
                return Fail(Mismatch.SIZE, f"{writer.size} bytes were written, {reader.size} are wanted")
        return Fail(Mismatch.TYPE, self._unlike(Reference(writer.name), Reference(reader.name)))

    def _record(self, writer: Record, reader: Record) -> Plan:
        pair = writer.name, reader.name
        if pair not in self._seen:
            self._seen.add(pair)  # before its fields: they may come back to this pair
            targets = dict(_targets(writer, reader))
            taken = {field.name for field in targets.values()}
            absent = [field for field in reader.fields if field.name not in taken]
            self.records[pair] = RecordPlan(
                writer,
                reader,
                steps=tuple(self._step(field, targets.get(field.name)) for field in writer.fields),
                defaults=tuple(field for field in absent if field.default is not MISSING),
                missing=tuple(field for field in absent if field.default is MISSING),
            )
        return ReadRecord(pair)

    def _step(self, field: Field, target: Field | None) -> Step:
        if target is None:
            return Step(field.name, None, Skip(field.type))
        return Step(field.name, target.name, self.plan(field.type, target.type))


def _targets(writer: Record, reader: Record) -> Iterator[tuple[str, Field]]:
    """Yield (written field name, reader's field): by name, else by the first alias that was written."""
    written = {field.name for field in writer.fields}
    named = written & {field.name for field in reader.fields}
    unnamed = written - named
    for field in reader.fields:
        if field.name in named:
            yield field.name, field
        else:
            aliases = [alias for alias in field.aliases if alias in unnamed]
            if aliases:
                yield aliases[0], field


def same_name(writer: Definition, reader: Definition) -> bool:
    """Say whether the names match: the same simple name, or one of the reader's aliases."""
    return simple_name(writer.name) == simple_name(reader.name) or writer.name in reader.aliases


def _rank_of_names(writer: Definition, reader: Definition) -> int | None:
    if type(writer) is not type(reader) or not same_name(writer, reader):
        return None
    rank = 0 if writer.name == reader.name else 1 if writer.name in reader.aliases else 2
    same_size = not isinstance(writer, Fixed) or not isinstance(reader, Fixed) or writer.size == reader.size
    return rank if same_size else rank + _OTHER_SIZE


def _other_name(writer: Definition, reader: Definition) -> Fail:
    reason = f"{writer.name} was written, {reader.name} is wanted, which does not name it as an alias"
    near = next((alias for alias in reader.aliases if simple_name(alias) == simple_name(writer.name)), None)
    if near is None:
        return Fail(Mismatch.NAME, reason)
    return Fail(Mismatch.ALIAS_NAMESPACE, f"{reason}: its alias means {near}")


def _same_or_promoted(writer: Primitive, reader: Primitive) -> bool:
    return writer.type == reader.type or reader.type in PROMOTIONS.get(writer.type, ())


def size_min(node: Node, schema: Schema, known: dict[str, int] | None = None) -> int:
    """Return the least number of bytes that a datum of `node` takes (a lower bound where it is recursive)."""
    known = {} if known is None else known  # of records; 0 for those within which this one stands
    match node:
        case Primitive(type=kind):
            return {"null": 0, "float": 4, "double": 8}.get(kind, 1)
        case Reference(name=name) if name in known:
            return known[name]
        case Reference(name=name):
            definition = schema.definition(node)
            if isinstance(definition, Record):
                known[name] = 0
                known[name] = sum(size_min(field.type, schema, known) for field in definition.fields)
                return known[name]
            return definition.size if isinstance(definition, Fixed) else 1
        case Union(branches=branches):
            return 1 + min((size_min(branch, schema, known) for branch in branches), default=0)
    return 1


def describe(node: Node, schema: Schema) -> str:
    """Return a type as errors name it."""
    return f"{kind_of(schema.definition(node))} {node.name}" if isinstance(node, Reference) else spelled(node)
