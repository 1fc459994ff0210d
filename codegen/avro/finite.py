"""Which types have a datum at all: a record that always contains another one of itself has none, for data are finite.

A least fixpoint finds those that have one, the flattest first.
"""

from collections.abc import Mapping
from itertools import chain
from typing import Final

from codegen.avro.schema import Definition, Enum, Node, Record, Reference, Union, names_used

ENDLESS: Final = float("inf")
Heights = Mapping[str, float]
"""How many records stand within one another in the flattest datum of a type, by full name; no entry: it has none."""


def heights(types: Mapping[str, Definition]) -> Heights:
    """Return the heights of named types; each round finds those that are one higher. What is not among them has one."""
    found: dict[str, float] = {name: 0 for each in types.values() for name in names_used(each) if name not in types}
    while True:
        grown = {name: _definition_height(each, found) for name, each in types.items() if name not in found}
        grown = {name: height for name, height in grown.items() if height < ENDLESS}
        if not grown:
            return found
        found.update(grown)


def height(node: Node, found: Heights) -> float:
    """Return the height of the flattest datum of a node, ENDLESS where it has none."""
    match node:
        case Reference(name=name):
            return found.get(name, ENDLESS)
        case Union(branches=branches):
            return min((height(branch, found) for branch in branches), default=ENDLESS)
    return 0


def endless_in(node: Node, found: Heights) -> frozenset[str]:
    """Return the types without a datum one of which every datum of a node would contain; none if it has one."""
    match node:
        case Reference(name=name):
            return frozenset() if name in found else frozenset({name})
        case Union(branches=branches):
            needed = [endless_in(branch, found) for branch in branches]
            return frozenset(chain.from_iterable(needed)) if all(needed) else frozenset()
    return frozenset()


def _definition_height(definition: Definition, found: Heights) -> float:
    match definition:
        case Enum(symbols=symbols):
            return 0 if symbols else ENDLESS
        case Record(fields=fields):
            return 1 + max((height(field.type, found) for field in fields), default=0)
    return 0
