"""``python -m verification.rules``: takes each rule out of a copy of the project, and sees that its test fails then.

A test that passes with and without its rule proves nothing. What is taken out how, and which test must go red, is data in
removals.py. Kafka, registry and PostgreSQL are started once, in a folder of their own, for all runs.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from time import monotonic
from typing import Annotated

import typer

from stack.local import local, running
from stack.testing import LENT_PARTS, temporary_state_folder
from stack.topics import warm_up
from verification.removals import REMOVALS, RULES, Removal

PROJECT = Path(__file__).parents[1]
FINDINGS = 100  # exit code: a test did not go red, or is red anyway
RUN_SECONDS_MAX = 600.0


def copy_project(folder: Path) -> None:
    """Copy what git knows or would take, as it is now."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout  # noqa: S603 - fixed
    for name in filter(None, listed.split("\0")):
        if (PROJECT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, folder / name)


def run_tests(folder: Path, tests: Sequence[str], parts: str) -> tuple[str, str]:
    """Run tests in a copy: "passed", "failed", or "broken" when they could not be judged; and what pytest printed."""
    environment = os.environ | {"PYTHONPATH": str(folder), LENT_PARTS: parts, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--tb=short", *tests]
    try:
        done = subprocess.run(  # noqa: S603 - the tests of our own table
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=RUN_SECONDS_MAX, check=False
        )
    except subprocess.TimeoutExpired:
        return "broken", f"no end within {RUN_SECONDS_MAX:g} s"
    if done.returncode == 0:
        return "passed", done.stdout
    failed = done.returncode == 1 and re.search(r"^\d+ failed", done.stdout.splitlines()[-1] if done.stdout else "")
    return ("failed" if failed else "broken"), done.stdout + done.stderr


def take_out(folder: Path, removal: Removal) -> str:
    """Change the copy; returns the file's text as it was. Raises ValueError where the text is not there once."""
    file = folder / removal.file
    text = file.read_text(encoding="utf-8")
    if text.count(removal.text) != 1:
        raise ValueError(f"{removal.file} has the text {text.count(removal.text)} times, not once: {removal.text!r}")
    file.write_text(text.replace(removal.text, removal.replacement), encoding="utf-8")
    return text


def first_error(output: str) -> str:
    """The first line in which pytest says what was wrong: that a test went red for the right reason is for people to see."""
    told = (line[1:].strip() for line in output.splitlines() if line.startswith("E "))
    return next(told, "no error was told")[:150]


def try_out(folder: Path, removals: Sequence[Removal], parts: str) -> int:
    """Run the tests as the code is, then each without its rule; returns how many were not as they should be."""
    begun = monotonic()
    outcome, output = run_tests(folder, sorted({removal.test for removal in removals}), parts)
    typer.echo(f"all rules in place: {outcome}, {monotonic() - begun:.0f} s")
    if outcome != "passed":
        typer.echo(output)
        return len(removals)
    wrong = 0
    for removal in removals:
        begun = monotonic()
        before = take_out(folder, removal)
        outcome, output = run_tests(folder, [removal.test], parts)
        (folder / removal.file).write_text(before, encoding="utf-8")
        verdict = {"failed": "red", "passed": "STAYS GREEN"}.get(outcome, "BROKEN")
        typer.echo(f"rule {removal.rule:2}  {verdict:11}  {monotonic() - begun:4.0f} s  {removal.what}")
        typer.echo(f"         {removal.file} · {removal.test.partition('::')[2]}")
        typer.echo(f"         {first_error(output)}")
        if outcome != "failed":
            wrong += 1
            typer.echo(output)
    return wrong


def main(
    numbers: Annotated[list[int] | None, typer.Argument(help="Rules to try; all when none is given.")] = None,
    show: Annotated[bool, typer.Option("--list", help="Print what would be taken out, and run nothing.")] = False,
) -> None:
    """Take each rule of ARCHITECTURE.md out of a copy of the project and see its test fail.

    Exit code 0 when every test passes with its rule and fails without, 100 otherwise. Takes about ten minutes; one rule:

    python -m verification.rules 5
    """
    if unknown := set(numbers or []) - set(RULES):
        raise typer.BadParameter(f"there is no rule {min(unknown)}; they are 1 to {max(RULES)}")
    removals = [removal for removal in REMOVALS if not numbers or removal.rule in numbers]
    if show:
        for removal in removals:
            typer.echo(f"rule {removal.rule:2}  {removal.what}: {removal.file} · {removal.test}")
        return
    with temporary_state_folder() as state_folder, tempfile.TemporaryDirectory(prefix="rules-") as copy:
        copy_project(Path(copy))
        backend, state = local(state_folder)
        with running(backend, state) as system:
            warm_up(system.endpoints.kafka)
            wrong = try_out(Path(copy), removals, json.dumps(asdict(system.endpoints)))
    typer.echo(f"{len(removals) - wrong} of {len(removals)} removals were seen")
    if wrong:
        raise typer.Exit(FINDINGS)


if __name__ == "__main__":
    typer.run(main)
