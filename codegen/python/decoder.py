"""Generates the functions that read records, from the plan of a writer and a reader.

The plan of a schema with itself gives the `read_...` functions of the generated modules; that of an older writer's
schema gives a reader that is compiled when first needed. Both are the same straight-line code.
"""

from collections.abc import Callable, Sequence
from functools import partial
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
from codegen.python.conversions import converted, converted_fixed
from codegen.python.default_values import Defaults
from codegen.python.names import attribute_names
from codegen.python.types import Context

ONE_BYTE: Final = 64
"""Positions that one byte holds."""
DEPTH_MAX: Final = 5
"""Arrays and maps within each other in one function, each of them two loops."""


class Decoder:
    """Writes functions for the record pairs of one resolution into one context."""

    def __init__(self, resolution: Resolution, context: Context) -> None:
        self._resolution = resolution
        self._context = context
        self._defaults = Defaults(resolution.reader, context)
        self._parts: list[str] = []  # functions for what is nested too deeply for one
        self._start()

    def _start(self) -> None:
        self._lines: list[str] = []
        self._indent = 4
        self._depth = 0  # of loops within loops
        self._variables = {"data", "at", "value", "size", *self._context.classes}

    def record(self, pair: RecordPair) -> list[str]:
        """Return the lines of the function that reads a record; it returns the value and the next position."""
        plan = self._resolution.records[pair]
        self._start()
        attributes = attribute_names(tuple(field.name for field in plan.reader.fields))
        self._emit(f"value = {self._context.draft(plan.reader.name)}()")
        for step in plan.steps:
            self._plan(step.plan, "_" if step.target is None else f"value.{attributes[step.target]}")
        if plan.missing:
            self._fail(plan.reason)
        for field in plan.defaults:
            self._emit(f"value.{attributes[field.name]} = {self._defaults.expression(field.type, field.default)}")
        for line in self._context.finish(plan.reader.name):
            self._emit(line)
        return self._with_parts([*self._context.read_function(pair), *self._lines])

    def root(self, plan: Plan, name: str) -> list[str]:
        """Return the lines of a function that reads one datum by `plan`; it returns the value and the next position."""
        self._start()
        self._plan(plan, "value")
        return self._with_parts([f"def {name}(data, at):", *self._lines, "    return value, at"])

    def skipper(self, record: Record) -> list[str]:
        """Return the lines of the function that passes over a record of the writer's."""
        self._start()
        for field in record.fields:
            self._skip(field.type)
        return self._with_parts(
            [f"def {self._context.reader((record.name, ''))}(data, at):", *self._lines, "    return at"]
        )

    def _with_parts(self, lines: list[str]) -> list[str]:
        parts, self._parts = self._parts, []
        return [*parts, *lines]

    def _apart(self, target: str, read: Callable[[str], None]) -> None:
        """Emit the call of a new function, for what `read` emits: Python allows twenty loops within each other."""
        name = self._context.private("_read_nested")
        around = self._lines, self._indent, self._depth, self._variables
        self._start()
        read("result")
        signature = f"def {name}(data: bytes, at: int) -> {self._context.builtin('tuple')}[object, int]:"
        self._parts += [signature, *self._lines, "    return result, at", "", ""]
        self._lines, self._indent, self._depth, self._variables = around
        self._emit(f"{target}, at = {name}(data, at)")

    def _variable(self, stem: str) -> str:
        """Return a variable name that no other value of this function has."""
        name, number = stem, 1
        while name in self._variables:
            number += 1
            name = f"{stem}_{number}"
        self._variables.add(name)
        return name

    def _emit(self, line: str) -> None:
        self._lines.append(" " * self._indent + line)

    def _indented(self, emit: Callable[[], None]) -> None:
        """Emit statements, or that there are none, one step to the right."""
        self._indent += 4
        before = len(self._lines)
        emit()
        if len(self._lines) == before:
            self._emit("pass")
        self._indent -= 4

    def _plan(self, plan: Plan, target: str) -> None:
        """Emit the statements that read by `plan` into `target` and move `at`."""
        match plan:
            case Read():
                self._read(plan, target)
            case ReadFixed(reader=fixed):
                self._fixed(fixed, target)
            case ReadEnum():
                self._enum(plan, target)
            case ReadArray() | ReadMap() if self._depth == DEPTH_MAX:
                self._apart(target, lambda result: self._plan(plan, result))
            case ReadArray(items=items, item_bytes_min=bytes_min):
                self._array(items, bytes_min, target)
            case ReadMap(values=values, item_bytes_min=bytes_min):
                self._map(values, bytes_min, target)
            case ReadUnion(branches=branches):
                self._union(branches, target)
            case IntoBranch(plan=inner):
                self._plan(inner, target)
            case ReadRecord(pair=pair):
                self._emit(f"{target}, at = {self._context.reader(pair)}(data, at)")
            case Skip(writer=writer):
                self._skip(writer)
            case Fail(reason=reason):
                self._fail(reason)

    def _fail(self, reason: str) -> None:
        self._emit(f"raise {self._context.builtin('ValueError')}({reason!r})")

    def _read(self, plan: Read, target: str) -> None:
        known = converted(plan.reader, self._resolution.reader)
        if known and plan.writer.type == plan.reader.type:
            self._emit(f"{target}, at = {self._context.conversion(known, known.conversion.read)}(data, at)")
        elif known:
            raw = self._variable("raw")
            self._primitive(plan.writer.type, raw)
            convert = self._context.conversion(known, known.conversion.convert)
            self._emit(f"{target} = {convert}({self._promoted(plan, raw)})")
        else:
            self._primitive(plan.writer.type, target)
            value = self._promoted(plan, target)
            if value != target:
                self._emit(f"{target} = {value}")

    def _primitive(self, kind: str, target: str) -> None:
        if kind == "null":
            self._emit(f"{target} = None")
        elif kind == "boolean":
            self._emit(f"{target} = {self._context.helper('BOOLEANS')}[data[at]]")
            self._emit("at += 1")
        elif kind == "string" and target != "_":  # without a call if it has less than 64 bytes
            self._emit("if (size := data[at]) & 129:")
            self._emit(f"    {target}, at = {self._context.helper('read_string')}(data, at)")
            self._emit("else:")
            self._emit(f"    {target} = data[at + 1 : (at := at + 1 + (size >> 1))].decode()")
        else:
            self._emit(f"{target}, at = {self._context.helper(f'read_{kind}')}(data, at)")

    def _promoted(self, plan: Read, value: str) -> str:
        match plan.writer.type, plan.reader.type:
            case "int" | "long", "float":
                return f"{self._context.helper('to_single')}({value})"
            case "int" | "long", "double":
                return f"{self._context.builtin('float')}({value})"
            case "string", "bytes":
                return f"{value}.encode()"
            case "bytes", "string":
                return f"{value}.decode()"
        return value

    def _fixed(self, fixed: Fixed, target: str) -> None:
        if known := converted_fixed(fixed):
            self._emit(f"{target}, at = {self._context.conversion(known, known.conversion.read)}(data, at)")
        else:
            self._emit(f"{target}, at = {self._context.helper('read_fixed')}(data, at, {fixed.size})")

    def _enum(self, plan: ReadEnum, target: str) -> None:
        position = self._position(len(plan.symbols), "position")
        self._emit(f"{target} = {self._context.symbols(plan)}[{position}]")

    def _position(self, count: int, name: str) -> str:
        """Emit the statements that read one of so many positions; return the variable of its first byte.

        Of a later position than one byte holds, it is twice the position.
        """
        position = self._variable(name)
        if count <= ONE_BYTE:
            self._emit(f"{position} = data[at]")
            self._emit("at += 1")
        else:
            self._emit(f"{position}, at = {self._context.helper('read_position')}(data, at, {count})")
        return position

    def _blocks(self, bytes_min: int, item: Callable[[], None]) -> None:
        """Emit the loops over blocks and items, of at least so many bytes each; `item` emits what is done for each."""
        count = self._variable("count")
        if bytes_min:
            self._emit("while data[at]:")
            self._emit(f"    {count}, at = {self._context.helper('read_count')}(data, at, {bytes_min})")
        else:
            total = self._variable("total")
            self._emit(f"{total} = 0")
            self._emit("while data[at]:")
            self._emit(f"    {count}, at = {self._context.helper('read_count_of_nothing')}(data, at, {total})")
            self._emit(f"    {total} += {count}")
        self._emit(f"    for _ in {self._context.builtin('range')}({count}):")
        self._indent += 4
        self._depth += 1
        self._indented(item)
        self._depth -= 1
        self._indent -= 4
        self._emit("at += 1")

    def _array(self, items: Plan, bytes_min: int, target: str) -> None:
        array, item = self._variable("items"), self._variable("item")
        self._emit(f"{array}: {self._context.builtin('list')}[{self._context.builtin('object')}] = []")
        self._emit(f"{target} = {array}")

        def append() -> None:
            self._plan(items, item)
            self._emit(f"{array}.append({item})")

        self._blocks(bytes_min, append)

    def _map(self, values: Plan, bytes_min: int, target: str) -> None:
        mapping, key = self._variable("mapping"), self._variable("key")
        text, anything = self._context.builtin("str"), self._context.builtin("object")
        self._emit(f"{mapping}: {self._context.builtin('dict')}[{text}, {anything}] = {{}}")
        self._emit(f"{target} = {mapping}")

        def put() -> None:
            self._primitive("string", key)
            self._plan(values, f"{mapping}[{key}]")

        self._blocks(bytes_min, put)

    def _union(self, branches: Sequence[Plan], target: str) -> None:
        """Emit a chain of ifs over the writer's branches; a nullable type is None unless the other branch follows."""
        nulls = [_reads_null(each) for each in branches]
        if target.isidentifier():
            self._emit(f"{target}: {self._context.builtin('object')}")
        if len(branches) != 2 or not any(nulls):
            self._choose(len(branches), lambda number: self._plan(branches[number], target))
            return
        branch = self._position(2, "branch")
        other = nulls.index(False)
        self._emit(f"{target} = None")
        self._emit(f"if {branch} == {other << 1}:")
        self._indented(lambda: self._plan(branches[other], target))
        self._emit(f"elif {branch}:" if other else f"elif {branch} != 2:")
        self._indented(lambda: self._no_branch(branch))

    def _choose(self, count: int, read: Callable[[int], None]) -> None:
        """Emit a chain of ifs over so many branches; `read` emits what is done for one of them."""
        branch = self._position(count, "branch")
        for number in range(count):
            self._emit(f"{'el' if number else ''}if {branch} == {number << 1}:")
            self._indented(partial(read, number))
        if count:
            self._emit("else:")
            self._indented(lambda: self._no_branch(branch))
        else:
            self._no_branch(branch)

    def _no_branch(self, branch: str) -> None:
        self._emit(f"raise {self._context.helper('no_branch')}({branch})")

    def _skip(self, node: Node) -> None:
        """Emit the statements that move `at` past a datum of the writer's."""
        writer = self._resolution.writer
        match node:
            case Primitive(type="null"):
                pass
            case Primitive(type=kind):
                self._primitive(kind, "_")
            case Array() | Map() if self._depth == DEPTH_MAX:
                self._apart("_", lambda result: self._skip_apart(node, result))
            case Array(items=child):
                self._blocks(size_min(child, writer), lambda: self._skip(child))
            case Map(values=child):
                self._blocks(1 + size_min(child, writer), lambda: self._skip_pair(child))
            case Union(branches=branches):
                self._choose(len(branches), lambda number: self._skip(branches[number]))
            case Reference():
                self._skip_named(node, writer)

    def _skip_apart(self, node: Node, result: str) -> None:
        self._skip(node)
        self._emit(f"{result} = None")

    def _skip_pair(self, value: Node) -> None:
        self._primitive("string", "_")
        self._skip(value)

    def _skip_named(self, node: Reference, writer: Schema) -> None:
        definition = writer.definition(node)
        match definition:
            case Enum(symbols=symbols):
                position = self._position(len(symbols), "position")
                self._emit(f"if {position} & 1 or {position} >= {len(symbols) << 1}:")
                self._indented(lambda: self._no_branch(position))
            case Fixed(size=size):
                self._emit(f"at += {size}")
            case Record():
                self._emit(f"at = {self._context.reader((definition.name, ''))}(data, at)")


def _reads_null(plan: Plan) -> bool:
    plan = plan.plan if isinstance(plan, IntoBranch) else plan
    return isinstance(plan, Read) and plan.writer.type == "null"
