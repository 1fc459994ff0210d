"""The layout of `.avsc` files: what a text says never changes, and formatting twice changes nothing."""

import json
import os
import random
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegen.checks import formatting
from codegen.checks.formatting import LINE_LENGTH, format_text
from codegen.errors import SchemaError

FORMATTED = """\
{
  "type": "record",
  "name": "Order",
  "namespace": "shop",
  "doc": "An order.",
  "connect.version": 2,
  "fields": [
    {"name": "sku", "type": "string"},
    {
      "name": "state",
      "type": {"type": "enum", "name": "State", "symbols": ["NEW", "PAID"], "default": "NEW"},
      "doc": "How far it is.",
      "default": "NEW",
      "order": "ignore",
      "aliases": ["status"],
      "pii": {"z": 1, "a": 2}
    },
    {
      "name": "lines",
      "type": {"type": "array", "items": {
        "type": "record",
        "name": "Line",
        "fields": [
          {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}}
        ]
      }}
    },
    {
      "name": "paid",
      "type": ["null", {
        "type": "record",
        "name": "Payment",
        "doc": "A payment.",
        "fields": []
      }],
      "default": null
    }
  ]
}
"""


def exact(text: str) -> Any:
    """What a text says: numbers as they are spelt, and apart from strings; the order of members does not count."""
    return json.loads(text, parse_int=lambda digits: ("number", digits), parse_float=lambda digits: ("number", digits))


def shuffled(value: Any, chance: random.Random) -> Any:
    """The same types and fields with their members in any order; what else there is stays as it is."""
    if isinstance(value, list):
        return [shuffled(item, chance) for item in value]
    if isinstance(value, dict):
        keys = chance.sample(list(value), len(value))
        return {key: value[key] if key in {"pii", "default"} else shuffled(value[key], chance) for key in keys}
    return value


@pytest.mark.parametrize("seed", range(20))
def test_order_and_white_space_of_the_writer_do_not_matter(seed: int) -> None:
    chance = random.Random(seed)
    text = json.dumps(shuffled(json.loads(FORMATTED), chance), indent=chance.choice([None, 1, 8]))

    assert format_text(text) == FORMATTED


def test_unknown_attributes_keep_their_order() -> None:
    text = '{"b": 1, "name": "M", "size": 4, "a": {"name": 1, "type": 2}, "type": "fixed"}'

    assert list(json.loads(format_text(text))) == ["type", "name", "size", "b", "a"]
    assert list(json.loads(format_text(text))["a"]) == ["name", "type"]


def test_members_of_a_default_keep_their_order() -> None:
    text = '{"type": "record", "name": "R", "fields": [{"default": {"type": 1, "name": 2}, "type": "P", "name": "f"}]}'

    assert '{"name": "f", "type": "P", "default": {"type": 1, "name": 2}}' in format_text(text)


ON_ONE_LINE = [
    "null",
    '"string"',
    "{}",
    "[]",
    "1e300",
    "-0",
    "1.50",
    "12345678901234567890",
    '"ü \\u00fc \\n \\u0000 \\ud800"',
]


@pytest.mark.parametrize("text", ON_ONE_LINE)
def test_scalars_and_empty_values_stay_as_they_are_written(text: str) -> None:
    assert format_text(f" {text}\r\n") == f"{text}\n"


@pytest.mark.parametrize(
    ("written", "formatted"),
    [(r'"a\/b"', '"a/b"'), (r'"\u00FF\u00fF"', r'"\u00ff\u00ff"'), (r'"\\/\\u00FF"', r'"\\/\\u00FF"')],
)
def test_only_needless_spellings_of_an_escape_change(written: str, formatted: str) -> None:
    assert format_text(written) == f"{formatted}\n"


@pytest.mark.parametrize(("length", "lines"), [(LINE_LENGTH - 1, 1), (LINE_LENGTH, 5)])
def test_a_line_breaks_only_where_it_and_a_comma_are_too_long(length: int, lines: int) -> None:
    empty = '    {"name": "f", "type": "int", "default": ""}'
    field = empty.replace('""', f'"{"x" * (length - len(empty))}"')

    formatted = format_text(f'{{"type": "record", "name": "R", "fields": [{field}]}}')

    assert len(field) == length
    assert len(formatted.splitlines()) == 6 + lines
    assert (f"\n{field}\n" in formatted) == (lines == 1)


def test_symbols_that_do_not_fit_stand_one_on_a_line() -> None:
    symbols = [f"SYMBOL_{number}" for number in range(20)]
    text = format_text(json.dumps({"type": "enum", "name": "E", "symbols": symbols}))

    assert '  "symbols": [\n    "SYMBOL_0",\n    "SYMBOL_1",\n' in text


@pytest.mark.parametrize(
    "text",
    [
        '{"type": "record", "fields": "none"}',
        '{"fields": {"name": "a", "doc": ""}, "type": "record"}',
        '{"fields": [[{"doc": "x"}], 3, null], "type": "record"}',
        '{"type": ["null", {"type": {"type": 5}}], "items": {"b": 1, "a": 2}}',
        '[["null", ["null"]], {"doc": 1}]',
        '{"\\u0074ype": "array", "items": {"name": 1, "type": "enum"}}',
    ],
)
def test_json_that_is_no_avro_is_formatted_too(text: str) -> None:
    formatted = format_text(text)

    assert exact(formatted) == exact(text)
    assert format_text(formatted) == formatted


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda values: st.lists(values) | st.dictionaries(st.text(), values),
)
ATTRIBUTES = ["type", "name", "doc", "fields", "items", "values", "symbols", "default", "size", "aliases", "x"]
LIKE_A_SCHEMA = st.recursive(
    st.sampled_from(["record", "enum", "array", "map", "error", "fixed", "null", "a.b.C", 1, None, "y" * 60]),
    lambda values: st.lists(values, max_size=4) | st.dictionaries(st.sampled_from(ATTRIBUTES), values),
    max_leaves=40,
)


@given(JSON | LIKE_A_SCHEMA, st.booleans(), st.sampled_from([None, 0, 3]))
def test_a_text_says_the_same_and_is_formatted_once(value: Any, ascii_only: bool, indent: int | None) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    formatted = format_text(text)

    assert exact(formatted) == exact(text)
    assert format_text(formatted) == formatted


@given(LIKE_A_SCHEMA)
def test_a_line_is_too_long_only_where_it_cannot_be_broken(value: Any) -> None:
    for line in format_text(json.dumps(value)).splitlines():
        assert len(line) <= LINE_LENGTH or ", " not in line


FAULTS = {
    "": (1, 1),
    '{"type": }': (1, 10),
    '{"a": 1,\n "b": [1,\n  2,]}': (3, 5),
    '{"a": 1}\n{}': (2, 1),
    '{"a": 1,\n "b": {"c": 1,\n "c": 2}}': (2, 7),
}


@pytest.mark.parametrize("text", FAULTS)
def test_what_is_no_json_is_refused_with_line_and_column(text: str) -> None:
    with pytest.raises(SchemaError) as refused:
        format_text(text)

    assert refused.value.position == FAULTS[text]


@pytest.mark.parametrize("text", ['{"a": NaN}', "[" * 100_000 + "]" * 100_000, "[" * 3_000 + "]" * 3_000])
def test_what_the_standard_library_alone_would_let_pass_is_refused(text: str) -> None:
    with pytest.raises(SchemaError):
        format_text(text)


# Folders


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "Order.avsc").write_bytes(FORMATTED.encode())
    (tmp_path / "Colour.avsc").write_bytes(
        '{"type": "enum",\r\n "name": "Colour", "symbols": ["ROT", "GRÜN"]}'.encode()
    )
    (tmp_path / "history" / "colour").mkdir(parents=True)
    (tmp_path / "history" / "colour" / "1.avsc").write_text("{  }")
    return tmp_path


def test_differences_name_the_file_and_show_the_change(folder: Path) -> None:
    (difference,) = formatting.differences(folder)

    assert difference.path == folder / "Colour.avsc"
    assert difference.diff() == (
        f"--- {difference.path}\n+++ {difference.path}\n@@ -1,2 +1,5 @@\n"
        '-{"type": "enum",\r\n'
        '- "name": "Colour", "symbols": ["ROT", "GRÜN"]}\n\\ No newline at end of file\n'
        '+{\n+  "type": "enum",\n+  "name": "Colour",\n+  "symbols": ["ROT", "GRÜN"]\n+}\n'
    )


def test_write_changes_what_differs_and_nothing_else(folder: Path) -> None:
    before = (folder / "deep" / "Order.avsc").stat()

    assert [difference.path.name for difference in formatting.write(folder)] == ["Colour.avsc"]
    assert formatting.differences(folder) == []
    assert (folder / "Colour.avsc").read_bytes().endswith('"GRÜN"]\n}\n'.encode())
    assert (folder / "deep" / "Order.avsc").stat() == before
    assert (folder / "history" / "colour" / "1.avsc").read_text() == "{  }", "a released version is not touched"
    assert sorted(path.name for path in folder.iterdir()) == ["Colour.avsc", "deep", "history"]


def test_write_keeps_mode_and_link(folder: Path) -> None:
    (folder / "Colour.avsc").rename(folder / "colour.json")
    (folder / "colour.json").chmod(0o640)
    (folder / "Colour.avsc").symlink_to("colour.json")

    formatting.write(folder)

    assert (folder / "Colour.avsc").is_symlink()
    assert stat.S_IMODE((folder / "colour.json").stat().st_mode) == 0o640
    assert (folder / "colour.json").read_bytes().startswith(b'{\n  "type"')


def test_a_failed_write_leaves_the_old_text_and_nothing_else(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "replace", full)
    before = {path: path.read_bytes() for path in folder.glob("*.avsc")}

    with pytest.raises(OSError, match="no space"):
        formatting.write(folder)

    assert {path: path.read_bytes() for path in folder.glob("*") if path.is_file()} == before


def test_nothing_is_written_if_a_file_is_no_json_and_all_such_are_named(folder: Path) -> None:
    (folder / "Twice.avsc").write_text('{\n "a": 1, "a": 2}')
    (folder / "deep" / "Cut.avsc").write_text('{"a": [')
    (folder / "latin.avsc").write_bytes('{"a":\n "ü'.encode() + b"\xfc")
    before = {path: path.read_bytes() for path in folder.rglob("*.avsc")}

    with pytest.raises(SchemaError) as refused:
        formatting.write(folder)

    assert str(refused.value).splitlines() == [
        f"{folder}/Twice.avsc:1:1: duplicate key 'a'",
        f"{folder}/deep/Cut.avsc:1:8: not JSON: Expecting value",
        f"{folder}/latin.avsc:2:4: not UTF-8: invalid start byte",
    ]
    assert {path: path.read_bytes() for path in folder.rglob("*.avsc")} == before


def test_a_folder_without_schemas_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match=r"no \.avsc files"):
        formatting.differences(tmp_path)
    with pytest.raises(SchemaError, match="no such folder"):
        formatting.differences(tmp_path / "none")
