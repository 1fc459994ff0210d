"""Pages of docs/ as they answer: `python -m codegen.tests.documented [NAME...]` writes what their commands say now into them.

A page is read from top to bottom in an empty folder. A block with a title writes that file, a block of `diff` is
applied, a block of `console` is run: what stands under each `$ ` line is what the shell answered. A line that is
`contracts` and no more than its arguments needs no shell, and is run in this process: a start takes half a second.
The blocks of `pycon` are one session of Python. Some pages need a registry that has nothing of theirs.
"""

import contextlib
import doctest
import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from unittest import mock

from codegen.tests.running import exit_code
from stack.local import local, running
from stack.postgres import purge
from stack.testing import temporary_state_folder

DOCS: Final = Path(__file__).parents[2] / "docs"
PAGES: Final = [DOCS / name for name in ("contracts.md", "gate.md", "generated-classes.md")]
PAGES_WITH_REGISTRY: Final = [DOCS / "evolve-a-schema.md"]
_BLOCK: Final = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
_ALONE: Final = re.compile(r"contracts( [\w./:-]+)*")
_EXIT_CODE: Final = '; echo "exit code $?"'
_MADE: Final = re.compile(r"(<!-- made by: (.+?) -->\n).*?(^<!-- end -->)", re.MULTILINE | re.DOTALL)


def answered(page: str, folder: Path) -> str:
    """Return the page with what its commands answer, run in `folder`."""

    session: dict[str, Any] = {}

    def block(match: re.Match[str]) -> str:
        kind, title, text = match.groups()
        if kind == "pycon":
            return f"```pycon\n{_session(text, session)}```"
        if title:
            (folder / title).parent.mkdir(parents=True, exist_ok=True)
            (folder / title).write_text(text, encoding="utf-8")
        if kind == "diff":
            _apply(text, folder)
        if kind != "console":
            return match[0]
        commands = [line[2:] for line in text.splitlines() if line.startswith("$ ")]
        return "```console\n" + "".join(f"$ {each}\n{_said(each, folder)}" for each in commands) + "```"

    with _imports_of(folder):
        told = _BLOCK.sub(block, page)
    return _MADE.sub(lambda match: f"{match[1]}{_said(match[2], folder)}{match[3]}", told)


def _session(text: str, scope: dict[str, Any]) -> str:
    """Return the examples of a block with what Python answers; of an exception, the last line of its traceback."""
    lines = []
    for example in doctest.DocTestParser().get_examples(text):
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            try:
                exec(compile(example.source, "<page>", "single"), scope)
            except Exception as error:  # noqa: BLE001 - whatever it is, the page shows it
                output.write("Traceback (most recent call last):\n  ...\n")
                output.write(traceback.format_exception_only(error)[-1])
        first, *others = example.source.splitlines()
        lines += [f">>> {first}\n", *(f"... {line}\n" for line in others), output.getvalue()]
    return "".join(lines)


@contextlib.contextmanager
def _imports_of(folder: Path) -> Iterator[None]:
    """Stand in a folder, and forget afterwards what was imported from it."""
    path = list(sys.path)
    try:
        with contextlib.chdir(folder):
            yield
    finally:
        sys.path[:] = path
        for name, module in list(sys.modules.items()):
            if Path(getattr(module, "__file__", None) or os.devnull).is_relative_to(folder):
                del sys.modules[name]


def _said(command: str, folder: Path) -> str:
    """Return what a command prints; what it says to standard error comes along."""
    plain = command.removesuffix(_EXIT_CODE)
    if not _ALONE.fullmatch(plain):
        return _shell(command, folder)
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        code = exit_code(shlex.split(plain)[1:], folder, _environment(folder))
    return output.getvalue() + (f"exit code {code}\n" if plain != command else "")


def _apply(difference: str, folder: Path) -> None:
    """Apply a block of `diff`; raise CalledProcessError if it does not fit what the page has written so far."""
    command = ["git", "apply", "-"]
    environment = {**os.environ, **_environment(folder)}
    subprocess.run(command, cwd=folder, env=environment, input=difference, text=True, check=True, timeout=60)


def _shell(command: str, folder: Path) -> str:
    run = subprocess.run(
        command,
        shell=True,  # the page's own commands, as its readers run them
        cwd=folder,
        env={**os.environ, **_environment(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=60,
    )
    return run.stdout


def _environment(folder: Path) -> dict[str, str]:
    """Return what makes the answers the same on every machine: this `contracts`, and a git that nobody has set up."""
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "GIT_CEILING_DIRECTORIES": str(folder.parent),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        **{f"GIT_{role}_{key}": "a@b.c" for role in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")},
    }


def write(page: Path, environment: Mapping[str, str]) -> None:
    """Write into a page what its commands answer."""
    with tempfile.TemporaryDirectory() as scratch, mock.patch.dict(os.environ, environment):
        page.write_text(answered(page.read_text(encoding="utf-8"), Path(scratch)), encoding="utf-8")


@contextlib.contextmanager
def a_registry() -> Iterator[Mapping[str, str]]:
    """Run a registry of our own; yields the environment in which `contracts` finds it."""
    with temporary_state_folder() as folder:
        backend, state = local(folder)
        with running(backend, state, parts=()) as parts:
            parts.start("registry")
            yield {"SCHEMA_REGISTRY_URL": parts.endpoints.registry}
        purge(state)


def main() -> None:
    """Write the pages of these names, or all."""
    chosen = {name.removesuffix(".md") for name in sys.argv[1:]} or {
        page.stem for page in (*PAGES, *PAGES_WITH_REGISTRY)
    }
    for page in (page for page in PAGES if page.stem in chosen):
        write(page, {})
    for page in (page for page in PAGES_WITH_REGISTRY if page.stem in chosen):
        with a_registry() as environment:
            write(page, environment)


if __name__ == "__main__":
    main()
