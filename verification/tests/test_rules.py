"""The table of rules and removals is true of the code as it is; `python -m verification.rules` tries it out."""

import ast
import re
from pathlib import Path

import pytest

from verification.removals import REMOVALS, RULES, Removal
from verification.rules import first_error, take_out

PROJECT = Path(__file__).parents[2]


@pytest.mark.parametrize("removal", REMOVALS, ids=lambda removal: f"{removal.rule} {removal.what}")
def test_what_is_taken_out_is_there_once_and_its_test_exists(removal: Removal) -> None:
    assert (PROJECT / removal.file).read_text(encoding="utf-8").count(removal.text) == 1
    file, _, name = removal.test.partition("::")
    tests = ast.parse((PROJECT / file).read_text(encoding="utf-8"))
    assert name in {node.name for node in tests.body if isinstance(node, ast.FunctionDef)}


def test_every_rule_of_the_architecture_is_tried() -> None:
    architecture = (PROJECT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    numbers = {int(number) for number in re.findall(r"^\| (\d+) · ", architecture, re.MULTILINE)}

    assert numbers == set(RULES)
    assert {removal.rule for removal in REMOVALS} == set(RULES)


def test_a_text_that_is_not_there_once_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x x")

    with pytest.raises(ValueError, match="has the text 2 times"):
        take_out(tmp_path, Removal(1, "", "a.py", "x", "y", ""))
    assert take_out(tmp_path, Removal(1, "", "a.py", "x x", "y", "")) == "x x"
    assert (tmp_path / "a.py").read_text() == "y"


def test_the_first_error_is_told() -> None:
    assert first_error("x\nE   assert 1 == 2\nE    +  where") == "assert 1 == 2"
    assert first_error("1 passed") == "no error was told"
