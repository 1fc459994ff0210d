"""Generates the functions that write records: one expression a field, nothing interpreted at run time."""

from codegen.avro.schema import Array, Fixed, Logical, Map, Node, Primitive, Record, Reference, Schema, Union
from codegen.python.names import attribute, class_name, snake_case
from codegen.python.text import bracketed
from codegen.python.types import LOGICAL, Context, annotation, python_kind


class Encoder:
    """Writes functions for records of one schema into one context."""

    def __init__(self, schema: Schema, context: Context) -> None:
        self._schema = schema
        self._context = context
        self._parts: list[str] = []  # functions for unions and nested containers, before the record's own

    def record(self, record: Record) -> list[str]:
        """Return the lines of the function that writes a record, and of those it needs for parts of it."""
        self._parts = []
        cls = self._context.type_name(record.name)
        prefix = f"_write_{snake_case(record.name)}"
        parts = [
            self._expression(field.type, f"value.{attribute(field.name)}", f"{prefix}_{field.name}")
            for field in record.fields
        ]
        function = [
            *bracketed(f"def {self._context.writer(record.name)}(", [f"value: {cls}"], ") -> bytes:"),
            '    """Return `value` as Avro bytes."""',
            f"    if value.__class__ is not {cls}:",
            f'        raise {self._context.builtin("TypeError")}("not of class {class_name(record.name)}")',
            *_joined(parts),
        ]
        return [*self._parts, *function]

    def _expression(self, node: Node, value: str, name: str) -> str:
        """Return the expression of the bytes of `value`; `name` is free for a function, should one be needed."""
        helper = self._context.helper
        match node:
            case Primitive(logical=Logical(name=logical)):
                return f"{helper(LOGICAL[logical][2])}({value})"
            case Primitive(type=kind):
                return f"{helper(f'write_{kind}')}({value})"
            case Array(items=items):
                item = self._item(items, f"{name}_item")
                return f"{helper('write_items')}([{item} for item in {helper('as_list')}({value})])"
            case Map(values=values):
                item = self._item(values, f"{name}_item")
                item = f"({item})" if " if " in item else item
                pair = f"{helper('write_string')}(key) + {item}"
                return f"{helper('write_items')}([{pair} for key, item in {helper('as_items')}({value})])"
            case Union():
                return self._union(node, value, name)
            case Reference():
                return self._named(node, value)

    def _item(self, node: Node, name: str) -> str:
        """Return the expression of one `item`; a container within a container is written by a function of its own."""
        if not isinstance(node, Array | Map):
            return self._expression(node, "item", name)
        kind = annotation(node, self._schema, self._context)
        written = self._expression(node, "value", name)
        self._parts += [f"def {name}(value: {kind}) -> bytes:", f"    return {written}", "", ""]
        return f"{name}(item)"

    def _named(self, node: Reference, value: str) -> str:
        definition = self._schema.definition(node)
        match definition:
            case Fixed(logical=None, size=size):
                return f"{self._context.helper('write_fixed')}({value}, {size})"
            case Fixed():
                return f"{self._context.helper('write_uuid_fixed')}({value})"
        return f"{self._context.writer(definition.name)}({value})"

    def _union(self, union: Union, value: str, name: str) -> str:
        """Return a conditional for a nullable type, the call of a function for anything wider."""
        null = Primitive("null")
        others = [branch for branch in union.branches if branch != null]
        if len(others) == 1 and len(union.branches) == 2:
            position = {branch: _position(index) for index, branch in enumerate(union.branches)}
            other = self._expression(others[0], value, name)
            return f"{position[null]} if {value} is None else {position[others[0]]} + {other}"
        self._parts += self._branching(union, name)
        return f"{name}({value})"

    def _branching(self, union: Union, name: str) -> list[str]:
        lines = [f"def {name}(value: {self._context.builtin('object')}) -> bytes:"]
        ranks = {"str": 1}  # an enum's member is a str as well
        branches = [(python_kind(branch, self._schema), index, branch) for index, branch in enumerate(union.branches)]
        for kind, index, branch in sorted(branches, key=lambda each: ranks.get(each[0], 0)):
            written = self._expression(branch, "value", f"{name}_{index}")
            bytes_ = _position(index) if kind == "null" else f"{_position(index)} + {written}"
            lines += [
                f"    if {self._test(branch, kind, kinds={k for k, _, _ in branches})}:",
                f"        return {bytes_}",
            ]
        return [*lines, f"    raise {self._context.helper('no_branch')}(value)", "", ""]

    def _test(self, branch: Node, kind: str, kinds: set[str]) -> str:
        """Return the condition under which a value is meant for this branch of a union."""
        context = self._context
        if kind == "null":
            return "value is None"
        if kind in {"int", "long", "date"}:
            return f"{context.helper('is_int32' if kind == 'int' else f'is_{kind}'.replace('long', 'int'))}(value)"
        if kind == "float" and not kinds & {"int", "long"}:
            return f"{context.helper('is_number')}(value)"
        isinstance_ = context.builtin("isinstance")
        if isinstance(branch, Reference) and not isinstance(self._schema.definition(branch), Fixed):
            return f"{isinstance_}(value, {context.type_name(branch.name)})"
        if kind in {"UUID", "time", "datetime"}:
            return f"{isinstance_}(value, {context.imported('uuid' if kind == 'UUID' else 'datetime', kind)})"
        names = {"array": ("list", "tuple"), "map": ("dict",), "boolean": ("bool",), "bytes": ("bytes", "bytearray")}
        types = " | ".join(context.builtin(name) for name in names.get(kind, (kind,)))
        return f"{isinstance_}(value, {types})"


def _position(index: int) -> str:
    """Return the literal of a union branch's position."""
    number = index << 1
    if number > 127:
        return f'b"\\x{number & 127 | 128:02x}\\x{number >> 7:02x}"'
    return f'b"\\x{number:02x}"'


def _joined(parts: list[str]) -> list[str]:
    """Return the statement that returns all parts as one."""
    if len(parts) < 2:
        return [f"    return {parts[0]}" if parts else '    return b""']
    lines = bracketed('    return b"".join((', parts, "))")
    if len(lines) == 1:
        return lines
    return ['    return b"".join(', "        (", *(f"            {part}," for part in parts), "        )", "    )"]
