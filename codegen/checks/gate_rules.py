"""The rules about what is made of the schemas as data: `contracts gate` looks for them before a change is merged."""

from typing import Final

from codegen.checks.findings import Category, Rule, Severity

RELEASE_CHANGED: Final = Rule(
    "RELEASE_CHANGED",
    Category.LINT,
    Severity.ERROR,
    purpose="A released version stays as it is.",
    why="Others have written data with it, and every later schema is held to it: whoever edits it, and its line in "
    "contracts.lock, makes a change that breaks readers look like none.",
    fix="Restore the file from the branch that this one goes to, and edit the schema itself: `contracts release` makes "
    "its next version.",
)
CLASSES_DIFFER: Final = Rule(
    "CLASSES_DIFFER",
    Category.LINT,
    Severity.ERROR,
    purpose="The generated classes are what the schemas say.",
    why="What is reviewed is the schema, what runs are the classes: a schema without its classes changes nothing, and "
    "classes that somebody has edited write what the registry does not know.",
    fix="Run `contracts generate` and commit what it writes; what was edited by hand belongs into the schema.",
)
GATE_RULES: Final = (RELEASE_CHANGED, CLASSES_DIFFER)
