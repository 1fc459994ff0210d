"""Where code uses an attribute of a generated class: what reads it, what writes it, what may do so unseen.

A use is `certain` where the type of the object is the class, a union with it, or a protocol that it keeps. Where the type
is Any or object, where a function that reads every field is handed on, or an object of the class is given to code that
takes anything and is not looked at, it may be a use.
"""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mypy.types import CallableType, Type, get_proper_type

from codegen.usage.attribute import Attribute
from codegen.usage.given_away import given_away, may_be_given
from codegen.usage.typed_code import Module, TypedCode
from codegen.usage.use import Kind, Use

_WHOLE: Final = frozenset({"dataclasses.asdict", "dataclasses.astuple", "builtins.vars"})
_REPLACE: Final = frozenset({"dataclasses.replace", "copy.replace"})
_BY_NAME: Final = frozenset({"builtins.getattr", "builtins.hasattr"})
_GETTER: Final = "operator.attrgetter"
_CALLER: Final = "operator.methodcaller"
_READERS: Final = _WHOLE | _BY_NAME | {_GETTER, _CALLER, "dataclasses.fields"}
_SIMPLE_NAMES: Final = frozenset(each.rpartition(".")[2] for each in _READERS | _REPLACE)
_GET_METHODS: Final = frozenset({"__getattribute__", "__getattr__"})
_WHOLE_METHODS: Final = frozenset({"__dict__", "__getstate__", "__reduce__", "__reduce_ex__"})
_LISTS_OF_FIELDS: Final = frozenset({"__slots__", "__dataclass_fields__", "__match_args__"})
_GIVEN_AWAY: Final = "the whole event is given to code that is not looked at"
_LATER: Final = "the name of the field is known only when it runs"
_NO_TYPE: Final = "the type of the object is not known"
_NOT_HERE: Final = "not for this machine or Python, so without types; it may be given the whole event"


@dataclass(frozen=True, slots=True)
class _Found:
    """What a place in a module is; `certain` is None where it is nothing."""

    kind: Kind
    line: int
    certain: bool | None
    why: str = ""


def find(code: TypedCode, attribute: Attribute) -> list[Use]:
    """Return the uses of an attribute, each line once for each kind; a certain use counts before a possible one."""
    uses: dict[tuple[Path, int, Kind], Use] = {}
    near = _near(code, attribute)
    for module in code.modules.values():
        handed_on = _handed_on(module) if module.name in near else ()
        for found in (*_in_module(code, module, attribute), *handed_on):
            place = module.path, found.line, found.kind
            if found.certain is not None and (place not in uses or (found.certain and not uses[place].certain)):
                source = module.lines[found.line - 1].strip()
                uses[place] = Use(*place, found.certain, source, found.why)
    return sorted(uses.values())


def _near(code: TypedCode, attribute: Attribute) -> set[str]:
    """Return the modules that import the class's module, directly or not, and all that these import."""
    importing = [each for each in code.modules.values() if attribute.module in each.imports]
    return {name for each in importing for name in (each.name, *each.imports)}


def _in_module(code: TypedCode, module: Module, attribute: Attribute) -> Iterator[_Found]:
    for node in ast.walk(module.tree):
        match node:
            case ast.Attribute(attr=attribute.name, value=value) if not module.is_module(value):  # event.lines
                held = attribute.held(module.type_of(value), named=True)
                yield _read(node.end_lineno or node.lineno, held)
            case ast.Attribute(attr=name, value=value) if name in _WHOLE_METHODS:
                yield _Found(Kind.READ, node.lineno, attribute.held(module.type_of(value)), f"{name} has every field")
            case ast.Attribute(attr=name, value=value) if name in _LISTS_OF_FIELDS:
                held = False if attribute.held(module.type_of(value)) else None
                yield _Found(Kind.READ, node.lineno, held, f"{name} names every field")
            case ast.MatchClass(cls=cls, kwd_attrs=names, kwd_patterns=patterns):  # case PaymentCaptured(lines=...)
                for name, pattern in zip(names, patterns, strict=True):
                    if name == attribute.name:
                        yield _read(pattern.lineno, attribute.held(module.type_of(cls), named=True))
            case ast.Call():
                yield from _in_call(code, module, attribute, node)


def _handed_on(module: Module) -> Iterator[_Found]:
    """Yield where a function that reads fields is not called but handed on: what it is called with is not known."""
    called = {id(node.func) for node in ast.walk(module.tree) if isinstance(node, ast.Call)}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load) and id(node) not in called:
            simple = module.spelled(node).rpartition(".")[2]
            name = module.name_of(node) if simple in _SIMPLE_NAMES else ""
            if name in _READERS | _REPLACE:
                kind = Kind.WRITE if name in _REPLACE else Kind.READ
                yield _Found(kind, node.lineno, False, f"{simple} is handed on, and what it is given is not known")


def _in_call(code: TypedCode, module: Module, attribute: Attribute, call: ast.Call) -> Iterator[_Found]:
    """Yield what constructors, `replace(event, lines=...)`, `getattr(event, "lines")` and their like do."""
    name = module.name_of(call.func)
    method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    if _is_constructor(module.type_of(call.func), attribute):
        yield from _written(call, attribute, True)
    elif name in _REPLACE:
        yield from _written(call, attribute, _subject(module, call, attribute))
    elif name in _BY_NAME:
        names = call.args[:1] if _is_starred(call) else call.args[1:2]
        is_known = any(isinstance(each, ast.Constant) for each in names)
        yield from _named(call, names, attribute, _subject(module, call, attribute, named=is_known))
    elif name == _GETTER:
        yield from _named(call, call.args, attribute, False)
    elif name == _CALLER:
        yield from _method_called(call, attribute)
    elif name in _WHOLE:
        held = _subject(module, call, attribute)
        yield _Found(Kind.READ, call.lineno, held, f"{name.rpartition('.')[2]} reads every field")
    elif isinstance(call.func, ast.Attribute) and method in _GET_METHODS:
        is_bound = len(call.args) == 1  # event.__getattribute__("lines"), or object.__getattribute__(event, "lines")
        held = attribute.held(module.type_of(call.func.value if is_bound else call.args[0]), named=True)
        yield from _named(call, call.args[-1:], attribute, held)
    elif module.is_skipped(call.func) and may_be_given(code, module, call, attribute):
        yield _Found(Kind.READ, call.lineno, False, _NOT_HERE)
    else:
        yield from (_Found(Kind.READ, line, False, _GIVEN_AWAY) for line in given_away(code, module, call, attribute))


def _is_starred(call: ast.Call) -> bool:
    return bool(call.args) and isinstance(call.args[0], ast.Starred)


def _subject(module: Module, call: ast.Call, attribute: Attribute, *, named: bool = False) -> bool | None:
    """Say whether the object that a function of the standard library looks at is of the class."""
    objects = call.args[:1] or [each.value for each in call.keywords if each.arg == "obj"]
    if _is_starred(call) or (not objects and any(each.arg is None for each in call.keywords)):
        return False
    return attribute.held(module.type_of(objects[0]), named=named) if objects else None


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


def _method_called(call: ast.Call, attribute: Attribute) -> Iterator[_Found]:
    """Yield what a `methodcaller` reads that calls one of the methods which every object has."""
    match call.args:
        case [ast.Constant(value=name), *more] if name in _GET_METHODS:
            yield from _named(call, more[:1], attribute, False)
        case [ast.Constant(value=name), *_] if name not in _WHOLE_METHODS:
            return
        case _:
            yield _Found(Kind.READ, call.lineno, False, _LATER)
