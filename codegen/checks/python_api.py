"""What a type is in Python, by name: two versions of a class differ for the code that uses them where this differs."""

from collections.abc import Mapping
from typing import Final

from codegen.avro.schema import Array, Fixed, Map, Node, Primitive, Reference, Schema, Union, simple_name
from codegen.python.conversions import converted
from codegen.python.types import PLAIN

_LOCAL: Final[Mapping[str, str]] = {
    "local-timestamp-millis": "datetime without a zone",
    "local-timestamp-micros": "datetime without a zone",
    "local-timestamp-nanos": "int without a zone",
}


def python_type(node: Node, schema: Schema) -> str:
    """Return the Python type of an attribute as people name it; a class that has moved is the same under its name."""
    if known := converted(node, schema):
        return _LOCAL.get(known.logical.name, known.conversion.type)
    match node:
        case Primitive(type=kind, logical=logical):
            return _LOCAL.get(logical.name, PLAIN[kind]) if logical else PLAIN[kind]
        case Array(items=items):
            return f"list[{python_type(items, schema)}]"
        case Map(values=values):
            return f"dict[str, {python_type(values, schema)}]"
        case Union(branches=branches):
            names = {python_type(branch, schema) for branch in branches}
            return " | ".join(sorted(names, key=lambda name: (name == "None", name)))
        case Reference():
            definition = schema.definition(node)
            return "bytes" if isinstance(definition, Fixed) else simple_name(definition.name)
