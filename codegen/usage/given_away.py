"""Objects of a generated class that a call gives to code that takes anything and is not looked at."""

import ast
from collections.abc import Iterator
from typing import Final

from mypy import nodes
from mypy.types import (
    AnyType,
    CallableType,
    Instance,
    LiteralType,
    Overloaded,
    ParamSpecType,
    TupleType,
    Type,
    UnionType,
    get_proper_type,
)

from codegen.usage.attribute import DEPTH_MAX, Attribute, is_object
from codegen.usage.typed_code import Module, TypedCode

_HARMLESS: Final = (
    *("builtins.", "typing.", "collections.", "dataclasses.", "itertools.", "functools.", "copy.", "asyncio."),
)
_CALLS_BACK: Final = (
    *("builtins.map", "builtins.filter", "builtins.sorted", "builtins.max", "builtins.min", "builtins.list.sort"),
    *("functools.", "itertools.", "asyncio.", "threading.", "concurrent.futures.", "multiprocessing."),
)
"""What reads nothing itself, and gives what it gets to a function that is another argument."""
_FORMAT_MAP: Final = "builtins.str.format_map"  # its parameter is a protocol, and any mapping will do
_COLLECTIONS: Final = frozenset({"dict", "list", "tuple", "set", "frozenset", "sorted", "reversed", "iter", "zip"})


def given_away(code: TypedCode, module: Module, call: ast.Call, attribute: Attribute) -> Iterator[int]:
    """Yield the lines of the arguments with objects of the class that go where anything is taken."""
    arguments = [*enumerate(call.args), *((keyword.arg, keyword.value) for keyword in call.keywords)]
    name = _origin(module, call.func)
    if name.startswith(_CALLS_BACK):
        functions = [each for _, each in arguments if _is_function(module, each)]
        if any(not _is_looked_at(code, module, each) and _is_open(module.type_of(each)) for each in functions):
            receiver = [call.func.value] if isinstance(call.func, ast.Attribute) else []
            held = [each for each in [*call.args, *receiver] if _holds(module, each, attribute)]
            held += [each.value for each in call.keywords if _holds(module, each.value, attribute)]
            yield from (each.lineno for each in held)
        if functions:
            return
    if module.name_of(call.func).startswith(_HARMLESS) or _is_looked_at(code, module, call.func):
        return
    for place, argument in arguments:
        is_taken = name == _FORMAT_MAP or _takes_anything(module.type_of(call.func), place)
        if is_taken and _holds(module, argument, attribute):
            yield argument.lineno


def may_be_given(code: TypedCode, module: Module, call: ast.Call, attribute: Attribute) -> bool:
    """Say whether a call in code that is not for this machine, and has no types, may give an object of the class away."""
    name = module.name_of(call.func)
    near = attribute.module in module.imports
    return near and bool(call.args or call.keywords) and not name.startswith(_HARMLESS) and not _is_in(code, name)


def _holds(module: Module, argument: ast.expr, attribute: Attribute) -> bool:
    return any(attribute.inside(module.type_of(each)) for each in _parts(argument))


def _parts(node: ast.expr) -> Iterator[ast.expr]:
    """Yield what an expression is made of: where anything is taken, mypy takes a list of events for one of anything."""
    values: list[ast.expr] = []
    match node:
        case ast.Starred(value=value) | ast.ListComp(elt=value) | ast.SetComp(elt=value) | ast.GeneratorExp(elt=value):
            values = [value]
        case ast.List(elts=elements) | ast.Tuple(elts=elements) | ast.Set(elts=elements) | ast.BoolOp(values=elements):
            values = elements
        case ast.Dict(keys=keys, values=elements):
            values = [*elements, *(each for each in keys if each)]
        case ast.DictComp(key=first, value=second) | ast.IfExp(body=first, orelse=second):
            values = [first, second]
        case ast.BinOp(left=first, right=second):
            values = [first, second]
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=keywords) if name in _COLLECTIONS:
            values = [*arguments, *(each.value for each in keywords)]
    yield node
    for value in values:
        yield from _parts(value)


def _origin(module: Module, func: ast.expr) -> str:
    """Return the full name of what is called; of a method, with the full name of its object's class."""
    if name := module.name_of(func):
        return name
    if not isinstance(func, ast.Attribute):
        return ""
    owner = get_proper_type(module.type_of(func.value))
    match owner:
        case Instance(type=info):
            return f"{info.fullname}.{func.attr}"
        case LiteralType(fallback=fallback):
            return f"{fallback.type.fullname}.{func.attr}"
    return ""


def _is_function(module: Module, argument: ast.expr) -> bool:
    found = get_proper_type(module.type_of(argument))
    is_unknown = found is None or isinstance(found, AnyType)
    is_named = isinstance(argument, ast.Name | ast.Attribute)
    return isinstance(found, CallableType | Overloaded) or (is_unknown and is_named)


def _is_looked_at(code: TypedCode, module: Module, func: ast.expr) -> bool:
    """Say whether a function stands in the code itself, or is harmless: then lines that are seen tell what it reads."""
    if isinstance(func, ast.Lambda):
        return True
    callee = module.expression(func)
    if isinstance(callee, nodes.MemberExpr) and isinstance(func, ast.Attribute) and not callee.fullname:
        owner = get_proper_type(module.type_of(func.value))
        return isinstance(owner, Instance) and _is_method(code, owner.type, func.attr)
    if isinstance(callee, nodes.RefExpr) and isinstance(callee.node, nodes.Var):
        kind = get_proper_type(module.type_of(func))
        return isinstance(kind, Instance) and kind.type.module_name in code.modules
    name = module.name_of(func)
    return _is_in(code, name) or name.startswith(_HARMLESS)


def _is_method(code: TypedCode, info: nodes.TypeInfo, name: str) -> bool:
    """Say whether a class has a method that stands in the code itself, which one from a library's class does not."""
    owner = next((each for each in info.mro if name in each.names), info)
    symbol = owner.names.get(name)
    return owner.module_name in code.modules and not (symbol and isinstance(symbol.node, nodes.Var))


def _is_in(code: TypedCode, name: str) -> bool:
    return any(name.startswith(f"{each}.") for each in code.modules)


def _takes_anything(callee: Type | None, place: int | str | None) -> bool:
    """Say whether the parameter of this place or name takes anything; one that is not known may do so."""
    proper = get_proper_type(callee)
    match proper:
        case None | AnyType():
            return True
        case Overloaded(items=items):
            return any(_takes_anything(item, place) for item in items)
        case CallableType():
            formal = proper.argument_by_name(place) if isinstance(place, str) else proper.argument_by_position(place)
            return formal is None or _is_anything(formal.typ)
    return False


def _is_open(function: Type | None) -> bool:
    """Say whether a function takes anything at any place."""
    proper = get_proper_type(function)
    match proper:
        case Overloaded(items=items):
            return any(map(_is_open, items))
        case CallableType(arg_types=types):
            return any(map(_is_anything, types))
    return True


def _is_anything(taken: Type | None, depth: int = 0) -> bool:
    """Say whether a parameter's type is Any or object, or has it inside: then an event fits there unseen."""
    proper = get_proper_type(taken)
    inner: list[Type] = []
    match proper:
        case None | AnyType() | ParamSpecType():
            return True
        case Instance(args=arguments):
            inner = list(arguments)
        case UnionType(items=items) | TupleType(items=items):
            inner = list(items)
    return is_object(proper) or (depth < DEPTH_MAX and any(_is_anything(each, depth + 1) for each in inner))
