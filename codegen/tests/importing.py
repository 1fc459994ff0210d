"""Imports of generated modules in every order: whichever module a program imports first, all of them work."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).parents[2]
_SCRIPT: Final = """
import importlib, sys
package, *modules = sys.argv[1:]
for first in modules:
    for name in [name for name in sys.modules if name == package or name.startswith(package + ".")]:
        del sys.modules[name]
    types = {}
    for module in [first, *modules]:
        types |= getattr(importlib.import_module(module), "AVRO_TYPES", {})
    for name, cls in types.items():
        assert getattr(sys.modules[cls.__module__], cls.__name__) is cls, (first, name)
    print(first)
"""


def imported_first(package: str, modules: Sequence[str], folder: Path) -> list[str]:
    """Import a package once for each of its modules, that one first; return those with which it went well.

    The package is looked for in `folder`. One fresh interpreter does it all, and forgets the package in between.
    """
    command = [sys.executable, "-W", "error", "-c", _SCRIPT, package, *modules]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=_path())
    assert not result.stderr, result.stderr
    return result.stdout.split()


def _path() -> dict[str, str]:
    return {"PYTHONPATH": str(PROJECT), "PYTHONDONTWRITEBYTECODE": "1"}
