"""Findings that a team has decided to live with: `[[ignore]]` of contracts.toml, each with a reason and an end.

Nothing is ignored for ever. When an ignore has expired, what it hid is back, and the ignore is a finding itself; so is
one that hides nothing.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from codegen.avro.json_text import Location
from codegen.checks import faults
from codegen.checks.faults import Fault
from codegen.checks.findings import Finding, Rule, Severity
from codegen.checks.ignore_rules import IGNORE_EXPIRED, IGNORE_UNUSED

Severities = Mapping[str, Severity | None]
"""The severity of rules by their ids, where contracts.toml gives them another; None: the rule is off."""

_HEADER = re.compile(r"""^[ \t]*\[\[[ \t]*(?:ignore|"ignore"|'ignore')[ \t]*\]\]""", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Ignore:
    """A decision to leave out findings of a rule until a date, that day included; `location` is where it stands.

    `subject` and `path` narrow it; `*` in a path stands for anything.
    """

    rule: str
    reason: str
    until: date
    location: Location
    subject: str | None = None
    path: str | None = None

    def matches(self, finding: Finding) -> bool:
        """Say whether it is meant for a finding, expired or not."""
        return (
            finding.rule == self.rule
            and self.subject in {None, finding.subject}
            and (self.path is None or _pattern(self.path).fullmatch(finding.path) is not None)
        )


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in path.split("*")))


def settle(
    findings: Iterable[Finding],
    ignores: Sequence[Ignore],
    severities: Severities,
    *,
    checked: Collection[str],
    today: date,
) -> tuple[Finding, ...]:
    """Return the findings that stand: without the ignored ones, with what is to be said of the ignores themselves.

    `checked` are the rules that were looked at: of others nobody knows whether an ignore is of use.
    """
    found = tuple(findings)
    valid = [ignore for ignore in ignores if today <= ignore.until]
    standing = [finding for finding in found if not any(ignore.matches(finding) for ignore in valid)]
    concerned = [ignore for ignore in ignores if ignore.rule in checked]
    return tuple(_with_severities((*standing, *_of_ignores(concerned, found, today)), severities))


def _of_ignores(ignores: Iterable[Ignore], findings: Sequence[Finding], today: date) -> Iterator[Finding]:
    for ignore in ignores:
        if today > ignore.until:
            message = f"ignoring {ignore.rule} was decided until {ignore.until}, which is past ({ignore.reason})"
            yield _finding(IGNORE_EXPIRED, message, ignore)
        elif not any(ignore.matches(finding) for finding in findings):
            yield _finding(IGNORE_UNUSED, f"there is no finding of {ignore.rule} that this ignore would hide", ignore)


def _finding(rule: Rule, message: str, ignore: Ignore) -> Finding:
    return faults.finding(Fault(rule.id, ignore.path or "", message), ignore.location, ignore.subject)


def _with_severities(findings: Iterable[Finding], severities: Severities) -> Iterator[Finding]:
    for finding in findings:
        severity = severities.get(finding.rule, finding.severity)
        if severity is not None:
            yield replace(finding, severity=severity)


def lines(text: str, count: int) -> list[int]:
    """Return the line of each of `count` ignores in the text of contracts.toml (which tomllib does not tell).

    They are written `[[ignore]]`; one that is written in another way counts as standing at the top.
    """
    found = [text.count("\n", 0, header.start()) + 1 for header in _HEADER.finditer(text)]
    return found if len(found) == count else [1] * count
