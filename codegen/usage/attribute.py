"""Which types an object has that is of a generated class, or may be, or holds one."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from mypy import nodes
from mypy.types import (
    AnyType,
    CallableType,
    Instance,
    TupleType,
    Type,
    TypeType,
    TypeVarType,
    UnionType,
    get_proper_type,
)

DEPTH_MAX: Final = 6
"""How deep an event may stand in what is given away: a list in a mapping in a tuple in a union."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of a generated class, which is known by its full name in Python; `members` are all that it has."""

    class_name: str
    name: str
    members: frozenset[str]

    @property
    def module(self) -> str:
        """The module of the class."""
        return self.class_name.rpartition(".")[0]

    def is_of(self, info: nodes.TypeInfo) -> bool:
        """Say whether a type is the class, comes of it, or is a protocol that it keeps."""
        return set(info.protocol_members) <= self.members if info.is_protocol else info.has_base(self.class_name)

    def held(self, found: Type | None, *, named: bool = False) -> bool | None:
        """Say whether an object of a type is of the class: True, False where it may be so unseen, None where it is not.

        Where the attribute is `named`, the object may be so, too, if its type has no such attribute.
        """
        proper = get_proper_type(found)
        match proper:
            case None | AnyType():
                return False
            case Instance(type=info):
                if self.is_of(info):
                    return True
                return False if is_object(proper) or (named and info.get(self.name) is None) else None
            case UnionType(items=items):
                return surest(self.held(each, named=named) for each in items)
            case TypeVarType(upper_bound=bound, values=values):
                return surest(self.held(each, named=named) for each in values or [bound])
            case TypeType(item=item):
                return self.held(item)
            case CallableType() if proper.is_type_obj():
                return True if self.is_of(proper.type_object()) else None
        return None

    def inside(self, found: Type | None, depth: int = 0) -> bool:
        """Say whether an object of a type certainly is of the class, or holds one that is (types may be recursive)."""
        inner: Iterable[Type] = ()
        match get_proper_type(found):
            case Instance(type=info, args=arguments):
                if info.has_base(self.class_name):
                    return True
                inner = arguments
            case UnionType(items=items) | TupleType(items=items):
                inner = items
            case TypeVarType(upper_bound=bound, values=values):
                inner = values or [bound]
        return depth < DEPTH_MAX and any(self.inside(each, depth + 1) for each in inner)


def members(module: nodes.MypyFile, class_name: str) -> frozenset[str]:
    """Return the names of all that a class of a module has; none where there is no such class."""
    symbol = module.names.get(class_name)
    node = symbol.node if symbol else None
    return frozenset(node.names) if isinstance(node, nodes.TypeInfo) else frozenset()


def is_object(found: Type | None) -> bool:
    """Say whether a type is `object` itself."""
    proper = get_proper_type(found)
    return isinstance(proper, Instance) and proper.type.fullname == "builtins.object"


def surest(found: Iterator[bool | None]) -> bool | None:
    """Return True if one is, False if one may be, None if none is."""
    answers = set(found)
    return True if True in answers else False if False in answers else None
