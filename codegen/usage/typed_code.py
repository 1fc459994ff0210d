"""The code of services as mypy sees it: its syntax trees, and the type of every expression in them.

mypy runs twice. The first run finds which modules belong to the code and fills a cache of its own with the libraries;
in the second one these modules are given as text, so that mypy does not take them from the cache, which has no trees.
Whatever is installed as a package is not looked at.
"""

import ast
import builtins
import os
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from codegen.errors import ContractsError

if TYPE_CHECKING:
    from mypy.build import BuildResult
    from mypy.modulefinder import BuildSource
    from mypy.nodes import Expression, MypyFile
    from mypy.options import Options
    from mypy.types import Type

TOOLKIT: Final = Path(__file__).resolve().parents[1]
INSTALLED: Final = frozenset({"site-packages", "dist-packages", "typeshed"})
"""Folders with packages that are not looked at."""


class UnreadableCodeError(ContractsError):
    """Mypy cannot read the code."""


@dataclass(frozen=True, slots=True)
class Module:
    """A module of the code that is looked at; `imports` are the names of all that it imports, directly or not."""

    name: str
    path: Path
    tree: ast.Module
    lines: Sequence[str]
    imports: frozenset[str]
    typed: "MypyFile"
    types: "Mapping[Expression, Type]" = field(repr=False)
    aliases: Mapping[str, str]  # what the names are in full that it imports

    def expression(self, node: ast.expr) -> "Expression | None":
        """Return mypy's own node of an expression; None where it has none."""
        from mypy.inspections import find_by_location

        end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
        return find_by_location(self.typed, node.lineno, node.col_offset, end_line, end_column)

    def name_of(self, node: ast.expr) -> str:
        """Return the full name of a function or class that an expression names; nothing where that is not known."""
        from mypy.nodes import RefExpr

        found = self.expression(node)
        if isinstance(found, RefExpr) and found.fullname:
            return found.fullname
        return self.spelled(node) if self.is_skipped(node) else ""

    def is_skipped(self, node: ast.expr) -> bool:
        """Say whether mypy skips the code, as under `if sys.platform == ...` for another machine than this."""
        from mypy.nodes import NameExpr

        while isinstance(node, ast.Attribute | ast.Call | ast.Subscript):
            node = node.func if isinstance(node, ast.Call) else node.value
        if not isinstance(node, ast.Name) or node.id == "super":
            return False
        found = self.expression(node)
        return isinstance(found, NameExpr) and found.node is None  # mypy binds a name wherever it looks

    def spelled(self, node: ast.expr) -> str:
        """Return the full name of an expression like `dataclasses.asdict` by what the module imports and has."""
        names = list[str]()
        while isinstance(node, ast.Attribute):
            names.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        if node.id in self.typed.names and node.id not in self.aliases:
            first = f"{self.name}.{node.id}"
        else:
            first = self.aliases.get(node.id, f"builtins.{node.id}" if hasattr(builtins, node.id) else node.id)
        return ".".join([first, *reversed(names)])

    def is_module(self, node: ast.expr) -> bool:
        """Say whether an expression is the name of a module."""
        from mypy.nodes import MypyFile, RefExpr

        found = self.expression(node)
        return isinstance(found, RefExpr) and isinstance(found.node, MypyFile)

    def type_of(self, node: ast.expr) -> "Type | None":
        """Return the type of an expression; None where mypy knows none, as in code that is never reached."""
        found = self.expression(node)
        return None if found is None else self.types.get(found)


@dataclass(frozen=True, slots=True)
class TypedCode:
    """Modules by name, all modules that mypy knows, what it finds wrong, and files with a syntax that is none."""

    modules: Mapping[str, Module]
    known: "Mapping[str, MypyFile]"
    errors: tuple[str, ...]
    broken: tuple[str, ...] = ()


def read(folders: Collection[Path], generated: Path) -> TypedCode:
    """Return the code in `folders` and what it imports, but for the toolkit and the `generated` package.

    Raise ContractsError where mypy is not installed, and UnreadableCodeError where it cannot read the code.
    """
    try:
        from mypy.errors import CompileError
        from mypy.find_sources import InvalidSourceList, create_source_list
    except ImportError as error:
        raise ContractsError(
            "the types of the code are mypy's to say, and it is not installed: install mypy"
        ) from error
    if not folders:  # mypy would print that it has nothing to do
        return TypedCode({}, {}, ())
    try:
        return _read(create_source_list([str(folder) for folder in folders], _options()), generated)
    except (CompileError, InvalidSourceList) as error:
        raise UnreadableCodeError(str(error).partition("\n")[0]) from error


def _read(sources: "Sequence[BuildSource]", generated: Path) -> TypedCode:
    from mypy.modulefinder import BuildSource

    paths = [Path(each.path) for each in sources if each.path]
    broken = {path.resolve(): error for path in paths if (error := _syntax_error(path))}
    sources = [_emptied(each) if each.path and Path(each.path).resolve() in broken else each for each in sources]
    first = _build(sources, is_cached=not broken)
    own = {
        name: shown(Path(state.path))
        for name, state in first.graph.items()
        if state.path and _is_own(Path(state.path), generated)
    }
    texts = {name: "" if path.resolve() in broken else path.read_text(encoding="utf-8") for name, path in own.items()}
    sources = [BuildSource(str(own[name]), name, text, _root(own[name], name)) for name, text in texts.items()]
    second = _build(sources, is_cached=not broken)
    modules = {}
    for name, text in texts.items():
        imports = _imports(second, name)
        tree, lines = ast.parse(text), text.splitlines()
        typed = second.files[name]
        modules[name] = Module(name, own[name], tree, lines, imports, typed, second.types, _aliases(tree))
    told = tuple(error for path, error in broken.items() if not is_test(shown(path)))
    return TypedCode(modules, second.files, _errors(second.errors, own.values()), told)


def _syntax_error(path: Path) -> str | None:
    """Return what is wrong with a file of Python that cannot be parsed."""
    try:
        ast.parse(path.read_bytes())
    except (SyntaxError, ValueError) as error:
        return f"{shown(path)} cannot be read: {error}"
    return None


def _emptied(source: "BuildSource") -> "BuildSource":
    """Return a source without its text: what imports from it is still read, and has an error."""
    from mypy.modulefinder import BuildSource

    return BuildSource(source.path, source.module, "", source.base_dir)


def _options() -> "Options":
    from mypy.config_parser import parse_config_file
    from mypy.options import Options

    options = Options()
    parse_config_file(options, lambda: None, None, sys.stderr, sys.stderr)  # strictness is no matter here: types are
    options.check_untyped_defs = True
    options.export_types = True
    options.preserve_asts = True
    options.incremental = True
    if options.cache_dir != os.devnull:
        options.cache_dir = str(Path(options.cache_dir) / "contracts")
    return options


def _build(sources: "Sequence[BuildSource]", *, is_cached: bool) -> "BuildResult":
    """Run mypy; its cache may know of a file that was fine once, and mypy then reads that again though it has a text."""
    from mypy import build

    options = _options()
    options.incremental = is_cached
    return build.build(list(sources), options)


def shown(path: Path) -> Path:
    """Return a path as people say it: relative to where they are, if it is below."""
    whole = path.resolve()
    return whole.relative_to(Path.cwd()) if whole.is_relative_to(Path.cwd()) else path


def _is_own(path: Path, generated: Path) -> bool:
    whole = path.resolve()
    left_out = (whole.is_relative_to(generated.resolve()), whole.is_relative_to(TOOLKIT), not whole.is_file())
    return not any(left_out) and path.suffix == ".py" and INSTALLED.isdisjoint(whole.parts)


def _root(path: Path, name: str) -> str:
    """Return the folder from which a module is imported."""
    return str(path.absolute().parents[name.count(".") + (path.name == "__init__.py")])


def _imports(result: "BuildResult", name: str) -> frozenset[str]:
    seen, ahead = set[str](), [name]
    while ahead:
        state = result.graph.get(ahead.pop())
        new = set(state.dependencies if state else ()) - seen
        seen |= new
        ahead += new
    return frozenset(seen)


def _aliases(tree: ast.Module) -> Mapping[str, str]:
    names = dict[str, str]()
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=imported):
                names |= {each.asname: each.name for each in imported if each.asname}
                names |= {each.name.split(".")[0]: each.name.split(".")[0] for each in imported if not each.asname}
            case ast.ImportFrom(module=module, names=imported, level=level):
                origin = "." * level + (module or "")
                names |= {each.asname or each.name: f"{origin}.{each.name}" for each in imported}
    return names


def _errors(lines: Iterable[str], own: Iterable[Path]) -> tuple[str, ...]:
    """Return mypy's errors in the code itself, but for its tests."""
    paths = {os.path.normpath(path) for path in own if not is_test(path)}
    return tuple(line for line in lines if ": error:" in line and os.path.normpath(line.split(":", 1)[0]) in paths)


def is_test(path: Path) -> bool:
    """Say whether a file is a test, as pytest has them named: it reads to prove, and no event waits for it."""
    name = path.name
    return "tests" in path.parts or name == "conftest.py" or name.startswith("test_") or name.endswith("_test.py")
