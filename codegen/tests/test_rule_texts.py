"""Lessons: what somebody may have meant, and an example that shows nothing but what differs."""

import pytest

from codegen.checks import rule_texts
from codegen.checks.compatibility_rules import FOR_READERS_FIRST
from codegen.checks.findings import Category
from codegen.checks.rules import RULES
from codegen.errors import ContractsError


@pytest.mark.parametrize("name", ["FIELD_RENAMED", "field-renamed", "field renamed", " Field  renamed."])
def test_a_rule_is_found_however_it_is_spelled(name: str) -> None:
    assert rule_texts.explained(name, {}).startswith("FIELD_RENAMED (SEM, error)")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("field added", "is it FIELD_ADDED_WITHOUT_DEFAULT?"),
        ("null", "is it NULL_REMOVED or NULL_ADDED or NULLABLE_WITHOUT_DEFAULT?"),
        ("renamed", "is it FIELD_RENAMED?"),
        ("default changd", "is it DEFAULT_CHANGED?"),
        ("weather", "`contracts rules` lists them"),
        ("", "`contracts rules` lists them"),
    ],
)
def test_a_name_that_is_none_gets_a_hint_by_its_beginning_then_its_words_then_its_looks(name: str, hint: str) -> None:
    with pytest.raises(ContractsError, match="there is no rule") as caught:
        rule_texts.explained(name, {})

    assert str(caught.value).endswith(f"; {hint}")


def test_an_example_is_told_as_what_differs_from_before() -> None:
    lesson = rule_texts.explained("DECIMAL_CHANGED", {})

    before, _, rest = lesson.partition("\n\nBreaks the rule:\n\n    @@")
    bad, _, good = rest.partition("\n\nKeeps it:\n\n    @@")
    assert before.endswith("    }")
    assert [line[4] for line in bad.splitlines() if line[4:5] in {"-", "+"}] == ["-", "+"]
    assert {line[4] for line in good.partition("What to do")[0].splitlines() if line[4:5] in {"-", "+"}} == {"+"}


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("SUBJECT_REMOVED", "Breaks the rule: Payment.avsc is gone."),
        ("CLASS_MOVED", "Keeps it: what was before."),
        ("MISSING_DOC", "Breaks the rule:\n\n    {"),
        *((rule, "Keeps it, at a level without FORWARD:\n\n    @@") for rule in sorted(FOR_READERS_FIRST)),
    ],
)
def test_a_lesson_says_what_is_gone_what_stays_and_at_which_level(rule: str, told: str) -> None:
    assert f"\n\n{told}" in rule_texts.explained(rule, {})


@pytest.mark.parametrize("rule", RULES)
def test_every_lesson_is_told_in_lines_that_end_where_they_end(rule: str) -> None:
    lesson = rule_texts.explained(rule, {})

    assert lesson == "\n".join(line.rstrip() for line in lesson.splitlines())
    assert lesson.endswith(f"What to do: {RULES[rule].fix}")
    has_files = RULES[rule].category is not Category.DRIFT  # what is in a registry is no file
    assert ("Breaks the rule" in lesson, "Keeps it" in lesson) == (has_files, has_files)
