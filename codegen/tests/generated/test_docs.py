"""Docs: what a schema says of a type or a field is the docstring, whatever characters it is made of."""

import ast
import dataclasses
import enum
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegen.python.text import docstring
from codegen.tests.building import build
from codegen.tests.golden.invoice.billing import Currency, InvoiceIssued, Line, Terms
from codegen.tests.round_trips import TRIAL

TEXTS: dict[str, str] = {
    "plain": "A plain sentence.",
    "quotes": "It says \"quoted\" and 'quoted'.",
    "a quote at the end": 'It ends in a "quote"',
    "a quote at the start": '"Quoted" comes first.',
    "nothing but a quote": '"',
    "three quotes": 'It has """ in the middle.',
    "three quotes at the end": 'It ends in """',
    "six quotes at the end": 'It ends in """"""',
    "four quotes at the end": 'It ends in """"',
    "a backslash": "A back\\slash, \\n and \\N{DASH} and \\u12.",
    "a backslash at the end": "It ends in a back\\",
    "two backslashes at the end": "It ends in two \\\\",
    "a backslash before a quote": 'It ends in \\"',
    "two paragraphs": "The first.\n\nThe second.",
    "lines": "One\nand the same\r\nsentence.",
    "blanks": "  Many \t blanks.  ",
    "nothing": "",
    "nothing but blanks": " \n\n \t",
    "a word too long for a line": "x" * 300,
    "a line of quotes": '"' * 130,
    "as long as a line": "x" * 110,
    "one longer than a line": "x" * 111 + ".",
    "two longer than a line": " ".join(["word"] * 40) + '"',
    "other scripts": "Größe in µm, 価格, 🙂.",
    "control characters": "A bell\x07 and an escape \x1b[0m.",
    "braces and percents": "{name} %s {0} %(x)d",
    "a triple of the other kind": "It has ''' in it.",
    "separators": "One\u2028two\u0085three\x0cfour.",
}


def schema(doc: str) -> dict[str, Any]:
    inner = {"type": "enum", "name": "E", "doc": doc, "symbols": ["A"]}
    fields = [{"name": "x", "type": inner, "doc": doc}, {"name": "y", "type": "int", "doc": doc}]
    return {"type": "record", "name": "R", "namespace": "n", "doc": doc, "fields": fields}


def words(text: str | None) -> list[str]:
    """Return what a text says, however it is wrapped."""
    return (text or "").split()


def field_docs(cls: Any) -> list[str]:
    """Return the strings that stand after the fields of a class, in its source."""
    (tree,) = ast.parse(inspect.getsource(cls)).body
    assert isinstance(tree, ast.ClassDef)
    pairs = zip(tree.body, tree.body[1:], strict=False)
    return [
        inspect.cleandoc(after.value.value)
        for field, after in pairs
        if isinstance(field, ast.AnnAssign) and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
        and isinstance(after.value.value, str)
    ]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_a_doc_is_a_docstring(tmp_path: Path, text: str) -> None:
    classes = build(tmp_path, schema(text))

    if words(text):
        assert words(classes["n.R"].__doc__) == words(text)
        assert words(classes["n.E"].__doc__) == words(text)
        assert [words(each) for each in field_docs(classes["n.R"])] == [words(text)] * 2
    else:
        assert field_docs(classes["n.R"]) == []


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_a_doc_is_formatted(tmp_path: Path, text: str) -> None:
    build(tmp_path, schema(text))

    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length", "120", "--diff", str(tmp_path)]
    assert subprocess.run(command, capture_output=True, text=True, check=False).stdout == ""


@given(text=st.text(st.characters(exclude_categories=["Cs"])) | st.text('"\\\\ \n'))
@TRIAL
def test_a_docstring_says_what_the_doc_says(text: str) -> None:
    lines = docstring(text, 4)

    said = ast.literal_eval("\n".join(lines).strip() or "''")

    assert words(said) == words(text)
    assert all(line == line.rstrip() for line in lines)


@pytest.mark.parametrize(("text", "said"), [("\x00", "\x00"), ("A nul\x00.", "A nul\x00."), ("\ud800", "?")], ids=ascii)
def test_a_doc_may_have_characters_that_no_source_may_have(tmp_path: Path, text: str, said: str) -> None:
    assert build(tmp_path, schema(text))["n.R"].__doc__ == said


# As one sees them


def test_classes_have_the_docs_of_their_types() -> None:
    assert inspect.getdoc(Currency) == "What is paid with."
    assert inspect.getdoc(Line) == "One product on an invoice; what a bundle is made of stands in its parts."
    assert str(inspect.getdoc(InvoiceIssued)).startswith("An invoice was sent to a customer.\n\nAmounts are")
    assert str(inspect.getdoc(InvoiceIssued)).endswith('"issued" means that it has left the house.')


@pytest.mark.parametrize("cls", [InvoiceIssued, Line, Terms])
def test_every_field_has_its_doc_below_it(cls: Any) -> None:
    assert len(field_docs(cls)) == len(dataclasses.fields(cls))


def test_a_type_without_a_doc_is_named(tmp_path: Path) -> None:
    inner = {"type": "enum", "name": "E", "symbols": ["A"]}
    classes = build(
        tmp_path, {"type": "record", "name": "R", "namespace": "n", "fields": [{"name": "x", "type": inner}]}
    )

    assert classes["n.R"].__doc__ == "A record of type n.R."
    assert classes["n.E"].__doc__ == "One of the symbols of n.E."
    assert issubclass(classes["n.E"], enum.StrEnum)
    assert field_docs(classes["n.R"]) == []


def test_modules_say_which_namespace_they_are_of() -> None:
    module = inspect.getmodule(Line)

    assert module is not None
    assert module.__doc__ == "The Avro types of namespace billing."
    assert inspect.getsource(module).startswith("# Generated by `contracts generate`")
