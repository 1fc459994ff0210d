"""What brings a registry in step with a folder: loosen what is in the way, register versions, tighten levels; pure.

- Our own checker judges first, against all that is registered: where something would break there is no plan. What a team
  has decided to let pass ([[ignore]] in contracts.toml) no registry's rule would: for that subject the rule is lifted
  while a version is registered, and set again.
- A looser level is set before versions are registered, a stricter one afterwards.
- Every release that came after what the registry has is registered, oldest first, so that a service can be rolled back
  wherever it runs.
- Nothing is deleted unless that is asked for; subjects of others and the global level are never touched.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

from codegen.checks import breaking, ignores, reports
from codegen.checks.compatibility_rules import COMPATIBILITY_RULES
from codegen.checks.findings import Category, Finding, Severity
from codegen.checks.history import Earlier
from codegen.checks.reports import Format
from codegen.contracts import Contracts, Subject
from codegen.errors import Incompatible
from codegen.registry.registered import RegisteredSubject, RegisteredVersion, earlier, same_data

NONE: Final = "NONE"
DECIDED: Final = "contracts.toml lets pass what it would refuse"
MOVED: Final = "types that had a subject of their own stand in it now, which no registry compares"
_DEMANDS: Final[Mapping[str, frozenset[str]]] = {
    "NONE": frozenset(),
    "BACKWARD": frozenset({"backward"}),
    "FORWARD": frozenset({"forward"}),
    "FULL": frozenset({"backward", "forward"}),
    "BACKWARD_TRANSITIVE": frozenset({"backward", "all backward"}),
    "FORWARD_TRANSITIVE": frozenset({"forward", "all forward"}),
    "FULL_TRANSITIVE": frozenset({"backward", "forward", "all backward", "all forward"}),
}


@dataclass(frozen=True, slots=True)
class SetLevel:
    """A subject's compatibility level becomes another one."""

    subject: str
    current: str | None
    wanted: str
    reason: str = ""

    def __str__(self) -> str:
        now = f" (now {self.current or 'none of its own'})"
        return f"set the level of {self.subject} to {self.wanted}{f': {self.reason}' if self.reason else now}"


@dataclass(frozen=True, slots=True)
class Register:
    """A schema becomes the latest version; `release`: the number of an earlier release that has it."""

    subject: str
    version: int
    release: int | None = None
    reason: str = ""
    text: str = field(default="", repr=False, compare=False)  # self-contained; of the folder's own schema it is empty

    def __str__(self) -> str:
        what = (
            f" (release {self.release}, for services that are rolled back to it)"
            if self.release
            else f" ({self.reason})"
            if self.reason
            else ""
        )
        return f"register {self.subject}, to be version {self.version}{what}"


@dataclass(frozen=True, slots=True)
class Delete:
    """A version, or all of a subject, is deleted."""

    subject: str
    version: int | None = None

    def __str__(self) -> str:
        return f"delete {f'version {self.version} of ' if self.version else ''}{self.subject}"


Step = SetLevel | Register | Delete


@dataclass(frozen=True, slots=True)
class Plan:
    """What there is to do, in this order; what stands in the way; and what stays, since nothing is to be deleted.

    `notice`: which registered versions are no valid Avro, and were therefore not compared with.
    """

    steps: tuple[Step, ...]
    obstacles: tuple[str, ...] = ()
    left: tuple[Delete, ...] = ()
    notice: str | None = None


@dataclass(frozen=True, slots=True)
class _Pair:
    """A subject of the folder and what the registry has of it; `series`: its releases by number, then what it is now."""

    subject: Subject
    series: tuple[tuple[int | None, str], ...]
    found: RegisteredSubject

    @property
    def extra(self) -> list[RegisteredVersion]:
        """The versions that are none of the series, and copies without the references of the one that has them."""
        strange = [each for each in self.found.versions if not any(each.has_data_of(text) for _, text in self.series)]
        return [*strange, *(each for each in self.copies if self.has_references)]

    @property
    def copies(self) -> list[RegisteredVersion]:
        """The versions that are the folder's schema, but take types from other subjects."""
        _, current = self.series[-1]
        return [
            each for each in self.found.versions if references_differ(self.subject, each) and each.has_data_of(current)
        ]

    @property
    def has_references(self) -> bool:
        """Whether a version is the folder's schema with its references."""
        _, current = self.series[-1]
        return any(
            not references_differ(self.subject, each) and each.has_data_of(current) for each in self.found.versions
        )

    def without(self, deleted: Collection[Delete]) -> "_Pair":
        """Return the pair as it is when versions are deleted."""
        kept = (each for each in self.found.versions if Delete(self.found.name, each.number) not in deleted)
        return replace(self, found=replace(self.found, versions=tuple(kept)))


def plan(
    contracts: Contracts,
    released: Earlier,
    registered: Mapping[str, RegisteredSubject],
    *,
    today: date,
    delete: bool = False,
) -> Plan:
    """Return what brings the registry in step with the folder and its releases.

    With `delete`, versions that are nobody's release go, and subjects that were released and are retired. Raise
    Incompatible where something registered would break, SchemaError if files refer to each other.
    """
    contracts.schemas.refuse_circles()
    pairs = _pairs(contracts, released, registered)
    extra = _extra_versions(pairs) if released.versions else []
    retired = retired_subjects(contracts, released, registered)
    if delete:
        _refuse_undecided(contracts, {each.subject: registered[each.subject] for each in retired}, today)
    pairs = [each.without(extra if delete else ()) for each in pairs]
    before_now = earlier({each.found.name: each.found for each in pairs})
    excepted = _excepted(contracts, before_now, today) | {
        each.found.name: MOVED for each in pairs if _loses_types(each)
    }
    register = [step for each in pairs for step in _registrations(each)]
    lifted = {step.subject: excepted[step.subject] for step in register if step.subject in excepted}
    levels = [_levels(each.found, contracts.compatibility, lifted.get(each.found.name)) for each in pairs]
    before = [step for loosened, _ in levels for step in loosened]
    after = [step for _, tightened in levels for step in tightened]
    notice = before_now.notice if any(each.found.versions for each in pairs) else None
    obstacles = tuple(obstacle for each in pairs if (obstacle := _obstacle(each)))
    if delete:
        return Plan((*extra, *before, *register, *after, *retired), obstacles, notice=notice)
    return Plan((*before, *register, *after), obstacles, (*extra, *retired), notice)


def _pairs(contracts: Contracts, released: Earlier, registered: Mapping[str, RegisteredSubject]) -> list[_Pair]:
    return [_Pair(each, _series(each, contracts, released), registered[each.name]) for each in contracts.subjects()]


def _extra_versions(pairs: Sequence[_Pair]) -> list[Delete]:
    """Return the versions that are neither a release nor what the folder has now."""
    return [Delete(each.found.name, version.number) for each in pairs for version in each.extra]


def retired_subjects(
    contracts: Contracts, released: Earlier, registered: Mapping[str, RegisteredSubject]
) -> list[Delete]:
    """Return the subjects that were released, are in the registry, and are no longer in the folder."""
    gone = released.versions.keys() - {each.name for each in contracts.subjects()}
    return [Delete(name) for name, each in registered.items() if name in gone and each.versions]


def _refuse_undecided(contracts: Contracts, retired: Mapping[str, RegisteredSubject], today: date) -> None:
    """Raise Incompatible where a subject would be deleted of which nobody has decided that it may go."""
    standing = _standing(contracts, breaking.find(contracts, earlier(retired)), today)
    if standing:
        raise Incompatible(f"nothing is deleted before this is decided\n{reports.render(standing, Format.TEXT)}")


def _standing(contracts: Contracts, found: Iterable[Finding], today: date) -> list[Finding]:
    """Return the errors that contracts.toml does not let pass."""
    checked = {each.id for each in COMPATIBILITY_RULES}
    standing = ignores.settle(found, contracts.ignores, contracts.severities, checked=checked, today=today)
    return [each for each in standing if each.severity is Severity.ERROR]


def _excepted(contracts: Contracts, before: Earlier, today: date) -> dict[str, str]:
    """Return why a subject's rule is lifted where contracts.toml lets a fault pass; raise Incompatible where it does not."""
    breaks = [each for each in breaking.find(contracts, before) if each.severity is Severity.ERROR]
    if errors := _standing(contracts, breaks, today):
        raise Incompatible(f"nothing is registered before this is mended\n{reports.render(errors, Format.TEXT)}")
    passed = [each for each in breaks if each.category is Category.WIRE]  # else the registry itself sees nothing wrong
    return {each.subject: DECIDED for each in passed if each.subject}


def _loses_types(pair: _Pair) -> bool:
    """Say whether a registered version takes types from elsewhere that stand in the schema itself now."""
    ours = {reference.name for reference in pair.subject.references}
    theirs = {reference.name for version in pair.found.versions for reference in version.registered.references}
    return not theirs <= ours


def _series(subject: Subject, contracts: Contracts, released: Earlier) -> tuple[tuple[int | None, str], ...]:
    """Return a subject's releases with their numbers, oldest first, and then the folder's schema, which has none here."""
    current = contracts.schemas.self_contained_text(subject.file.name)
    releases = [(int(version.label), version.text) for version in released.versions.get(subject.name, ())]
    if releases and same_data(releases[-1][1], current):
        releases.pop()
    return (*releases, (None, current))


def _registrations(pair: _Pair) -> Iterator[Register]:
    """Yield what is registered of a subject: what came after the last version that the registry has."""
    name, versions = pair.found.name, pair.found.versions
    known = [index for index, (_, text) in enumerate(pair.series) if pair.found.newest_with(text)]
    missing = pair.series[known[-1] + 1 :] if known else pair.series
    latest = versions[-1].number if versions else 0
    for version, (release, text) in enumerate(missing, start=latest + 1):
        yield Register(name, version, release, text=text)
    if not missing and not pair.has_references:
        yield Register(name, latest + 1, reason="it takes types from other subjects now")


def references_differ(subject: Subject, version: RegisteredVersion) -> bool:
    """Say whether a version takes types from other subjects than the folder does."""
    theirs = {(each.name, each.subject) for each in version.registered.references}
    return theirs != {(each.name, each.subject) for each in subject.references}


def _levels(found: RegisteredSubject, wanted: str, lifted: str | None) -> tuple[list[SetLevel], list[SetLevel]]:
    """Return the changes of a subject's level before versions are registered and afterwards; `lifted` says why it is."""
    name, current = found.name, found.level
    if lifted:
        loosen = [SetLevel(name, current, NONE, lifted)]
        return (loosen if current != NONE else []), [SetLevel(name, NONE, wanted)]
    if current == wanted:
        return [], []
    change = [SetLevel(name, current, wanted)]
    is_stricter = current is not None and _DEMANDS.get(current, frozenset()) < _DEMANDS[wanted]
    return ([], change) if is_stricter and found.versions else (change, [])


def _obstacle(pair: _Pair) -> str:
    """Say why the folder's schema cannot become the latest version: it is one already, and others came after it."""
    _, current = pair.series[-1]
    same, versions = pair.found.newest_with(current), pair.found.versions
    if same is None or same is versions[-1]:
        return ""
    return (
        f"{pair.found.name}: the schema here is version {same.number}, but the registry has {versions[-1].number} already; "
        "take over the newer version, or restore it deliberately"
    )
