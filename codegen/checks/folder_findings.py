"""What the checks of a folder by itself find: layout, lint, and what of it stands when ignores and severities are applied."""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from pathlib import Path

from codegen.avro.json_text import Location
from codegen.avro.schema_files import Examination, FileFault
from codegen.checks import faults, formatting, ignores, linting
from codegen.checks.faults import Fault
from codegen.checks.findings import Finding
from codegen.contracts import Contracts
from codegen.errors import ContractsFileError


def contracts_of(schemas: Path, examination: Examination, *, may_be_gone: bool = False) -> Contracts:
    """Return what contracts.toml says of what can be read; nothing, where it speaks of what cannot."""
    try:
        return Contracts.of(schemas, examination.folder, may_be_gone=may_be_gone)
    except ContractsFileError:
        if not examination.faults:
            raise
        return Contracts(schemas, examination.folder, {})


def unformatted(differences: Iterable[formatting.Difference]) -> list[Finding]:
    """Return a finding for each file that is not in the one layout."""
    fault = Fault("UNFORMATTED", "", "the layout differs from here on")
    return [faults.finding(fault, Location(str(each.path), each.line, 1)) for each in differences]


def linted(contracts: Contracts, examination: Examination) -> list[Finding]:
    """Return what is to be said of every schema by itself, those included that cannot be read."""
    subjects = {event: contracts.subject_of(event) for topic in contracts.topics.values() for event in topic.events}
    found = linting.lint(contracts.schemas, subjects, contracts.event_header)
    return [*found, *map(of_file, (*examination.faults, *examination.copies, *examination.conflicts))]


def of_file(found: FileFault) -> Finding:
    """Return the fault of a file as a finding."""
    return faults.finding(Fault(found.rule, found.fault.path, found.fault.reason), found.location)


def settled(contracts: Contracts, found: Iterable[Finding], checked: Collection[str]) -> tuple[Finding, ...]:
    """Return the findings that stand today; `checked` are the rules that were looked at."""
    today = datetime.now(UTC).date()
    return ignores.settle(found, contracts.ignores, contracts.severities, checked=checked, today=today)
