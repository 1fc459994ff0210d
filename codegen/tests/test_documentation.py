"""Pages of docs/ show what is answered, and docs/contracts.md leaves out no command and no rule."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from codegen.checks.reports import Format
from codegen.checks.rules import RULES
from codegen.cli import app
from codegen.tests.documented import PAGES, PAGES_WITH_REGISTRY, answered

TEXT = PAGES[0].read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_shows_what_is_answered(page: Path, tmp_path: Path) -> None:
    text = page.read_text(encoding="utf-8")

    assert answered(text, tmp_path) == text, "run `python -m codegen.tests.documented` and look at what has changed"


@pytest.mark.parametrize("page", PAGES_WITH_REGISTRY, ids=lambda page: page.stem)
def test_a_page_shows_what_is_answered_with_a_registry(
    page: Path, tmp_path: Path, registry: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = page.read_text(encoding="utf-8")
    monkeypatch.setenv("SCHEMA_REGISTRY_URL", registry)

    assert answered(text, tmp_path) == text, "run `python -m codegen.tests.documented` and look at what has changed"


def test_the_page_runs_every_command() -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]

    assert {
        name for name in commands if not re.search(rf"^(?:\$ .*|<!-- made by: )contracts {name}\b", TEXT, re.MULTILINE)
    } == set()


def test_the_page_has_every_rule_and_every_format() -> None:
    assert {rule for rule in RULES if f"| {rule} |" not in TEXT} == set()
    assert {form for form in Format if f"| `{form}` |" not in TEXT} == set()
