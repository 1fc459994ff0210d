"""The faults within one record of a plan (or its root), and the uses of further records there.

Each fault stands at a path from that record. What can be mended is on the changed side, so a fault's place is there.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from codegen.avro.resolution import (
    Fail,
    IntoBranch,
    Mismatch,
    Plan,
    Read,
    ReadArray,
    ReadEnum,
    ReadFixed,
    ReadMap,
    ReadRecord,
    ReadUnion,
    RecordPair,
    RecordPlan,
    Resolution,
    describe,
)
from codegen.avro.schema import (
    Array,
    Definition,
    Field,
    Fixed,
    Map,
    Missing,
    Node,
    Place,
    Primitive,
    Record,
    Reference,
    Union,
    namespace_of,
)
from codegen.checks import remedies
from codegen.checks.compatibility_rules import FIXES_OF_WRITERS
from codegen.checks.meaning import changes_of_meaning
from codegen.checks.python_api import python_type
from codegen.checks.renames import renamed


class Changed(Enum):
    """Which side is the new one, that somebody edits now."""

    READER = "reader"
    WRITER = "writer"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault under a rule; `place` is in the changed side's schema, None where no named type is around it."""

    rule: str
    path: str
    message: str
    place: Place | None = None
    fix: str | None = None  # where the rule's own is too general


@dataclass(frozen=True, slots=True)
class Use:
    """A use of a pair of records, by the path that leads to it."""

    path: str
    pair: RecordPair


@dataclass(frozen=True, slots=True)
class _At:
    """Where the walk is: the path, and the places in both schemas (None where no named type is around it)."""

    path: str = ""
    writer: Place | None = None
    reader: Place | None = None

    def inside(self, *steps: str | int, path: str = "") -> "_At":
        return _At(self.path + path, _into(self.writer, *steps), _into(self.reader, *steps))

    def writer_branch(self, number: int) -> "_At":
        return _At(self.path, _into(self.writer, number), self.reader)

    def reader_branch(self, number: int) -> "_At":
        return _At(self.path, self.writer, _into(self.reader, number))


def _name_place(node: Node) -> Place | None:
    return Place(node.name, ("name",)) if isinstance(node, Reference) else None


def _into(place: Place | None, *steps: str | int) -> Place | None:
    return place and Place(place.type, (*place.pointer, *steps))


class PlanFaults:
    """Finds the faults of a resolution, record by record."""

    def __init__(self, resolution: Resolution, changed: Changed) -> None:
        self._resolution = resolution
        self._changed = changed

    def of_root(self) -> Iterator[Fault | Use]:
        """Yield what stands at the root."""
        resolution = self._resolution
        writer, reader = resolution.writer.root, resolution.reader.root
        yield from self._plan(resolution.root, _At("", _name_place(writer), _name_place(reader)), writer, reader)

    def of_record(self, pair: RecordPair) -> Iterator[Fault | Use]:
        """Yield what stands in the fields of a pair of records."""
        plan = self._resolution.records[pair]
        yield from self._names(plan.writer, plan.reader, _At())
        yield from self._missing(plan)
        yield from self._renames(plan)
        numbers = {field.name: number for number, field in enumerate(plan.reader.fields)}
        for number, step in enumerate(plan.steps):
            if step.target is not None:
                target = numbers[step.target]
                written, wanted = plan.writer.fields[number], plan.reader.fields[target]
                if self._changed is Changed.READER:  # the other way round these are versions in the wrong order
                    yield from self._fields(plan, written, wanted, target)
                at = _At(
                    f".{wanted.name if self._changed is Changed.READER else written.name}",
                    Place(plan.writer.name, ("fields", number, "type")),
                    Place(plan.reader.name, ("fields", target, "type")),
                )
                yield from self._plan(step.plan, at, written.type, wanted.type)

    def _plan(self, plan: Plan, at: _At, writer: Node, reader: Node) -> Iterator[Fault | Use]:
        match plan, writer, reader:
            case Read(), _, _:
                yield from self._meaning(plan.writer, plan.reader, at)
            case ReadFixed(), _, _:
                yield from self._names(plan.writer, plan.reader, at)
                yield from self._meaning(plan.writer, plan.reader, at)
            case ReadEnum(), _, _:
                yield from self._names(plan.writer, plan.reader, at)
                yield from self._symbols(plan, at)
            case ReadArray(items=items), Array(), Array():
                yield from self._plan(items, at.inside("items", path="[]"), writer.items, reader.items)
            case ReadMap(values=values), Map(), Map():
                yield from self._plan(values, at.inside("values", path="{}"), writer.values, reader.values)
            case ReadUnion(), Union(), _:
                yield from self._union(plan, at, writer, reader)
            case IntoBranch(), _, Union():
                yield from self._into_branch(plan, at, writer, reader)
            case ReadRecord(pair=pair), _, _:
                yield Use(at.path, pair)
            case Fail(why=Mismatch.NAME), Reference(), Reference():
                yield self._name(plan, at, writer, reader)
            case Fail(why=Mismatch.SIZE), Reference(), Reference():
                yield self._fault("FIXED_SIZE_CHANGED", _of_types(at.path, writer, reader, "size"), plan.reason)
            case Fail(why=Mismatch.ALIAS_NAMESPACE), _, _:
                yield self._fault("ALIAS_NAMESPACE", at, plan.reason)
            case Fail(), _, _:
                yield self._fault("TYPE_CHANGED", at, plan.reason)

    def _union(self, plan: ReadUnion, at: _At, writer: Union, reader: Node) -> Iterator[Fault | Use]:
        several = sum(not _is_null(branch) for branch in writer.branches) > 1
        for number, (branch, inner) in enumerate(zip(writer.branches, plan.branches, strict=True)):
            inside = at.writer_branch(number)
            if isinstance(inner, IntoBranch) and isinstance(reader, Union):
                yield from self._into_branch(inner, inside, branch, reader, writer.branches)
            elif isinstance(inner, Fail) and _is_null(branch):
                yield self._fault(self._either("NULL_REMOVED", "NULL_ADDED"), inside, inner.reason)
            elif isinstance(inner, Fail) and several and inner.why is not Mismatch.ALIAS_NAMESPACE:
                rule = self._either("UNION_BRANCH_REMOVED", "UNION_BRANCH_ADDED")
                yield self._fault(rule, inside, inner.reason)
            else:
                yield from self._plan(inner, inside, branch, reader)

    def _into_branch(
        self, plan: IntoBranch, at: _At, writer: Node, reader: Union, beside: Sequence[Node] = ()
    ) -> Iterator[Fault | Use]:
        """Read into a branch of the reader's union; `beside` are all branches of the writer's."""
        first, chosen = reader.branches[plan.first_match], reader.branches[plan.branch]
        if first != chosen and not any(_alike(first, each) for each in beside) and _differ(writer, first, chosen):
            names = [describe(node, self._resolution.reader) for node in (chosen, first)]
            written = describe(writer, self._resolution.writer)
            message = f"{written} is read as {names[0]}, and by the specification's letter as {names[1]}, which stands before it"
            yield self._fault("AMBIGUOUS_UNION", at, message)
        yield from self._plan(plan.plan, at.reader_branch(plan.branch), writer, chosen)

    def _symbols(self, plan: ReadEnum, at: _At) -> Iterator[Fault]:
        writer, reader = plan.writer, plan.reader
        for number, (symbol, read) in enumerate(zip(writer.symbols, plan.symbols, strict=True)):
            if read is not None:
                continue
            if self._changed is Changed.READER:
                message = f"{reader.name} has no symbol {symbol!r} any more, and no default"
                yield Fault("ENUM_SYMBOL_REMOVED", at.path, message, Place(reader.name, ("symbols",)))
            else:
                message = f"symbol {symbol!r} is new, and readers of {reader.name} have no default for it"
                yield Fault("ENUM_SYMBOL_ADDED", at.path, message, Place(writer.name, ("symbols", number)))
        if writer.default is not None and writer.default != reader.default and None not in plan.symbols:
            now = f"read as {reader.default!r}" if reader.default is not None else "not readable"
            message = f"unknown symbols of {reader.name} were read as {writer.default!r}, and are {now} now"
            yield self._fault("DEFAULT_CHANGED", _of_types(at.path, writer, reader, "default"), message)

    def _names(self, writer: Definition, reader: Definition, at: _At) -> Iterator[Fault]:
        if writer.name == reader.name:
            return
        here = _of_types(at.path, writer, reader, "name")
        message = f"{writer.name} has become {reader.name}"
        yield self._fault("CLASS_MOVED", here, message)
        if namespace_of(writer.name) != namespace_of(reader.name) and writer.name not in reader.aliases:
            yield self._fault("NAMESPACE_CHANGED", here, message)

    def _name(self, plan: Fail, at: _At, writer: Reference, reader: Reference) -> Fault:
        fault = self._fault("NAME_CHANGED", at, plan.reason)
        of_reader = self._changed is Changed.READER
        old, new = (writer, reader) if of_reader else (reader, writer)
        if old.name in (self._resolution.reader if of_reader else self._resolution.writer).types:
            return replace(fault, fix=remedies.other_type(old.name))
        return replace(fault, fix=remedies.renamed_type(old.name, new.name)) if of_reader else fault

    def _missing(self, plan: RecordPlan) -> Iterator[Fault]:
        names = {wanted.name: written for written, wanted in _renamed(plan, plan.missing)}
        for field in plan.missing:
            path = f".{field.name}"
            if self._changed is Changed.READER:
                place = Place(plan.reader.name, ("fields", plan.reader.fields.index(field)))
                message = f"field {field.name!r} has no default, and is not in what was written"
                fix = remedies.added_field(names[field.name], field) if field.name in names else None
                yield Fault("FIELD_ADDED_WITHOUT_DEFAULT", path, message, place, fix)
                yield Fault("ARGUMENT_REQUIRED", path, _without(plan.reader, field), place)
            else:
                aliased = next((each for each in plan.writer.fields if field.name in each.aliases), None)
                new = aliased or names.get(field.name)
                message = f"readers need field {field.name!r}, for which they have no default"
                place = Place(plan.writer.name, ("name",))
                fix = remedies.renamed_field(field, new) if new else None
                yield Fault("FIELD_REMOVED_WITHOUT_DEFAULT", path, message, place, fix)

    def _renames(self, plan: RecordPlan) -> Iterator[Fault]:
        for written, wanted in _renamed(plan, plan.defaults):
            old, new = (written, wanted) if self._changed is Changed.READER else (wanted, written)
            side = plan.reader if self._changed is Changed.READER else plan.writer
            place = Place(side.name, ("fields", side.fields.index(new)))
            message = (
                f"{old.name!r} seems to have become {new.name!r}: its value is lost, {wanted.name!r} takes its default"
            )
            yield Fault("FIELD_RENAMED", f".{new.name}", message, place, remedies.renamed_field(old, new))

    def _fields(self, plan: RecordPlan, written: Field, wanted: Field, target: int) -> Iterator[Fault]:
        """Yield what two versions of a field say that no datum shows."""
        place = Place(plan.reader.name, ("fields", target))
        defaults = written.default, wanted.default
        if not any(isinstance(each, Missing) for each in defaults) and not _same_json(*defaults):
            message = f"the default was {json.dumps(written.default)}, and is {json.dumps(wanted.default)} now"
            yield Fault("DEFAULT_CHANGED", f".{wanted.name}", message, Place(place.type, (*place.pointer, "default")))
        if not isinstance(written.default, Missing) and isinstance(wanted.default, Missing):
            yield Fault("ARGUMENT_REQUIRED", f".{wanted.name}", _without(plan.reader, wanted), place)
        before, now = (
            python_type(written.type, self._resolution.writer),
            python_type(wanted.type, self._resolution.reader),
        )
        if before != now:
            yield Fault(
                "ATTRIBUTE_TYPE_CHANGED", f".{wanted.name}", f"the attribute was {before}, and is {now} now", place
            )

    def _meaning(self, writer: Primitive | Fixed, reader: Primitive | Fixed, at: _At) -> Iterator[Fault]:
        for change in changes_of_meaning(_type(writer), writer.logical, _type(reader), reader.logical):
            yield self._fault(change.rule, at, change.message)

    def _fault(self, rule: str, at: _At, message: str) -> Fault:
        if self._changed is Changed.READER:
            return Fault(rule, at.path, message, at.reader)
        said = f"for readers of earlier versions: {message}"
        return Fault(rule, at.path, said, at.writer, FIXES_OF_WRITERS.get(rule))

    def _either(self, reader_changed: str, writer_changed: str) -> str:
        return reader_changed if self._changed is Changed.READER else writer_changed


def _without(record: Record, field: Field) -> str:
    return f"{record.name} cannot be made without {field.name!r}"


def _of_types(path: str, writer: Definition | Reference, reader: Definition | Reference, step: str) -> _At:
    return _At(path, Place(writer.name, (step,)), Place(reader.name, (step,)))


def _renamed(plan: RecordPlan, unwritten: Sequence[Field]) -> Sequence[tuple[Field, Field]]:
    skipped = {step.written_name for step in plan.steps if step.target is None}
    unread = [field for field in plan.writer.fields if field.name in skipped]
    return renamed(plan.writer, unread, plan.reader, unwritten)


def _differ(writer: Node, first: Node, chosen: Node) -> bool:
    """Say whether the first branch that matches makes something else of the writer's values than the chosen one."""
    if isinstance(writer, Primitive) and isinstance(first, Primitive) and isinstance(chosen, Primitive):
        one, other = (
            changes_of_meaning(writer.type, writer.logical, each.type, each.logical) for each in (first, chosen)
        )
        return one != other
    return isinstance(writer, Reference) and isinstance(chosen, Reference) and chosen.name != writer.name


def _alike(one: Node, other: Node) -> bool:
    if isinstance(one, Primitive) and isinstance(other, Primitive):
        return one.type == other.type
    return one == other


def _same_json(one: object, other: object) -> bool:
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _is_null(node: Node) -> bool:
    return isinstance(node, Primitive) and node.type == "null"


def _type(node: Primitive | Fixed) -> str:
    return node.type if isinstance(node, Primitive) else "fixed"
