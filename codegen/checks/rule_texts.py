"""Rules for people: the list of all, and the lesson about one."""

import json
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches, unified_diff

from codegen.checks.compatibility_rules import FOR_READERS_FIRST
from codegen.checks.findings import Rule
from codegen.checks.ignores import Severities
from codegen.checks.rules import RULES, examples
from codegen.errors import ContractsError


def as_text(severities: Severities) -> str:
    """Return a line for each rule, under the severities that somebody has set."""
    width = max(map(len, RULES))
    return "\n".join(
        f"{rule.id:{width}}  {rule.category}  {severity(rule, severities):7}  {rule.purpose}" for rule in RULES.values()
    )


def as_markdown(severities: Severities) -> str:
    """Return a table of all rules, likewise."""
    rows = [
        f"| {rule.id} | {rule.category} | {severity(rule, severities)} | {rule.purpose} |" for rule in RULES.values()
    ]
    return "\n".join(["| rule | category | severity | what it demands |", "| --- | --- | --- | --- |", *rows])


def as_json(severities: Severities) -> str:
    """Return all rules with everything there is to say about them, likewise."""
    keys = ("id", "category", "severity", "purpose", "why", "fix")
    rules = [
        {key: getattr(rule, key) for key in keys} | {"severity": severity(rule, severities)} for rule in RULES.values()
    ]
    return json.dumps({"rules": rules}, indent=2, ensure_ascii=False)


def explained(name: str, severities: Severities) -> str:
    """Return the lesson about a rule, under the severities that somebody has set; raise ContractsError if there is none of this name."""
    wanted = "_".join(re.findall(r"\w+", name.upper()))
    rule = RULES.get(wanted)
    if rule is None:
        raise ContractsError(f"there is no rule {name!r}{_suggested(wanted)}")
    return "\n\n".join([_heading(rule, severities), rule.why, *_examples(rule), f"What to do: {rule.fix}"])


def _heading(rule: Rule, severities: Severities) -> str:
    return f"{rule.id} ({rule.category}, {severity(rule, severities)})\n{rule.purpose}"


def severity(rule: Rule, severities: Severities) -> str:
    """Return a rule's severity as it is in force: `error`, `warning` or `off`."""
    return severities.get(rule.id, rule.severity) or "off"


def _suggested(name: str) -> str:
    """Say which rules somebody may have meant: those that begin so, else those with the words, else one that looks alike."""
    parts = set(name.split("_"))
    begun = [rule for rule in RULES if rule.startswith(name)] if name else []
    near = begun or [rule for rule in RULES if parts <= set(rule.split("_"))] or get_close_matches(name, RULES, n=1)
    return f"; is it {' or '.join(near)}?" if near else "; `contracts rules` lists them"


def _examples(rule: Rule) -> list[str]:
    """Return what was before, what breaks the rule and what keeps it: as it is, or how it differs from what was before."""
    found: dict[str, dict[str, str]] = {}
    for path, text in examples(rule).items():
        stem, _, rest = path.partition("/")
        found.setdefault(stem.removesuffix(".avsc"), {})[rest] = text
    previous = found.get("previous")
    told = [_whole("Before", previous)] if previous else []
    level = ", at a level without FORWARD" if rule.id in FOR_READERS_FIRST else ""
    titles = {"bad": "Breaks the rule", "good": f"Keeps it{level}"} if found else {}
    for stem, title in titles.items():
        told.append(_whole(title, found[stem]) if previous is None else _changed(title, previous, found[stem]))
    return told


def _whole(title: str, files: Mapping[str, str]) -> str:
    return "\n\n".join(
        f"{title}{f' ({path})' if path else ''}:\n\n{_indented(text.splitlines())}" for path, text in files.items()
    )


def _changed(title: str, previous: Mapping[str, str], files: Mapping[str, str]) -> str:
    told = []
    for path, text in previous.items():
        file = f" ({path})" if path else ""
        if path not in files:
            told.append(f"{title}: {path} is gone.")
        elif files[path] != text:
            lines = list(unified_diff(text.splitlines(), files[path].splitlines(), lineterm=""))[2:]  # without names
            told.append(f"{title}{file}:\n\n{_indented(lines)}")
    return "\n\n".join(told) or f"{title}: what was before."


def _indented(lines: Iterable[str]) -> str:
    return "\n".join(f"    {line}".rstrip() for line in lines)
