"""Where a registry and a folder have come apart: pure, over what was read of both."""

from collections.abc import Iterator, Mapping

from codegen.avro.json_text import Location
from codegen.checks import faults
from codegen.checks.faults import Fault
from codegen.checks.findings import Finding
from codegen.checks.history import Earlier
from codegen.contracts import Contracts, Subject
from codegen.registry.push_plan import references_differ
from codegen.registry.registered import RegisteredSubject, RegisteredVersion


def find(contracts: Contracts, released: Earlier, registered: Mapping[str, RegisteredSubject]) -> Iterator[Finding]:
    """Yield what differs: schemas, levels, references, and versions and subjects that nobody has released."""
    subjects = {subject.name: subject for subject in contracts.subjects()}
    for name, subject in subjects.items():
        location = Location(contracts.schemas.opened(subject.file), 1, 1)
        for fault in _of_subject(subject, contracts, released, registered[name]):
            yield faults.finding(fault, location, name)
    for name in registered.keys() - subjects.keys() - released.versions.keys():
        numbers = ", ".join(str(version.number) for version in registered[name].versions)
        message = f"the registry has {name} (version {numbers}), which no file defines and nobody has released"
        yield faults.finding(Fault("EXTRA_SUBJECT", "", message), None, name)


def _of_subject(subject: Subject, contracts: Contracts, released: Earlier, found: RegisteredSubject) -> Iterator[Fault]:
    if not found.versions:
        yield Fault("SUBJECT_NOT_REGISTERED", "", f"the registry has no subject {subject.name}")
        return
    if found.level != contracts.compatibility:
        level = found.level or "no level of its own"
        message = f"{subject.name} has {level} in the registry, and {contracts.compatibility} here"
        yield Fault("LEVEL_DIFFERS", "", message)
    yield from _of_latest(subject, contracts.schemas.self_contained_text(subject.file.name), found)
    yield from _of_versions(subject, contracts, released, found)


def _of_latest(subject: Subject, text: str, found: RegisteredSubject) -> Iterator[Fault]:
    latest = found.versions[-1]
    same = found.newest_with(text)
    if same is None:
        message = (
            f"version {latest.number} of {subject.name} is the latest, and the schema here is none of the versions"
        )
        yield Fault("LATEST_DIFFERS", "", message)
    elif same is not latest:
        message = (
            f"version {latest.number} of {subject.name} is the latest, and the schema here is version {same.number}"
        )
        yield Fault("LATEST_DIFFERS", "", message)
    elif references_differ(subject, latest):
        theirs, ours = _subjects(latest), sorted(reference.subject for reference in subject.references)
        message = (
            f"version {latest.number} of {subject.name} refers to {_told(theirs)}, the schema here to {_told(ours)}"
        )
        yield Fault("REFERENCES_DIFFER", "", message)


def _subjects(version: RegisteredVersion) -> list[str]:
    return sorted(reference.subject for reference in version.registered.references)


def _told(subjects: list[str]) -> str:
    return ", ".join(subjects) or "no subject"


def _of_versions(
    subject: Subject, contracts: Contracts, released: Earlier, found: RegisteredSubject
) -> Iterator[Fault]:
    """Yield the versions that nobody has released, and the releases that the registry does not have."""
    releases = released.versions.get(subject.name, ())
    if not released.versions:
        return
    ours = [contracts.schemas.self_contained_text(subject.file.name), *(release.text for release in releases)]
    for version in found.versions:
        if not any(version.has_data_of(text) for text in ours):
            yield Fault("EXTRA_VERSION", "", f"version {version.number} of {subject.name} was never released here")
    for release in releases:
        if found.newest_with(release.text) is None:
            message = f"release {release.label} of {subject.name} is not in the registry"
            yield Fault("RELEASE_NOT_REGISTERED", "", message)
