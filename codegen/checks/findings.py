"""What a check has found: a finding says which rule, where, what is wrong and what to do about it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Category(StrEnum):
    """What a rule protects: bytes (WIRE), their meaning (SEM), Python code (API), the schema's readers (LINT), a registry (DRIFT)."""

    WIRE = "WIRE"
    SEM = "SEM"
    API = "API"
    LINT = "LINT"
    DRIFT = "DRIFT"


class Severity(StrEnum):
    """Whether a finding fails the check or is only said."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as data; its examples are the files of `codegen/checks/examples/<id>/` (a registry's content has none)."""

    id: str
    category: Category
    severity: Severity  # unless contracts.toml says otherwise
    purpose: str  # one sentence: what holds where the rule is kept
    why: str
    fix: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault under one rule. `path` is the field path within the subject, empty for the type itself.

    `versions` are the released versions (numbers) or the revision that the change breaks; the place is where the
    change stands, or the definition that something is missing from.
    """

    rule: str
    category: Category
    severity: Severity
    path: str
    message: str
    fix: str
    file: str | None = None
    line: int | None = None
    column: int | None = None
    subject: str | None = None
    versions: tuple[int | str, ...] = ()


def failing(findings: Iterable[Finding]) -> bool:
    """Say whether one of the findings is an error."""
    return any(finding.severity is Severity.ERROR for finding in findings)
