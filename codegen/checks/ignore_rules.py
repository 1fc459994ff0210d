"""The rules about ignores as data: they are found whenever the findings that an ignore is about are looked for."""

from typing import Final

from codegen.checks.findings import Category, Rule, Severity

IGNORE_EXPIRED: Final = Rule(
    "IGNORE_EXPIRED",
    Category.LINT,
    Severity.ERROR,
    purpose="An [[ignore]] of contracts.toml ends on the day it was decided to end.",
    why="What was ignored for a while is forgotten for ever, unless the day comes on which it is looked at again. From "
    "then on the finding that it hid is back as well.",
    fix="Mend what it hid and remove it, or decide again: a later `until`, and a reason that still holds.",
)
IGNORE_UNUSED: Final = Rule(
    "IGNORE_UNUSED",
    Category.LINT,
    Severity.WARNING,
    purpose="An [[ignore]] of contracts.toml hides a finding.",
    why="One that hides nothing will hide the next fault of its kind, which nobody has decided about.",
    fix="Remove it, or correct its rule, subject or path.",
)
IGNORE_RULES: Final = (IGNORE_EXPIRED, IGNORE_UNUSED)
