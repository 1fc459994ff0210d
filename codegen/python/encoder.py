"""Generates the functions that write records: one expression a field, nothing interpreted at run time."""

from typing import Protocol

from codegen.avro.schema import Array, Fixed, Map, Node, Primitive, Record, Reference, Schema, Union
from codegen.python.conversions import converted
from codegen.python.names import attribute_names
from codegen.python.types import Context, annotation, python_kind

_NULL = Primitive("null")
_TESTS = {
    "UUID": "is_uuid",
    "int": "is_int32",
    "long": "is_int",
    "date": "is_date",
    "bytes": "is_bytes",
    "array": "is_array",
    "map": "is_map",
}
_BRANCHES_OF_ONE_BYTE = 64


class WriterContext(Context, Protocol):
    """Where writing code is generated into."""

    def writer(self, name: str) -> str:
        """Return what the function is called that writes this record."""
        ...

    def symbol_bytes(self, name: str) -> str:
        """Return what the table is called that has the bytes of each member of this enum."""
        ...


class Encoder:
    """Writes functions for records of one schema into one context."""

    def __init__(self, schema: Schema, context: WriterContext) -> None:
        self._schema = schema
        self._context = context
        self._parts: list[str] = []  # functions for unions and nested containers, before the record's own

    def record(self, record: Record) -> list[str]:
        """Return the lines of the function that writes a record, and of those it needs for parts of it."""
        self._parts = []
        cls = self._context.type_name(record.name)
        writer = self._context.writer(record.name)
        attributes = attribute_names(tuple(field.name for field in record.fields))
        parts = [
            part
            for field in record.fields
            for part in self._field(field.type, f"value.{attributes[field.name]}", f"_{writer}_{field.name}")
        ]
        function = [
            f"def {writer}(value: {cls}) -> bytes:",
            '    """Return `value` as Avro bytes."""',
            f"    if value.__class__ is not {cls}:",
            f'        raise {self._context.builtin("TypeError")}("not of class {cls}")',
            f"    return {_joined(parts)}",
        ]
        return [*self._parts, *function]

    def _field(self, node: Node, value: str, name: str) -> list[str]:
        """Return the expressions of the bytes of `value`, one after the other; of a string its size and its text."""
        if node == Primitive("string"):
            helper = self._context.helper
            return [f"{helper('SIZES')}[{self._context.builtin('len')}(text := {helper('utf8')}({value}))]", "text"]
        return [self._expression(node, value, name)]

    def _expression(self, node: Node, value: str, name: str) -> str:
        """Return the expression of the bytes of `value`; `name` is what a function would be called, if one is needed."""
        if function := self._known_function(node):
            return f"{function}({value})"
        helper = self._context.helper
        match node:
            case Array(items=items):
                return f"{helper('write_array')}({self._function(items, f'{name}_item')}, {value})"
            case Map(values=values):
                return f"{helper('write_map')}({self._function(values, f'{name}_item')}, {value})"
            case Union():
                return self._union(node, value, name)
            case Reference(name=enum):
                definition = self._schema.definition(node)
                if isinstance(definition, Fixed):
                    return f"{helper('write_fixed')}({value}, {definition.size})"
                return f"{self._context.symbol_bytes(enum)}[{value}]"
        raise AssertionError(f"every other type has its function: {node}")

    def _known_function(self, node: Node) -> str | None:
        """Return the function that writes values of this type, if there is one."""
        if known := converted(node, self._schema):
            return self._context.conversion(known, known.conversion.write)
        match node:
            case Primitive(type=kind):
                return self._context.helper(f"write_{kind}")
            case Reference(name=name) if isinstance(self._schema.definition(node), Record):
                return self._context.writer(name)
        return None

    def _function(self, node: Node, name: str) -> str:
        """Return the function that writes values of this type: the one there is, or a new one."""
        if known := self._known_function(node):
            return known
        function = self._context.private(name)
        kind = annotation(node, self._schema, self._context)
        written = self._expression(node, "value", name)
        self._parts += [f"def {function}(value: {kind}) -> bytes:", f"    return {written}", "", ""]
        return function

    def _union(self, union: Union, value: str, name: str) -> str:
        """Return a conditional for a nullable type, the call of a function for anything wider."""
        others = [branch for branch in union.branches if branch != _NULL]
        if len(others) == 1 and len(union.branches) == 2:
            position = {branch: _position(index) for index, branch in enumerate(union.branches)}
            other = self._expression(others[0], value, name)
            return f"{position[_NULL]} if {value} is None else {position[others[0]]} + {other}"
        function = self._context.private(name)
        self._parts += self._branching(union, function)
        return f"{function}({value})"

    def _branching(self, union: Union, name: str) -> list[str]:
        """Return the function that writes a value as the first branch which holds it, by its class where it has one."""
        kinds = [python_kind(branch, self._schema) for branch in union.branches]
        lines = [f"def {name}(value: {self._context.builtin('object')}) -> bytes:"]
        closed: set[str] = set()  # kinds of which an earlier branch holds every value
        order = sorted(range(len(kinds)), key=lambda index: kinds[index] == "str")  # an enum's member is a str as well
        for index in order:
            kind, branch = kinds[index], union.branches[index]
            if kind in closed:
                continue
            exact = self._exact_test(branch, kinds) if kind in kinds[index + 1 :] else None
            if exact is None:
                closed.add(kind)
            bytes_ = _position(index)
            if kind != "null":
                bytes_ += f" + {self._expression(branch, 'value', f'{name}_{index}')}"
            lines += [f"    if {exact or self._test(branch, kind, kinds)}:", f"        return {bytes_}"]
        return [*lines, f"    raise {self._context.helper('no_branch_for')}(value)", "", ""]

    def _exact_test(self, branch: Node, kinds: list[str]) -> str | None:
        """Return the condition under which a branch holds a value of its Python type; None if it holds all of them."""
        helper = self._context.helper
        known = converted(branch, self._schema)
        if known and known.decimal_type:
            return f"{self._context.conversion(known, 'fits')}(value)"
        if known:
            return f"{helper('is_whole_millis')}(value)" if known.logical.name == "time-millis" else None
        if branch == Primitive("float"):
            test = f"{helper('is_single')}(value)"
            return f"{self._test(branch, 'float', kinds)} and {test}" if {"int", "long"} & {*kinds} else test
        definition = self._schema.definition(branch) if isinstance(branch, Reference) else None
        return f"{helper('is_bytes')}(value, {definition.size})" if isinstance(definition, Fixed) else None

    def _test(self, branch: Node, kind: str, kinds: list[str]) -> str:
        """Return the condition under which a value is meant for this branch of a union."""
        context = self._context
        if kind == "null":
            return "value is None"
        if kind in _TESTS:  # never a class of the schema's: those are kinds of their own
            return f"{context.helper(_TESTS[kind])}(value)"
        if kind == "float" and "int" not in kinds and "long" not in kinds:
            return f"{context.helper('is_number')}(value)"
        if known := converted(branch, self._schema):
            types = context.imported(known.conversion.module, known.conversion.type)
        elif isinstance(branch, Reference):
            types = context.type_name(branch.name)
        else:
            types = context.builtin("bool" if kind == "boolean" else kind)
        return f"{context.builtin('isinstance')}(value, {types})"


def _position(index: int) -> str:
    """Return the literal of a union branch's position."""
    number = index << 1
    if index < _BRANCHES_OF_ONE_BYTE:
        return f'b"\\x{number:02x}"'
    return f'b"\\x{number & 127 | 128:02x}\\x{number >> 7:02x}"'


def _joined(parts: list[str]) -> str:
    """Return the expression of all parts as one."""
    if len(parts) < 2:
        return parts[0] if parts else 'b""'
    return f'b"".join(({", ".join(parts)}))'
