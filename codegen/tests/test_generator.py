"""The generator: what it cannot do is refused by name, what it writes stays beside what others wrote."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from codegen.avro import schema_files
from codegen.errors import ContractsError, SchemaError, UnsupportedSchema
from codegen.python import generated_files
from codegen.python import source as python_source
from codegen.tests.building import build, write_schemas


def one_field(type_: Any, name: str = "f", **others: Any) -> dict[str, Any]:
    return {"type": "record", "name": "R", "namespace": "n", "fields": [{"name": name, "type": type_, **others}]}


WIDE = [{"type": "fixed", "name": f"F{number}", "size": 1} for number in range(1001)]
ENDLESS = {"type": "bytes", "logicalType": "decimal", "precision": 10**20, "scale": 10**20}
ENDLESS_FIXED = {
    "type": "fixed",
    "name": "F",
    "size": 2**63,
    "logicalType": "decimal",
    "precision": 10**19,
    "scale": 10**19,
}
UNSUPPORTED: list[tuple[str, Any, str]] = [  # defaults that have no value in Python: see generated/test_defaults.py
    (
        "union of very many branches",
        one_field(WIDE),
        r"^n\.R\.f: a union of 1001 branches: Python takes no more than 1000$",
    ),
    (
        "union of very many branches in an array",
        one_field({"type": "array", "items": WIDE}),
        r"^n\.R\.f: a union of 1001 branches",
    ),
    (
        "decimal of a scale that Python has not",
        one_field(ENDLESS),
        r"^n\.R\.f: decimal\(1\d+, 1\d+\): Python's decimals have no such scale$",
    ),
    ("decimal of such a scale in a map", one_field(["null", {"type": "map", "values": ENDLESS}]), r"^n\.R\.f: decimal"),
    ("decimal of such a scale on a fixed", one_field(ENDLESS_FIXED), r"^n\.R\.f: decimal"),
    ("default that is no text", one_field("string", default="\ud800"), r"n\.R\.f: the default .* is no text"),
]


@pytest.mark.parametrize(
    ("schema", "message"), [case[1:] for case in UNSUPPORTED], ids=[case[0] for case in UNSUPPORTED]
)
def test_what_cannot_be_generated_is_refused_by_name(tmp_path: Path, schema: Any, message: str) -> None:
    with pytest.raises(UnsupportedSchema, match=message):
        build(tmp_path, schema)


BAD_DEFAULTS: list[tuple[Any, Any]] = [
    ("int", "1"),
    ("int", 2**31),
    ("int", True),
    ("long", 1.5),
    ("string", None),
    ("boolean", 0),
    ("bytes", "\u0100"),
    ("null", 0),
    (["null", "int"], "x"),
    ({"type": "array", "items": "int"}, ["1"]),
    ({"type": "map", "values": "int"}, []),
    ({"type": "enum", "name": "E", "symbols": ["A"]}, "B"),
    ({"type": "fixed", "name": "F", "size": 2}, "x"),
    ({"type": "record", "name": "I", "fields": [{"name": "a", "type": "int"}]}, {}),
    ({"type": "record", "name": "I", "fields": [{"name": "a", "type": "int"}]}, {"a": 1, "b": 2}),
]


@pytest.mark.parametrize(("type_", "default"), BAD_DEFAULTS, ids=repr)
def test_a_default_that_does_not_fit_is_refused(tmp_path: Path, type_: Any, default: Any) -> None:
    with pytest.raises(SchemaError, match=r"n\.R\.f: default .* does not fit"):
        build(tmp_path, one_field(type_, default=default))


def test_a_unions_default_may_be_of_any_branch(tmp_path: Path) -> None:
    cls = build(tmp_path, one_field(["null", "int", "string"], default="x"))["n.R"]

    assert cls().f == "x"


def test_the_same_short_name_in_two_namespaces_is_two_classes(tmp_path: Path) -> None:
    def point(namespace: str) -> dict[str, Any]:
        return {"type": "record", "name": "P", "namespace": namespace, "fields": [{"name": "x", "type": "int"}]}

    user = {"type": "record", "name": "P", "namespace": "c", "fields": [{"name": "p", "type": ["a.P", "b.P"]}]}
    write_schemas(tmp_path / "a", point("a"))
    write_schemas(tmp_path / "b", point("b"))
    write_schemas(tmp_path / "c", user)
    files = python_source.generate(schema_files.load(tmp_path), "two_points")
    generated_files.write(tmp_path / "two_points", files, "two_points")

    script = "import two_points.a as a, two_points.b as b, two_points.c as c; print(c.P(p=a.P(x=1)).encode() + c.P(p=b.P(x=1)).encode())"
    output = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout

    assert output.strip() == repr(b"\x00\x02\x02\x02")


def test_writing_twice_changes_nothing(tmp_path: Path) -> None:
    source = write_schemas(tmp_path / "schemas", one_field("int"))
    files = python_source.generate(schema_files.load(source), "p")

    assert len(generated_files.write(tmp_path / "p", files, "p")) == 2
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "p").rglob("*.py")}
    assert generated_files.write(tmp_path / "p", files, "p") == []
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "p").rglob("*.py")} == before


def test_classes_of_removed_schemas_are_removed_but_nothing_else(tmp_path: Path) -> None:
    source = write_schemas(tmp_path / "schemas", one_field("int"))
    files = python_source.generate(schema_files.load(source), "p")
    generated_files.write(tmp_path / "p", files, "p")
    (tmp_path / "p" / "by_hand.py").write_text("x = 1\n")
    (tmp_path / "p" / "gone.py").write_text(f"{python_source.mark('p')}; of an earlier schema\n")

    changes = generated_files.write(tmp_path / "p", files, "p")

    assert [(change.path.name, change.kind) for change in changes] == [("gone.py", "left over")]
    assert (tmp_path / "p" / "by_hand.py").exists()


def test_a_file_written_by_hand_is_not_overwritten(tmp_path: Path) -> None:
    source = write_schemas(tmp_path / "schemas", one_field("int"))
    files = python_source.generate(schema_files.load(source), "p")
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "n.py").write_text("precious = True\n")

    with pytest.raises(ContractsError, match=r"n\.py was not written by this generator"):
        generated_files.write(tmp_path / "p", files, "p")


@pytest.mark.parametrize(
    ("out", "package", "expected"),
    [
        ("src", "events", "src/events"),
        ("src", "shop.events", "src/shop/events"),
        ("src/shop/events", "shop.events", "src/shop/events"),
        ("events", "events", "events"),
    ],
)
def test_the_package_is_below_out_or_out_itself(tmp_path: Path, out: str, package: str, expected: str) -> None:
    assert generated_files.package_folder(tmp_path / out, package) == tmp_path / expected


def test_a_package_name_must_be_one() -> None:
    with pytest.raises(ContractsError, match="no name for a Python package"):
        generated_files.package_folder(Path(), "a-b")


def test_schemas_in_the_class_are_self_contained(tmp_path: Path) -> None:
    inner = {"type": "record", "name": "I", "namespace": "n", "fields": [{"name": "a", "type": "int"}]}
    classes = build(tmp_path, inner, one_field("n.I"))

    assert json.loads(classes["n.R"].SCHEMA)["fields"][0]["type"]["name"] == "I"
    assert classes["n.R"].NAME == "n.R"
    assert len(classes["n.R"].FINGERPRINT) == 64


def test_a_default_is_what_would_be_read_if_it_were_written(tmp_path: Path) -> None:
    cls = build(tmp_path, one_field("float", default=0.1))["n.R"]

    assert cls.decode(cls().encode()) == cls()
