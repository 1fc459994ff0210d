"""The code of all services, as far as it can be read: together, or, where that does not go, each for itself.

Two services that both have an `app.py` cannot be read together, and code that mypy refuses hides its own service only.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from codegen.usage import typed_code
from codegen.usage.typed_code import INSTALLED, Module, TypedCode, UnreadableCodeError, is_test

FILES_MAX: Final = 3
"""How many files that were not read are named of each service."""


@dataclass(frozen=True, slots=True)
class ServiceCode:
    """What could be read, in one part or in several, and why there may be more."""

    parts: Sequence[TypedCode]
    unread: Sequence[str]

    @property
    def modules(self) -> Iterator[Module]:
        """All modules; one that several services share may come more than once."""
        for part in self.parts:
            yield from part.modules.values()


def read(folders: Mapping[str, Path], generated: Path) -> ServiceCode:
    """Return the code in the services' folders; raise ContractsError where mypy is not installed."""
    refused = list[str]()
    try:
        parts = [typed_code.read(folders.values(), generated)]
    except UnreadableCodeError:
        parts = []
        for name, folder in folders.items():
            try:
                parts.append(typed_code.read([folder], generated))
            except UnreadableCodeError as error:
                refused.append(f"mypy cannot read the code of {name}: {error}")
    broken = dict.fromkeys(each for part in parts for each in part.broken)
    code = ServiceCode(parts, [])
    return ServiceCode(parts, [*refused, *broken, *_left_out(folders, code, generated)])


def _left_out(folders: Mapping[str, Path], code: ServiceCode, generated: Path) -> Iterator[str]:
    """Yield which files of a service are not read, as mypy is told to leave them out or has a .pyi instead."""
    seen = {module.path.resolve() for module in code.modules}
    for name, folder in folders.items():
        files = {_source(each) for each in folder.rglob("*.py*") if _is_code(each, folder, generated)}
        missed = [typed_code.shown(each).as_posix() for each in sorted(files - seen)]
        if missed:
            more = f" and {len(missed) - FILES_MAX} more" if len(missed) > FILES_MAX else ""
            yield f"Not all code of {name} was read, for mypy does not look at {', '.join(missed[:FILES_MAX])}{more}."


def _is_code(path: Path, folder: Path, generated: Path) -> bool:
    inner = path.relative_to(folder)
    is_foreign = not INSTALLED.isdisjoint(inner.parts) or path.resolve().is_relative_to(generated.resolve())
    is_hidden = any(part.startswith(".") for part in inner.parts)
    return path.suffix in {".py", ".pyi"} and not is_foreign and not is_hidden and not is_test(inner)


def _source(path: Path) -> Path:
    """Return the file that has the code: a .pyi stands for the .py beside it."""
    source = path.with_suffix(".py").resolve()
    return source if source.is_file() else path.resolve()
