"""Types that are valid Avro and that no Python class is generated for: refused before any code is, with schema and field."""

from collections.abc import Iterator
from typing import Final

from codegen.avro.schema import Array, Map, Node, Record, Schema, Union
from codegen.errors import UnsupportedSchema
from codegen.python.conversions import converted

BRANCHES_MAX: Final = 1000
"""Branches of a union: Python's compiler follows a chain of as many ifs, and not of thrice as many."""


def refuse_unsupported(record: Record, schema: Schema) -> None:
    """Raise UnsupportedSchema at the first field of a type that its class could not have."""
    for field in record.fields:
        for node in _nodes(field.type):
            if reason := _why_unsupported(node, schema):
                raise UnsupportedSchema(f"{record.name}.{field.name}: {reason}")


def _why_unsupported(node: Node, schema: Schema) -> str | None:
    if isinstance(node, Union) and len(node.branches) > BRANCHES_MAX:
        return f"a union of {len(node.branches)} branches: Python takes no more than {BRANCHES_MAX}"
    if known := converted(node, schema):
        try:
            _ = known.decimal_type
        except (OverflowError, ValueError):
            return f"decimal({known.logical.precision}, {known.logical.scale}): Python's decimals have no such scale"
    return None


def _nodes(node: Node) -> Iterator[Node]:
    """Yield a type and those within it, but for what named types are made of."""
    yield node
    match node:
        case Array(items=inner) | Map(values=inner):
            yield from _nodes(inner)
        case Union(branches=branches):
            for branch in branches:
                yield from _nodes(branch)
        case _:
            pass
