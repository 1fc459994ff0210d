"""docs/contracts.md as it answers: `python -m codegen.tests.documented` writes what its commands say now into it.

The page is read from top to bottom in an empty folder. A block with a title writes that file, a block of `diff` is
applied, a block of `console` is run: what stands under each `$ ` line is what the shell answered. A line that is
`contracts` and no more than its arguments needs no shell, and is run in this process: a start takes half a second.
"""

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from codegen.tests.running import exit_code

PAGE: Final = Path(__file__).parents[2] / "docs" / "contracts.md"
_BLOCK: Final = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
_ALONE: Final = re.compile(r"contracts( [\w./:-]+)*")
_EXIT_CODE: Final = '; echo "exit code $?"'
_MADE: Final = re.compile(r"(<!-- made by: (.+?) -->\n).*?(^<!-- end -->)", re.MULTILINE | re.DOTALL)


def answered(page: str, folder: Path) -> str:
    """Return the page with what its commands answer, run in `folder`."""

    def block(match: re.Match[str]) -> str:
        kind, title, text = match.groups()
        if title:
            (folder / title).parent.mkdir(parents=True, exist_ok=True)
            (folder / title).write_text(text, encoding="utf-8")
        if kind == "diff":
            _shell("git apply -", folder, text)
        if kind != "console":
            return match[0]
        commands = [line[2:] for line in text.splitlines() if line.startswith("$ ")]
        return "```console\n" + "".join(f"$ {each}\n{_said(each, folder)}" for each in commands) + "```"

    told = _BLOCK.sub(block, page)
    return _MADE.sub(lambda match: f"{match[1]}{_said(match[2], folder)}{match[3]}", told)


def _said(command: str, folder: Path) -> str:
    """Return what a command prints; what it says to standard error comes along."""
    plain = command.removesuffix(_EXIT_CODE)
    if not _ALONE.fullmatch(plain):
        return _shell(command, folder)
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        code = exit_code(shlex.split(plain)[1:], folder, _environment(folder))
    return output.getvalue() + (f"exit code {code}\n" if plain != command else "")


def _shell(command: str, folder: Path, text: str = "") -> str:
    run = subprocess.run(
        command,
        shell=True,  # the page's own commands, as its readers run them
        cwd=folder,
        env={**os.environ, **_environment(folder)},
        input=text,
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


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        PAGE.write_text(answered(PAGE.read_text(encoding="utf-8"), Path(scratch)), encoding="utf-8")
