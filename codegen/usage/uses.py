"""Where code uses an attribute of a generated class: what reads it, what writes it, what may do so unseen.

A use is `certain` where the type of the object is the class, a union with it, or a protocol that it keeps. Where the type
is Any, or an object of the class is given to code that takes anything and is not looked at, it may be a use.
"""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mypy import nodes
from mypy.types import (
    AnyType,
    CallableType,
    Instance,
    Overloaded,
    TupleType,
    Type,
    TypeType,
    TypeVarType,
    UnionType,
    get_proper_type,
)

from codegen.usage.typed_code import Module, TypedCode
from codegen.usage.use import Kind, Use

DEPTH_MAX: Final = 6
"""How deep an event may stand in what is given away: a list in a mapping in a tuple in a union."""
_WHOLE: Final = frozenset({"dataclasses.asdict", "dataclasses.astuple", "builtins.vars"})
_REPLACE: Final = frozenset({"dataclasses.replace", "copy.replace"})
_BY_NAME: Final = frozenset({"builtins.getattr", "builtins.hasattr"})
_GETTER: Final = "operator.attrgetter"
_HARMLESS: Final = ("builtins.", "typing.", "collections.", "dataclasses.", "itertools.", "functools.", "copy.")
_GIVEN_AWAY: Final = "the whole event is given to code that is not looked at"
_LATER: Final = "the name of the field is known only when it runs"
_NO_TYPE: Final = "the type of the object is not known"


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of a generated class, which is known by its full name in Python; `members` are all that it has."""

    class_name: str
    name: str
    members: frozenset[str]

    def is_of(self, info: nodes.TypeInfo) -> bool:
        """Say whether a type is the class, or a protocol that it keeps."""
        return set(info.protocol_members) <= self.members if info.is_protocol else info.fullname == self.class_name

    def held(self, found: Type | None) -> bool | None:
        """Say whether an object of a type is of the class: True, False where it may be so unseen, None where it is not."""
        proper = get_proper_type(found)
        match proper:
            case None | AnyType():
                return False
            case Instance(type=info):
                return True if self.is_of(info) else None
            case UnionType(items=items):
                return _surest(map(self.held, items))
            case TypeVarType(upper_bound=bound, values=values):
                return _surest(map(self.held, values or [bound]))
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
                if info.fullname == self.class_name:
                    return True
                inner = arguments
            case UnionType(items=items) | TupleType(items=items):
                inner = items
        return depth < DEPTH_MAX and any(self.inside(each, depth + 1) for each in inner)


@dataclass(frozen=True, slots=True)
class _Found:
    """What a place in a module is; `certain` is None where it is nothing."""

    kind: Kind
    line: int
    certain: bool | None
    why: str = ""


def members(module: nodes.MypyFile, class_name: str) -> frozenset[str]:
    """Return the names of all that a class of a module has; none where there is no such class."""
    symbol = module.names.get(class_name)
    node = symbol.node if symbol else None
    return frozenset(node.names) if isinstance(node, nodes.TypeInfo) else frozenset()


def find(code: TypedCode, attribute: Attribute) -> list[Use]:
    """Return the uses of an attribute, each line once for each kind; a certain use counts before a possible one."""
    uses: dict[tuple[Path, int, Kind], Use] = {}
    for module in code.modules.values():
        for found in _in_module(code, module, attribute):
            place = module.path, found.line, found.kind
            if found.certain is not None and (place not in uses or (found.certain and not uses[place].certain)):
                source = module.lines[found.line - 1].strip()
                uses[place] = Use(*place, found.certain, source, found.why)
    return sorted(uses.values())


def _in_module(code: TypedCode, module: Module, attribute: Attribute) -> Iterator[_Found]:
    for node in ast.walk(module.tree):
        match node:
            case ast.Attribute(attr=attribute.name, value=value) if not module.is_module(value):  # event.lines
                yield _read(node.end_lineno or node.lineno, attribute.held(module.type_of(value)))
            case ast.MatchClass(cls=cls, kwd_attrs=names, kwd_patterns=patterns):  # case PaymentCaptured(lines=...)
                for name, pattern in zip(names, patterns, strict=True):
                    if name == attribute.name:
                        yield _read(pattern.lineno, attribute.held(module.type_of(cls)))
            case ast.Call():
                yield from _in_call(code, module, attribute, node)


def _in_call(code: TypedCode, module: Module, attribute: Attribute, call: ast.Call) -> Iterator[_Found]:
    """Yield what constructors, `replace(event, lines=...)`, `getattr(event, "lines")` and their like do."""
    callee = module.expression(call.func)
    name = callee.fullname if isinstance(callee, nodes.RefExpr) else ""
    first = call.args[0] if call.args else None
    if _is_constructor(module.types.get(callee) if callee else None, attribute):
        yield from _written(call, attribute, True)
    elif name in _REPLACE and first:
        yield from _written(call, attribute, attribute.held(module.type_of(first)))
    elif name in _BY_NAME and first:
        yield from _named(call, call.args[1:2], attribute, attribute.held(module.type_of(first)))
    elif name == _GETTER:
        yield from _named(call, call.args, attribute, False)
    elif name in _WHOLE and first:
        held = attribute.held(module.type_of(first))
        yield _Found(Kind.READ, call.lineno, held, f"{name.rpartition('.')[2]} reads every field")
    elif not name.startswith(_HARMLESS) and not _is_looked_at(code, module, call.func, callee):
        yield from _given_away(module, call, attribute, module.types.get(callee) if callee else None)


def _read(line: int, held: bool | None) -> _Found:
    return _Found(Kind.READ, line, held, _NO_TYPE if held is False else "")


def _is_constructor(callee: Type | None, attribute: Attribute) -> bool:
    proper = get_proper_type(callee)
    if not isinstance(proper, CallableType) or not proper.is_type_obj():
        return False
    return proper.type_object().fullname == attribute.class_name


def _written(call: ast.Call, attribute: Attribute, held: bool | None) -> Iterator[_Found]:
    for keyword in call.keywords:
        if keyword.arg == attribute.name:
            yield _Found(Kind.WRITE, keyword.lineno, held)
        elif keyword.arg is None:  # **values
            yield _Found(Kind.WRITE, keyword.lineno, None if held is None else False, _LATER)


def _named(call: ast.Call, names: Iterable[ast.expr], attribute: Attribute, held: bool | None) -> Iterator[_Found]:
    for name in names:
        if not isinstance(name, ast.Constant):
            yield _Found(Kind.READ, call.lineno, None if held is None else False, _LATER)
        elif attribute.name in str(name.value).split("."):
            yield _read(call.lineno, held)


def _given_away(module: Module, call: ast.Call, attribute: Attribute, callee: Type | None) -> Iterator[_Found]:
    """Yield the arguments with objects of the class that go where anything is taken."""
    arguments = [*enumerate(call.args), *((keyword.arg, keyword.value) for keyword in call.keywords)]
    for place, argument in arguments:
        held = any(attribute.inside(module.type_of(each)) for each in _parts(argument))
        if held and _takes_anything(callee, place):
            yield _Found(Kind.READ, argument.lineno, False, _GIVEN_AWAY)


def _parts(node: ast.expr) -> Iterator[ast.expr]:
    """Yield what an expression is made of: where anything is taken, mypy takes a list of events for one of anything."""
    match node:
        case ast.Starred(value=value) | ast.ListComp(elt=value) | ast.SetComp(elt=value) | ast.GeneratorExp(elt=value):
            yield from _parts(value)
        case ast.List(elts=values) | ast.Tuple(elts=values) | ast.Set(elts=values) | ast.Dict(values=values):
            for value in values:
                yield from _parts(value)
        case _:
            yield node


def _is_looked_at(code: TypedCode, module: Module, func: ast.expr, callee: nodes.Expression | None) -> bool:
    """Say whether what is called stands in the code itself, so that its own lines tell what it reads."""
    if isinstance(callee, nodes.MemberExpr) and isinstance(func, ast.Attribute) and not callee.fullname:
        owner = get_proper_type(module.type_of(func.value))
        return isinstance(owner, Instance) and owner.type.module_name in code.modules
    name = callee.fullname if isinstance(callee, nodes.RefExpr) else ""
    return any(name.startswith(f"{each}.") for each in code.modules)


def _takes_anything(callee: Type | None, place: int | str | None) -> bool:
    """Say whether the parameter of this place or name has the type Any or object; one that is not known may be anything."""
    proper = get_proper_type(callee)
    match proper:
        case None | AnyType():
            return True
        case Overloaded(items=items):
            return any(_takes_anything(item, place) for item in items)
        case CallableType():
            formal = proper.argument_by_name(place) if isinstance(place, str) else proper.argument_by_position(place)
            taken = get_proper_type(formal.typ) if formal else None
            is_object = isinstance(taken, Instance) and taken.type.fullname == "builtins.object"
            return taken is None or is_object or isinstance(taken, AnyType)
    return False


def _surest(found: Iterator[bool | None]) -> bool | None:
    answers = set(found)
    return True if True in answers else False if False in answers else None
