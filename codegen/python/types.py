"""What Avro types are in Python: annotations, and which values show by their type which branch of a union they are."""

from collections.abc import Collection, Mapping
from typing import Final, Protocol

from codegen.avro.resolution import ReadEnum, RecordPair
from codegen.avro.schema import Array, Fixed, Map, Node, Primitive, Schema, Union
from codegen.avro.spelling import kind_of
from codegen.python.conversions import Converted, converted

PLAIN: Final[Mapping[str, str]] = {
    "null": "None",
    "boolean": "bool",
    "int": "int",
    "long": "int",
    "float": "float",
    "double": "float",
    "bytes": "bytes",
    "string": "str",
}
_KINDS: Final = {"double": "float", "string": "str"}


class Context(Protocol):
    """Where code is generated into: what things are called there (importing them is its business)."""

    def helper(self, name: str) -> str:
        """Return what a function or value of `codegen.runtime` is called."""
        ...

    def imported(self, module: str, name: str) -> str:
        """Return what a name of another module is called."""
        ...

    def builtin(self, name: str) -> str:
        """Return what a builtin is called."""
        ...

    def conversion(self, of: Converted, function: str) -> str:
        """Return what a function of a logical type's conversion is called."""
        ...

    def type_name(self, name: str) -> str:
        """Return what the class of this record or enum is called."""
        ...

    def draft(self, name: str) -> str:
        """Return what the function is called that makes an instance of this record with nothing in it yet."""
        ...

    def finish(self, name: str) -> list[str]:
        """Return the statements that make a draft, `value`, an instance of this record and return it with `at`."""
        ...

    def symbols(self, plan: ReadEnum) -> str:
        """Return what the table is called that has the member for each first byte of what was written."""
        ...

    def reader(self, pair: RecordPair) -> str:
        """Return what the function is called that reads this pair of records."""
        ...

    @property
    def classes(self) -> Collection[str]:
        """The names of classes that a variable must not hide."""
        ...

    def private(self, name: str) -> str:
        """Return a name, like this one, for a function of one's own."""
        ...

    def read_function(self, pair: RecordPair) -> list[str]:
        """Return the first lines of the function that reads this pair of records."""
        ...


def python_kind(node: Node, schema: Schema) -> str:
    """Return what a value's Python type shows of its Avro type; int and long differ by range."""
    if known := converted(node, schema):
        return known.conversion.type
    match node:
        case Primitive(type=kind):
            return _KINDS.get(kind, kind)
        case Array() | Map() | Union():
            return kind_of(node)
    return "bytes" if isinstance(schema.definition(node), Fixed) else f"class {node.name}"


def annotation(node: Node, schema: Schema, context: Context) -> str:
    """Return the type of a field's attribute."""
    if known := converted(node, schema):
        return context.imported(known.conversion.module, known.conversion.type)
    match node:
        case Primitive(type=kind):
            return PLAIN[kind] if kind == "null" else context.builtin(PLAIN[kind])
        case Array(items=items):
            return f"{context.builtin('list')}[{annotation(items, schema, context)}]"
        case Map(values=values):
            return f"{context.builtin('dict')}[{context.builtin('str')}, {annotation(values, schema, context)}]"
        case Union(branches=branches):
            names = dict.fromkeys(annotation(branch, schema, context) for branch in branches)
            return " | ".join(sorted(names, key=lambda name: name == "None")) or context.imported("typing", "Never")
    definition = schema.definition(node)
    return context.builtin("bytes") if isinstance(definition, Fixed) else context.type_name(definition.name)
