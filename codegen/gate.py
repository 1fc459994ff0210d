"""`contracts gate`: what has to hold before a change of the schemas is merged, all of it at once, offline.

One list of checks for every place that asks (GitHub, GitLab, a hook, a person): `CHECKS`. Each is made whatever the
others have found. A fault that breaks the branch it goes to and released versions as well is one finding that names
them all. It needs the folder and its git repository, and neither a registry nor a network.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Annotated, Final

import typer

from codegen.avro import schema_files
from codegen.avro.json_text import Location
from codegen.avro.schema_files import Examination
from codegen.checks import breaking, faults, formatting, history, release_lock, releasing, reports, revisions
from codegen.checks.commands import HERE, LINT_IDS, VERSION_IDS, Form, Schemas
from codegen.checks.faults import Fault
from codegen.checks.findings import Finding, failing
from codegen.checks.folder_findings import contracts_of, linted, settled, unformatted
from codegen.checks.history import Earlier
from codegen.checks.reports import Format
from codegen.contracts import Contracts
from codegen.errors import ContractsError
from codegen.exits import Exit
from codegen.python import generated_files
from codegen.python import source as python_source


def gate(
    base: Annotated[str, typer.Option(help="What the change goes to, such as origin/main: any name of a commit.")],
    schemas: Schemas = HERE,
    form: Form = Format.TEXT,
    report: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FORMAT=FILE", help="Write the same as a file in another form; may be said several times."
        ),
    ] = None,
) -> None:
    """Check all that has to hold before a change is merged: layout, lint, releases, what breaks, generated classes.

    Compares with the commit at which this one has left --base, and with the released versions. Needs no registry.
    Exit 100 if there is an error among the findings.
    """
    files = [_report_file(each) for each in report or ()]
    try:
        outcome = examine(schemas, base)
    except ContractsError as error:
        if form is Format.GITHUB:
            typer.echo(reports.github_error(str(error)))
        raise
    typer.echo(reports.render(outcome.findings, form, checked=outcome.checked))
    for each, path in files:
        path.write_text(f"{reports.render(outcome.findings, each, checked=outcome.checked)}\n", encoding="utf-8")
    _tell(outcome, form)
    if failing(outcome.findings):
        raise typer.Exit(Exit.FINDINGS)
    if outcome.refused:
        raise typer.Exit(Exit.ERROR)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What stands of all findings, what was checked in words, what else is to be said, and which check was not made."""

    findings: tuple[Finding, ...]
    checked: str
    notices: tuple[str, ...]
    refused: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be merged: the folder as it is, and the commit at which it has left the `base` that it goes to."""

    contracts: Contracts
    examination: Examination
    base: str
    left_at: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What one check has found, which rules it looked at, and in words what it looked at and what else is to be said."""

    findings: Iterable[Finding] = ()
    rules: frozenset[str] = frozenset()
    said: str = ""
    notices: Sequence[str] = field(default=())


def examine(schemas: Path, base: str) -> Outcome:
    """Make every check that can be made; raise ContractsError where there is nothing to look at."""
    examination = schema_files.examine(schemas)
    contracts = contracts_of(schemas, examination, may_be_gone=True)
    change = Change(contracts, examination, _spoken(base), revisions.merge_base(schemas, base))
    made: list[Checked] = []
    refused = ["nothing is compared before every schema can be read"] if examination.faults else []
    for check in CHECKS_OF_FILES if examination.faults else CHECKS:
        try:
            made.append(check(change))
        except ContractsError as error:
            refused.append(str(error))
    rules = frozenset[str]().union(*(each.rules for each in made))
    found = _merged(change, (finding for each in made for finding in each.findings))
    said = ", ".join(each.said for each in made if each.said)
    notices = [notice for each in made for notice in each.notices]
    return Outcome(settled(contracts, found, rules), said, tuple(notices), tuple(refused))


def _layout(change: Change) -> Checked:
    found, _ = formatting.readable_differences(change.contracts.folder)  # what is not JSON, lint says
    return Checked(unformatted(found), frozenset({"UNFORMATTED"}))


def _lint(change: Change) -> Checked:
    count = len(change.contracts.schemas.files)
    return Checked(linted(change.contracts, change.examination), LINT_IDS, f"{count} schema{'' if count == 1 else 's'}")


def _releases(change: Change) -> Checked:
    """Hold the released versions to contracts.lock and, since both can be edited, to those of the base."""
    folder = change.contracts.folder
    found = {path: _released(path, reason) for path, reason in release_lock.differences(folder, history.FOLDER_NAME)}
    for name, content in (revisions.contents(folder, change.left_at) or {}).items():
        if PurePosixPath(name).parts[0] == history.FOLDER_NAME:
            path = folder / name
            if not path.is_file():
                found[path] = _released(path, f"{change.base} has it as a released version, and it is gone")
            elif path.read_bytes() != content:
                line = formatting.first_difference(_text(path.read_bytes()), _text(content))
                found[path] = _released(path, f"{change.base} has it as a released version, and it was edited", line)
    return Checked(found.values(), frozenset({"RELEASE_CHANGED"}))


def _released(path: Path, reason: str, line: int = 1) -> Finding:
    fault = Fault("RELEASE_CHANGED", "", reason)
    return faults.finding(fault, Location(path.as_posix(), line, 1), path.parent.name)


def _against_base(change: Change) -> Checked:
    earlier = history.at_revision(change.contracts, change.left_at)
    notices = [earlier.notice.replace(change.left_at, change.base)] if earlier.notice else []
    return _compared(change, earlier, f"compared with {change.base}", notices)


def _against_history(change: Change) -> Checked:
    earlier = history.released(change.contracts.folder)
    if not earlier.versions:
        return Checked()  # who compares with git alone needs no history
    releases = [f"{each.subject} version {each.number}" for each in releasing.unreleased(change.contracts, earlier)]
    notices = [f"not released yet: {', '.join(releases)}"] if releases else []
    count = sum(map(len, earlier.versions.values()))
    return _compared(change, earlier, f"compared with {count} released version{'' if count == 1 else 's'}", notices)


def _compared(change: Change, earlier: Earlier, said: str, notices: Sequence[str]) -> Checked:
    if change.contracts.compatibility == "NONE":
        return Checked(notices=[*notices, f"not {said}: compatibility is NONE in contracts.toml"])
    if not earlier.versions:
        return Checked(notices=notices)
    return Checked(breaking.find(change.contracts, earlier), VERSION_IDS, said, notices)


def _classes(change: Change) -> Checked:
    contracts = Contracts.load(change.contracts.folder)
    if contracts.out is None or contracts.package is None:
        return Checked()
    files = python_source.generate(contracts.schemas, contracts.package)
    folder = generated_files.package_folder(contracts.out, contracts.package)
    texts = {folder / path: text for path, text in files.items()}
    found = [_class(each, texts.get(each.path, "")) for each in generated_files.differences(folder, files)]
    return Checked(found, frozenset({"CLASSES_DIFFER"}), f"{len(files)} generated files")


def _class(difference: generated_files.Difference, expected: str) -> Finding:
    reasons = {
        "missing": "this file is missing",
        "changed": "from here on it is not what the schemas say",
        "left over": "no schema belongs to this file any more",
    }
    changed = difference.kind == "changed"
    line = formatting.first_difference(_text(difference.path.read_bytes()), expected) if changed else 1
    fault = Fault("CLASSES_DIFFER", "", reasons[difference.kind])
    return faults.finding(fault, Location(difference.path.as_posix(), line, 1))


HASH_DIGITS: Final = 12
"""Of a commit's hash, in messages: as many as a repository of any size needs."""
Check = Callable[[Change], Checked]
CHECKS_OF_FILES: Final[Sequence[Check]] = (_layout, _lint, _releases)
"""What can be checked although a schema cannot be read."""
CHECKS: Final[Sequence[Check]] = (*CHECKS_OF_FILES, _against_history, _against_base, _classes)


def _merged(change: Change, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield each fault once, with all versions that it breaks: what breaks the base breaks releases too, mostly."""
    versions: dict[Finding, list[int | str]] = {}
    for each in findings:
        versions.setdefault(replace(each, versions=()), []).extend(each.versions)
    for each, broken in versions.items():
        yield replace(each, versions=tuple(change.base if label == change.left_at else label for label in broken))


def _spoken(base: str) -> str:
    """Return the name of a commit as messages say it: a whole hash is longer than what it is about."""
    return base[:HASH_DIGITS] if re.fullmatch("[0-9a-f]{40}", base) else base


def _text(content: bytes) -> str:
    return content.decode(errors="replace")


def _report_file(text: str) -> tuple[Format, Path]:
    name, _, path = text.partition("=")
    if name not in list(Format) or not path:
        raise ContractsError(f"--report is FORMAT=FILE, with a format of {', '.join(Format)}, not {text!r}")
    if not Path(path).parent.is_dir():
        raise ContractsError(f"--report {text}: {Path(path).parent} is no folder")
    return Format(name), Path(path)


def _tell(outcome: Outcome, form: Format) -> None:
    for notice in outcome.notices:
        typer.echo(f"contracts: {notice}", err=True)
    for reason in outcome.refused:
        typer.echo(f"contracts: not checked: {reason}", err=True)
        if form is Format.GITHUB:
            typer.echo(reports.github_error(f"not checked: {reason}"))
