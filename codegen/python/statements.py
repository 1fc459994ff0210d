"""Statements that are too long for a line, broken as `ruff format` would; users of the generator need not have it.

Brackets are broken first: what is in them moves to a line of its own, then each item to one of its own. An expression
that ends in none gets parentheses. Within brackets, a line may also end before each operator.
"""

import ast
from collections.abc import Iterable, Sequence
from typing import Final

from codegen.python.layout import (
    WIDTH,
    Document,
    Group,
    IfBroken,
    Joined,
    LineEnd,
    MaybeInParentheses,
    printed,
    width,
)

_HEADS: Final = ("class ", "def ", "elif ", "if ")
_OPERATORS: Final[dict[type[ast.AST], str]] = {
    ast.Add: "+",
    ast.BitOr: "|",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.Eq: "==",
    ast.And: "and",
    ast.Or: "or",
}
"""All that generated code has in places where a line may end before one."""
_Operation = ast.IfExp | ast.BinOp | ast.BoolOp | ast.Compare
_Brackets = ast.Call | ast.Subscript | ast.List | ast.Tuple | ast.Dict


def laid_out(lines: Sequence[str]) -> list[str]:
    """Return lines of code, each a statement or the head of one, with those that are too long broken into several."""
    return [part for line in lines for part in ([line] if width(line) <= WIDTH else _broken(line))]


def _broken(line: str) -> list[str]:
    code = line.lstrip(" ")
    before = "el" if code.startswith("elif ") else ""
    whole = f"{code} ..." if code.startswith(_HEADS) else code
    source = whole.removeprefix(before)
    (statement,) = ast.parse(source).body
    return printed(Joined((before, _Documents(source).statement(statement))), len(line) - len(code))


class _Documents:
    """Makes documents of the nodes of one statement."""

    def __init__(self, source: str) -> None:
        self._source = source.encode()

    def statement(self, statement: ast.stmt) -> Document:
        """Return the document of a statement, or of the head of one."""
        match statement:
            case ast.Assign(targets=[target], value=value):
                always = isinstance(target, ast.Tuple | ast.Subscript)
                return Joined((self._target(target), " = ", self._outermost(value, always=always)))
            case ast.AnnAssign(target=target, annotation=annotation, value=None):
                return Joined((self._text(target), ": ", self._outermost(annotation)))
            case ast.AnnAssign(target=target, annotation=annotation, value=ast.expr() as value):
                is_plain = isinstance(annotation, ast.Name | ast.Constant)
                kind = self._flat(annotation) if is_plain else self._outermost(annotation)
                return Joined((self._text(target), ": ", kind, " = ", self._outermost(value, always=not is_plain)))
            case ast.Return(value=ast.expr() as value):
                return Joined(("return ", self._outermost(value)))
            case ast.Raise(exc=ast.expr() as value, cause=None):
                return Joined(("raise ", self._outermost(value)))
            case ast.If(test=test):
                return Joined(("if ", self._outermost(test), ":"))
            case ast.ClassDef(name=name, bases=bases):
                return Joined((f"class {name}", _arguments([self._within(base) for base in bases]), ":"))
            case ast.FunctionDef(returns=ast.expr() as returns):
                return self._signature(statement, returns)
        raise AssertionError(f"generated code has no such statement: {ast.dump(statement)}")

    def _signature(self, function: ast.FunctionDef, returns: ast.expr) -> Document:
        parameters = [self._parameter(each) for each in function.args.args]
        for position, default in enumerate(reversed(function.args.defaults), 1):
            parameters[-position] = Joined((parameters[-position], " = ", self._within(default)))
        items = _items(parameters, is_comma_last=True)
        inner = items if len(parameters) == 1 else (Group(items),)
        result = self._outermost(returns)
        return Group(
            (f"def {function.name}(", Joined((LineEnd(), *inner), is_indented=True), LineEnd(), ") -> ", result, ":")
        )

    def _parameter(self, parameter: ast.arg) -> Document:
        annotation = parameter.annotation
        return Joined((f"{parameter.arg}: ", self._within(annotation))) if annotation else parameter.arg

    def _target(self, target: ast.expr) -> Document:
        if not isinstance(target, ast.Tuple):
            return self._text(target)
        items = _items([self._text(each) for each in target.elts], is_comma_last=True)
        return Group((IfBroken("("), Joined((LineEnd(), *items), is_indented=True), LineEnd(), IfBroken(")")))

    def _outermost(self, node: ast.expr, *, always: bool = False) -> Document:
        """Return the document of an expression that stands in no brackets: it may get some.

        `always`: where what is before it could be broken instead, also if it does not fit in them.
        """
        if not isinstance(node, _Operation):
            return MaybeInParentheses(self._flat(node), self._within(node), always=always)
        if _can_do_without(node):
            return MaybeInParentheses(self._flat(node), self._within(node), always=True)
        between = Joined((LineEnd(), self._within(node)), is_indented=True)
        return Group((IfBroken("("), between, LineEnd(), IfBroken(")")))

    def _within(self, node: ast.expr) -> Document:
        """Return the document of an expression in brackets: a line may end before its operators."""
        return self._document(node, LineEnd(" "))

    def _flat(self, node: ast.expr) -> Document:
        """Return the document of an expression that is broken in its brackets alone."""
        return self._document(node, " ")

    def _document(self, node: ast.expr, end: "LineEnd | str") -> Document:
        match node:
            case ast.IfExp(body=body, test=test, orelse=other):
                parts = [self._document(each, end) for each in (body, test, other)]
                return Group((parts[0], end, "if ", parts[1], end, "else ", parts[2]))
            case ast.BinOp() | ast.BoolOp() | ast.Compare():
                first, *others = _operands(node)
                parts = [self._document(first[1], end)]
                for operator, operand in others:
                    parts += [end, f"{operator} ", self._document(operand, end)]
                return Group(tuple(parts))
            case ast.Lambda(body=body):
                return Joined(("lambda: ", self._outermost(body, always=True)))
            case ast.NamedExpr(target=target, value=value):
                return Joined((self._text(target), " := ", self._document(value, end)))
            case ast.Attribute(value=value, attr=name):
                return Joined((self._document(value, end), f".{name}"))
            case ast.Call() | ast.Subscript() | ast.List() | ast.Tuple() | ast.Dict():
                return self._brackets(node, end)
        return self._text(node)

    def _brackets(self, node: _Brackets, end: "LineEnd | str") -> Document:
        match node:
            case ast.Call(func=function, args=arguments, keywords=keywords):
                named = [Joined((f"{each.arg}=", self._within(each.value))) for each in keywords]
                return Joined((self._document(function, end), _arguments([*map(self._within, arguments), *named])))
            case ast.Subscript(value=value, slice=ast.Tuple(elts=elements)):
                return Joined(
                    (self._document(value, end), _bracketed("[", (Group(_items(map(self._within, elements))),), "]"))
                )
            case ast.Subscript(value=value, slice=item):
                return Joined((self._document(value, end), _bracketed("[", (self._within(item),), "]")))
            case ast.List(elts=elements):
                return _bracketed("[", _items(map(self._within, elements)), "]")
            case ast.Tuple(elts=elements):
                return _bracketed("(", _items(map(self._within, elements), is_comma_last=True), ")")
            case ast.Dict(keys=keys, values=values):
                pairs = zip(keys, values, strict=True)
                items = [Joined((self._text(key), ": ", self._within(value))) for key, value in pairs if key]
                return _bracketed("{", _items(items), "}")

    def _text(self, node: ast.expr) -> str:
        return self._source[node.col_offset : node.end_col_offset].decode()


def _items(documents: Iterable[Document], *, is_comma_last: bool = False) -> tuple[Document, ...]:
    """Return items with commas; after the last one if each is on a line of its own, and there are several."""
    items = tuple(documents)
    parts = [part for item in items for part in (item, ",", LineEnd(" "))][:-2]
    return (*parts, IfBroken(",")) if is_comma_last or len(items) > 1 else tuple(parts)


def _arguments(documents: Sequence[Document]) -> Document:
    return _bracketed("(", (Group(_items(documents)),), ")") if documents else "()"


def _bracketed(opening: str, parts: Sequence[Document], closing: str) -> Document:
    if not parts:
        return f"{opening}{closing}"
    return Group((opening, Joined((LineEnd(), *parts), is_indented=True), LineEnd(), closing))


def _operands(node: ast.BinOp | ast.BoolOp | ast.Compare) -> list[tuple[str, ast.expr]]:
    """Return the operands of operators that bind equally, in their order, each after its operator."""
    match node:
        case ast.BoolOp(op=operator, values=values):
            return [(_OPERATORS[type(operator)], value) for value in values]
        case ast.Compare(left=first, ops=operators, comparators=others):
            names = [_OPERATORS[type(operator)] for operator in operators]
            return [("", first), *zip(names, others, strict=True)]
    found: list[tuple[str, ast.expr]] = []
    left: ast.expr = node
    while isinstance(left, ast.BinOp):  # from the right; there may be a thousand
        found.append((_OPERATORS[type(left.op)], left.right))
        left = left.left
    return [("", left), *reversed(found)]


def _can_do_without(node: _Operation) -> bool:
    """Say whether an operation needs no parentheses because its brackets can be broken: if it is one, with a call at an end."""
    if isinstance(node, ast.IfExp) or len(_operands(node)) > 2:
        return False
    leaves = _leaves(node)
    return any(isinstance(leaf, ast.Call) and bool(leaf.args) for leaf in (leaves[0], leaves[-1]))


def _leaves(node: ast.expr) -> list[ast.expr]:
    if not isinstance(node, ast.BinOp | ast.BoolOp | ast.Compare):
        return [node]
    return [leaf for _, operand in _operands(node) for leaf in _leaves(operand)]
