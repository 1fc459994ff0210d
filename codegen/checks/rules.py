"""All rules by id, in the order in which `contracts rules` lists them, and their examples (none of a registry's)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from codegen.checks.compatibility_rules import COMPATIBILITY_RULES
from codegen.checks.drift_rules import DRIFT_RULES
from codegen.checks.findings import Category, Rule, Severity
from codegen.checks.gate_rules import GATE_RULES
from codegen.checks.ignore_rules import IGNORE_RULES
from codegen.checks.lint_rules import LINT_RULES

UNFORMATTED: Final = Rule(
    "UNFORMATTED",
    Category.LINT,
    Severity.ERROR,
    purpose="A file is in the one layout that `contracts fmt` writes.",
    why="Then the diff of a schema shows what has changed, and nothing else.",
    fix="Run `contracts fmt`.",
)
RULES: Final[Mapping[str, Rule]] = {
    rule.id: rule for rule in (*COMPATIBILITY_RULES, *LINT_RULES, UNFORMATTED, *GATE_RULES, *DRIFT_RULES, *IGNORE_RULES)
}
EXAMPLES: Final = Path(__file__).parent / "examples"


def examples(rule: Rule) -> Mapping[str, str]:
    """Return the example files of a rule by their path: what is `bad`, what is `good`, and what was `previous`ly."""
    folder = EXAMPLES / rule.id
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in paths}
