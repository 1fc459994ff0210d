"""Generates the functions that read records, from the plan of a writer and a reader.

The plan of a schema with itself gives the `read_...` functions of the generated modules; that of an older writer's
schema gives a reader that is compiled when first needed. Both are the same straight-line code.
"""

from typing import Final

from codegen.avro.resolution import (
    Fail,
    IntoBranch,
    Plan,
    Read,
    ReadArray,
    ReadEnum,
    ReadFixed,
    ReadMap,
    ReadRecord,
    ReadUnion,
    RecordPair,
    Resolution,
    Skip,
    size_min,
)
from codegen.avro.schema import Array, Enum, Fixed, Map, Node, Primitive, Record, Reference, Schema, Union
from codegen.python.names import attribute, member
from codegen.python.text import bracketed
from codegen.python.types import LOGICAL, Context, Defaults, annotation

_OWN: Final = frozenset({"data", "at", "count", "branch", "size"})  # variables of the generated functions
_DIRECT: Final = {"uuid": "read_uuid", "timestamp-micros": "read_timestamp_micros"}
_BUILTINS: Final = frozenset({"range", "list", "dict", "len", "bytes", "str", "int", "float", "bool", "object"})


class Decoder:
    """Writes functions for the record pairs of one resolution into one context."""

    def __init__(self, resolution: Resolution, context: Context) -> None:
        self._resolution = resolution
        self._schema = resolution.reader
        self._context = context
        self._defaults = Defaults(resolution.reader, context)
        self._lines: list[str] = []
        self._indent = 4
        self._avoid: set[str] = set()

    def record(self, pair: RecordPair) -> list[str]:
        """Return the lines of the function that reads a record; it returns the value and the next position."""
        plan = self._resolution.records[pair]
        cls = self._context.type_name(plan.reader.name)
        arguments = ["data: bytes", "at: int"] if self._context.annotated else ["data", "at"]
        result = f") -> tuple[{cls}, int]:" if self._context.annotated else "):"
        self._lines, self._indent = [], 4
        self._avoid = {attribute(field.name) for field in plan.reader.fields}
        local = {field.name: self._local(field.name) for field in plan.reader.fields}
        for step in plan.steps:
            if step.target is None:
                self._plan(step.plan, "_", None)
            else:
                type_ = next(field.type for field in plan.reader.fields if field.name == step.target)
                self._plan(step.plan, local[step.target], type_)
        if plan.missing:
            self._fail(plan.reason)
        for field in plan.defaults:
            self._emit(f"{local[field.name]} = {self._defaults.expression(field.type, field.default)}")
        values = [local[field.name] for field in plan.reader.fields]
        self._lines += bracketed(f"return {self._context.constructor(plan.reader.name)}(", values, "), at", 4)
        return [
            *bracketed(f"def {self._context.reader(pair)}(", arguments, result),
            '    """Read what stands at `at`; return it and the next position."""',
            *self._lines,
        ]

    def _local(self, field_name: str) -> str:
        name = attribute(field_name)
        hides = name in _OWN or name in _BUILTINS or name.startswith(("read_", "_")) or name[:1].isupper()
        hides = hides or "_from_" in name or name == "to_single"
        return self._free(f"{name}_value") if hides else name

    def _free(self, stem: str) -> str:
        """Return a variable name that no other value of this function has."""
        name, number = stem, 1
        while name in self._avoid:
            number += 1
            name = f"{stem}_{number}"
        self._avoid.add(name)
        return name

    def _emit(self, line: str) -> None:
        self._lines.append(" " * self._indent + line)

    def _plan(self, plan: Plan, target: str, type_: Node | None) -> None:
        """Emit the statements that read by `plan` into `target` (of the reader's type `type_`) and move `at`."""
        match plan:
            case Read():
                self._read(plan, target)
            case ReadFixed(reader=fixed):
                self._fixed(fixed, target)
            case ReadEnum():
                self._enum(plan, target)
            case ReadArray(items=items, item_bytes_min=bytes_min):
                self._array(items, bytes_min, target, type_)
            case ReadMap(values=values, item_bytes_min=bytes_min):
                self._map(values, bytes_min, target, type_)
            case ReadUnion():
                self._union(plan, target, type_)
            case IntoBranch(plan=inner):
                self._plan(inner, target, _branch_type(inner, type_))
            case ReadRecord(pair=pair):
                self._emit(f"{target}, at = {self._context.reader(pair)}(data, at)")
            case Skip(writer=writer):
                self._skip(writer)
            case Fail(reason=reason):
                self._fail(reason)

    def _fail(self, reason: str) -> None:
        self._emit(f"raise {self._context.builtin('ValueError')}({reason!r})")

    def _read(self, plan: Read, target: str) -> None:
        helper = self._context.helper
        logical = plan.reader.logical.name if plan.reader.logical else None
        if plan.writer.type == "null":
            self._emit(f"{target} = None")
            return
        if logical in _DIRECT and plan.writer.type == plan.reader.type:
            self._emit(f"{target}, at = {helper(_DIRECT[logical])}(data, at)")
            return
        raw = self._free(f"{target}_raw") if logical else target
        self._emit(f"{raw}, at = {helper(f'read_{plan.writer.type}')}(data, at)")
        value = self._promoted(plan, raw)
        if logical:
            self._emit(f"{target} = {helper(LOGICAL[logical][3])}({value})")
        elif value != target:
            self._emit(f"{target} = {value}")

    def _promoted(self, plan: Read, value: str) -> str:
        builtin = self._context.builtin
        match plan.writer.type, plan.reader.type:
            case "int" | "long", "float":
                return f"{self._context.helper('to_single')}({value})"
            case "int" | "long", "double":
                return f"{builtin('float')}({value})"
            case "string", "bytes":
                return f"{value}.encode()"
            case "bytes", "string":
                return f"{value}.decode()"
        return value

    def _fixed(self, fixed: Fixed, target: str) -> None:
        raw = self._free(f"{target}_raw") if fixed.logical else target
        self._emit(f"{raw}, at = {self._context.helper('read_fixed')}(data, at, {fixed.size})")
        if fixed.logical:
            self._emit(f"{target} = {self._context.helper('uuid_from_bytes')}({raw})")

    def _enum(self, plan: ReadEnum, target: str) -> None:
        if plan.symbols == plan.reader.symbols:
            name = plan.reader.name
            self._emit(f"{target}, at = {self._context.reader((name, name))}(data, at)")
            return
        self._emit(f"branch, at = {self._context.helper('read_branch')}(data, at, {len(plan.symbols)})")
        cls = self._context.type_name(plan.reader.name)
        members = [f"{cls}.{member(symbol)}" if symbol else "None" for symbol in plan.symbols]
        self._lines += bracketed(f"{target} = (", members, f"{',' if len(members) == 1 else ''})[branch]", self._indent)
        if None in plan.symbols:
            self._emit(f"if {target} is None:")
            self._indent += 4
            self._fail(f"{plan.reader.name} has no such symbol and no default")
            self._indent -= 4

    def _blocks(self, bytes_min: int) -> str:
        """Emit the loops over blocks and items; return the statement that goes on to the next block."""
        count = self._free("count")
        statement = f"{count}, at = {self._context.helper('read_count')}(data, at, {bytes_min})"
        self._emit(statement)
        self._emit(f"while {count}:")
        self._emit(f"    for _ in {self._context.builtin('range')}({count}):")
        self._indent += 8
        return statement

    def _end_blocks(self, statement: str) -> None:
        self._indent -= 4
        self._emit(statement)
        self._indent -= 4

    def _array(self, items: Plan, bytes_min: int, target: str, type_: Node | None) -> None:
        item_type = type_.items if isinstance(type_, Array) else None
        self._declare(target, type_, "[]")
        statement = self._blocks(bytes_min)
        item = self._free("item")
        self._plan(items, item, item_type)
        self._emit(f"{target}.append({item})")
        self._end_blocks(statement)

    def _map(self, values: Plan, bytes_min: int, target: str, type_: Node | None) -> None:
        value_type = type_.values if isinstance(type_, Map) else None
        self._declare(target, type_, "{}")
        statement = self._blocks(bytes_min)
        key, item = self._free("key"), self._free("item")
        self._emit(f"{key}, at = {self._context.helper('read_string')}(data, at)")
        self._plan(values, item, value_type)
        self._emit(f"{target}[{key}] = {item}")
        self._end_blocks(statement)

    def _declare(self, target: str, type_: Node | None, value: str) -> None:
        if self._context.annotated and type_ is not None:
            self._emit(f"{target}: {annotation(type_, self._schema, self._context)} = {value}")
        else:
            self._emit(f"{target} = {value}")

    def _union(self, plan: ReadUnion, target: str, type_: Node | None) -> None:
        """Emit a chain of ifs over the writer's branches; a nullable type is None unless the other branch follows."""
        branch = self._free("branch") if len(plan.branches) > 1 else "_"
        self._emit(f"{branch}, at = {self._context.helper('read_branch')}(data, at, {len(plan.branches)})")
        branches = [each.plan if isinstance(each, IntoBranch) else each for each in plan.branches]
        nulls = [_reads_null(each) for each in branches]
        if len(branches) == 2 and any(nulls):
            self._declare(target, type_, "None")
            other = nulls.index(False) if False in nulls else 1
            self._emit(f"if {branch} == {other}:")
            self._block(branches[other], target, _branch_type(branches[other], type_))
            return
        if self._context.annotated and type_ is not None:
            self._emit(f"{target}: {annotation(type_, self._schema, self._context)}")
        for position, each in enumerate(branches):
            last = position == len(branches) - 1
            test = f"{'el' if position else ''}if {branch} == {position}:"
            if len(branches) > 1:
                self._emit("else:" if last else test)
                self._block(each, target, _branch_type(each, type_))
            else:
                self._plan(each, target, _branch_type(each, type_))

    def _block(self, plan: Plan, target: str, type_: Node | None) -> None:
        self._indent += 4
        if isinstance(plan, ReadArray | ReadMap) and self._context.annotated:
            inner = self._free(f"{target}_items")  # its own annotation, beside the union's
            self._plan(plan, inner, type_)
            self._emit(f"{target} = {inner}")
        else:
            self._plan(plan, target, type_)
        self._indent -= 4

    def _skip(self, node: Node) -> None:
        """Emit the statements that move `at` past a datum of the writer's."""
        writer = self._resolution.writer
        match node:
            case Primitive(type="null"):
                pass
            case Primitive(type=kind):
                self._emit(f"_, at = {self._context.helper(f'read_{kind}')}(data, at)")
            case Array(items=child) | Map(values=child):
                statement = self._blocks(size_min(child, writer) + isinstance(node, Map))
                before = len(self._lines)
                if isinstance(node, Map):
                    self._emit(f"_, at = {self._context.helper('read_string')}(data, at)")
                self._skip(child)
                if len(self._lines) == before:
                    self._emit("pass")
                self._end_blocks(statement)
            case Union(branches=branches):
                self._skip_union(branches)
            case Reference():
                self._skip_named(node, writer)

    def _skip_union(self, branches: tuple[Node, ...]) -> None:
        branch = self._free("branch")
        self._emit(f"{branch}, at = {self._context.helper('read_branch')}(data, at, {len(branches)})")
        for position, each in enumerate(branches):
            self._emit(f"if {branch} == {position}:")
            self._indent += 4
            before = len(self._lines)
            self._skip(each)
            if len(self._lines) == before:
                self._emit("pass")
            self._indent -= 4

    def _skip_named(self, node: Reference, writer: Schema) -> None:
        definition = writer.definition(node)
        match definition:
            case Enum(symbols=symbols):
                self._emit(f"_, at = {self._context.helper('read_branch')}(data, at, {len(symbols)})")
            case Fixed(size=size):
                self._emit(f"at += {size}")
            case Record():
                self._emit(f"at = {self._context.reader((definition.name, ''))}(data, at)")

    def statements(self, plan: Plan, target: str) -> list[str]:
        """Return the lines that read one datum by `plan` into `target`."""
        self._lines, self._indent, self._avoid = [], 4, {target}
        self._plan(plan, target, None)
        return self._lines

    def skipper(self, record: Record) -> list[str]:
        """Return the lines of the function that passes over a record of the writer's."""
        self._lines, self._indent, self._avoid = [], 4, set()
        for field in record.fields:
            self._skip(field.type)
        return [f"def {self._context.reader((record.name, ''))}(data, at):", *self._lines, "    return at"]


def _reads_null(plan: Plan) -> bool:
    return isinstance(plan, Read) and plan.writer.type == "null"


def _branch_type(plan: Plan, type_: Node | None) -> Node | None:
    """Return the branch of the reader's union that a plan reads into (needed for containers' annotations only)."""
    if not isinstance(type_, Union):
        return type_
    kind = Array if isinstance(plan, ReadArray) else Map
    return next((branch for branch in type_.branches if isinstance(branch, kind)), None)
