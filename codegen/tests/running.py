"""The command `contracts` for tests: in this process, which is fast, or in one of its own."""

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from codegen.cli import main


@dataclass(frozen=True)
class Result:
    """What a command printed, and its exit code."""

    returncode: int
    stdout: str
    stderr: str


def run(*arguments: str, cwd: Path) -> Result:
    """Run `contracts` here, in that folder."""
    output, complaints = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(complaints):
        code = exit_code(arguments, cwd)
    return Result(code, output.getvalue(), complaints.getvalue())


def exit_code(arguments: Sequence[str], cwd: Path, environment: Mapping[str, str] | None = None) -> int:
    """Run `contracts` here and return what it would exit with; it prints to where this process does."""
    with contextlib.chdir(cwd), mock.patch.dict(os.environ, environment or {}), _as_process(arguments):
        try:
            main()
        except SystemExit as stop:
            return int(stop.code or 0)
    return 0


@contextlib.contextmanager
def _as_process(arguments: Sequence[str]) -> Iterator[None]:
    """Set what belongs to a process alone, and set it back."""
    before, limit = sys.argv, sys.getrecursionlimit()
    sys.argv = ["contracts", *arguments]
    try:
        yield
    finally:
        sys.argv = before
        sys.setrecursionlimit(limit)


def run_process(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run `contracts` in a process of its own."""
    command = [sys.executable, "-c", "from codegen.cli import main; main()", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=60)
