"""Rules for people: the list of all, and the lesson about one."""

import json
from difflib import get_close_matches
from typing import Final

from codegen.checks.findings import Rule
from codegen.checks.ignores import Severities
from codegen.checks.rules import RULES, examples
from codegen.errors import ContractsError

_TITLES: Final = {"previous": "Before", "bad": "Breaks the rule", "good": "Keeps it"}


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
    rule = RULES.get(name.upper().replace("-", "_"))
    if rule is None:
        near = get_close_matches(name.upper(), RULES, n=1)
        hint = f"; is it {near[0]}?" if near else "; `contracts rules` lists them"
        raise ContractsError(f"there is no rule {name!r}{hint}")
    return "\n\n".join([_heading(rule, severities), rule.why, *_examples(rule), f"What to do: {rule.fix}"])


def _heading(rule: Rule, severities: Severities) -> str:
    return f"{rule.id} ({rule.category}, {severity(rule, severities)})\n{rule.purpose}"


def severity(rule: Rule, severities: Severities) -> str:
    """Return a rule's severity as it is in force: `error`, `warning` or `off`."""
    return severities.get(rule.id, rule.severity) or "off"


def _examples(rule: Rule) -> list[str]:
    """Return the example files under their titles: what was before, what breaks the rule, what keeps it."""
    found = examples(rule)
    told = []
    for stem, title in _TITLES.items():
        for path, text in found.items():
            if path.partition("/")[0].partition(".")[0] == stem:
                file = f" ({path})" if "/" in path else ""
                told.append(f"{title}{file}:\n\n" + "\n".join(f"    {line}" for line in text.rstrip().splitlines()))
    return told
