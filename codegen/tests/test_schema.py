"""The parser: names as Avro 1.12 says, everything invalid refused with its place, fingerprints as fastavro's."""

import json
from pathlib import Path
from typing import Any

import fastavro.schema
import pytest

from codegen.avro.parsing import parse
from codegen.avro.schema import Enum, Fixed, Logical, Place, Primitive, Record, Reference
from codegen.avro.schema_files import examine, load
from codegen.avro.schema_text import (
    canonical_form,
    compact,
    fingerprint,
    normal_form,
    references,
    self_contained,
)
from codegen.errors import SchemaError
from codegen.tests.building import write_schemas

PLAIN: dict[str, Any] = {"type": "record", "name": "R", "fields": []}


def field(type_: Any, **others: Any) -> dict[str, Any]:
    return {"type": "record", "name": "R", "namespace": "n", "fields": [{"name": "f", "type": type_, **others}]}


INVALID: list[tuple[str, Any, str]] = [
    ("no JSON", "{", "not JSON"),
    ("NaN", '{"type": "record", "name": "R", "fields": [], "x": NaN}', "not JSON: NaN"),
    ("key twice", '{"type": "int", "type": "long"}', "duplicate key 'type'"),
    ("a number", 5, "a schema is a name, an object or a list, not 5"),
    ("null", None, "a schema is a name"),
    ("no type", {"name": "R"}, "a schema object needs a type"),
    ("no name", {"type": "record", "fields": []}, "a named type needs a name"),
    ("no fields", {"type": "record", "name": "R"}, "R: a record needs a list of fields"),
    ("fields no list", {**PLAIN, "fields": {}}, "R: a record needs a list of fields"),
    ("field no object", {**PLAIN, "fields": ["f"]}, "R: a field is an object with a name and a type"),
    ("field without type", {**PLAIN, "fields": [{"name": "f"}]}, r"R\.f: 'type' is missing"),
    ("field name", field("int") | {"fields": [{"name": "a-b", "type": "int"}]}, "n.R: 'a-b' is no name for a field"),
    ("two fields", {**PLAIN, "fields": [{"name": "f", "type": "int"}] * 2}, "two fields are named 'f'"),
    ("bad name", {**PLAIN, "name": "1R"}, "'1R' is not a name"),
    ("bad namespace", {**PLAIN, "namespace": "a..b"}, "is not a name"),
    ("named like a primitive", {**PLAIN, "name": "int"}, "a type may not be named 'int'"),
    ("unknown type", field("Other"), r"n\.R\.f: unknown type 'n.Other'"),
    ("items missing", field({"type": "array"}), r"n\.R\.f: 'items' is missing"),
    ("values missing", field({"type": "map"}), r"n\.R\.f: 'values' is missing"),
    ("unknown in items", field({"type": "array", "items": {"type": "map", "values": "X"}}), r"n\.R\.f\[\]\{\}: unknown type"),
    ("union in union", field(["null", ["int"]]), "a union may not directly contain a union"),
    ("branch twice", field(["int", "int"]), "a union may not contain 'int' twice"),
    ("logical type twice", field([{"type": "int", "logicalType": "date"}, "int"]), "may not contain 'int' twice"),
    ("two maps", field([{"type": "map", "values": "int"}, {"type": "map", "values": "long"}]), "'map' twice"),
    ("symbols missing", field({"type": "enum", "name": "E"}), r"n\.R\.f: 'symbols' is missing"),
    ("symbol twice", field({"type": "enum", "name": "E", "symbols": ["A", "A"]}), "symbol 'A' stands twice"),
    ("symbol name", field({"type": "enum", "name": "E", "symbols": ["A B"]}), "'A B' is no name for a symbol"),
    ("enum default", field({"type": "enum", "name": "E", "symbols": ["A"], "default": "B"}), '"B" is none of the symbols'),
    ("fixed without size", field({"type": "fixed", "name": "F"}), "a fixed needs a size"),
    ("fixed size", field({"type": "fixed", "name": "F", "size": -1}), "a fixed needs a size of 0 or more"),
    ("wrapped type", {"type": {"type": "string"}}, "a schema object needs a type, which is a name"),
    ("used before", {**PLAIN, "fields": [{"name": "a", "type": "F"}, {"name": "b", "type": {"type": "fixed", "name": "F", "size": 1}}]}, "R.a: 'F' is used before it is defined"),
    ("order", field("int", order="upwards"), "'order' is one of ascending, descending, ignore"),
    ("namespace", {**PLAIN, "namespace": 5}, "'namespace' is a string"),
    ("enum default null", field({"type": "enum", "name": "E", "symbols": ["A"], "default": None}), "null is none of the symbols"),
    ("defined twice", {**PLAIN, "fields": [{"name": "f", "type": PLAIN}]}, "'R' is defined twice"),
    ("default without end", {**PLAIN, "fields": [{"name": "i", "type": "R", "default": {}}]}, "its own default leads back here"),
    ("doc null", {**PLAIN, "doc": None}, "'doc' is a string"),
    ("aliases", {**PLAIN, "aliases": "A"}, "'aliases' is a list of strings"),
    ("doc", {**PLAIN, "doc": 5}, "'doc' is a string"),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "message"), [case[1:] for case in INVALID], ids=[case[0] for case in INVALID])
def test_invalid_schemas_are_refused_with_their_place(schema: Any, message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        parse(schema if isinstance(schema, str) else json.dumps(schema))


def test_names_are_resolved_against_the_enclosing_namespace() -> None:
    inner = {
        "type": "record",
        "name": "other.Inner",
        "fields": [{"name": "e", "type": {"type": "enum", "name": "E", "symbols": ["A"]}}],
    }
    schema = parse(
        json.dumps(
            {
                "type": "record",
                "name": "Outer",
                "namespace": "n.s",
                "aliases": ["Old", "x.Older"],
                "fields": [
                    {"name": "a", "type": inner},
                    {"name": "b", "type": {"type": "fixed", "name": "F", "namespace": "z", "size": 1}},
                    {"name": "c", "type": "Outer"},
                    {"name": "d", "type": {"type": "other.E"}},
                ],
            }
        )
    )

    assert set(schema.types) == {"n.s.Outer", "other.Inner", "other.E", "z.F"}
    outer = schema.types["n.s.Outer"]
    assert isinstance(outer, Record)
    assert outer.aliases == ("n.s.Old", "x.Older")
    assert [each.type for each in outer.fields] == [
        Reference("other.Inner"),
        Reference("z.F"),
        Reference("n.s.Outer"),
        Reference("other.E"),
    ]
    assert isinstance(schema.types["other.E"], Enum)
    assert isinstance(schema.types["z.F"], Fixed)


@pytest.mark.parametrize(
    ("type_", "expected"),
    [
        ({"type": "int", "logicalType": "date"}, Primitive("int", Logical("date"))),
        ({"type": "long", "logicalType": "date"}, Primitive("long")),
        ({"type": "long", "logicalType": "timestamp-milis"}, Primitive("long")),
        ({"type": "string", "logicalType": "uuid"}, Primitive("string", Logical("uuid"))),
        ({"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}, Primitive("bytes", Logical("decimal", 4, 2))),
        ({"type": "bytes", "logicalType": "decimal"}, Primitive("bytes")),
        ({"type": "bytes", "logicalType": "decimal", "precision": 2, "scale": 3}, Primitive("bytes")),
        ({"type": "string", "logicalType": 5}, Primitive("string")),
    ],
)  # fmt: skip
def test_logical_types_that_do_not_fit_are_ignored(type_: Any, expected: Primitive) -> None:
    assert parse(json.dumps(type_)).root == expected


@pytest.mark.parametrize(
    "schema",
    [
        "string",
        PLAIN,
        field(
            {"type": "array", "items": ["null", {"type": "map", "values": {"type": "fixed", "name": "x.F", "size": 3}}]}
        ),
        field(["null", "R"], default=None, doc="recursive"),
        {**field({"type": "long", "logicalType": "timestamp-micros"}), "aliases": ["Old"], "doc": "d"},
        field({"type": "enum", "name": "E", "symbols": ["A", "B"], "default": "A"}),
    ],
)
def test_canonical_form_and_fingerprint_equal_fastavros(schema: Any) -> None:
    text = json.dumps(schema)
    expected = fastavro.schema.to_parsing_canonical_form(json.loads(text))

    assert canonical_form(parse(text)) == expected
    assert fingerprint(parse(text)) == fastavro.schema.fingerprint(expected, "sha256")


def test_references_are_inlined_at_first_use_and_keep_their_namespace(tmp_path: Path) -> None:
    write_schemas(
        tmp_path,
        {"type": "record", "name": "A", "namespace": "n", "fields": [{"name": "x", "type": "m.B"}, {"name": "y", "type": ["null", "m.C"]}]},
        {"type": "record", "name": "B", "namespace": "m", "fields": [{"name": "c", "type": "C"}, {"name": "p", "type": {"type": "array", "items": "C"}}]},
        {"type": "enum", "name": "C", "namespace": "m", "symbols": ["S"]},
        {"type": "record", "name": "Plain", "fields": [{"name": "x", "type": "n.A"}]},
    )  # fmt: skip
    folder = load(tmp_path)

    text = folder.self_contained_text("n.A")

    assert parse(text).types.keys() == {"n.A", "m.B", "m.C"}
    assert text.count('"symbols"') == 1
    assert fingerprint(parse(text)) == fingerprint(folder.schema("n.A"))
    assert folder.files["n.A"].references == ("m.B", "m.C")
    names = [file.name for file in folder.in_reference_order()]
    assert names == ["m.C", "m.B", "n.A", "Plain"] or names.index("m.C") < names.index("m.B") < names.index("n.A")


def test_a_type_nested_in_another_file_is_not_defined_twice(tmp_path: Path) -> None:
    nested = {"type": "enum", "name": "Inner", "symbols": ["S"]}
    write_schemas(
        tmp_path,
        {"type": "record", "name": "Host", "namespace": "n", "fields": [{"name": "i", "type": nested}]},
        {"type": "record", "name": "User", "namespace": "n", "fields": [{"name": "i", "type": "Inner"}, {"name": "h", "type": "Host"}]},
    )  # fmt: skip

    text = load(tmp_path).self_contained_text("n.User")

    assert parse(text).types.keys() == {"n.User", "n.Host", "n.Inner"}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.avsc": "[]"}, "a.avsc:1:1: it defines no record, enum or fixed"),
        ({"a.avsc": '"string"'}, "a.avsc:1:1: it defines no record, enum or fixed"),
        ({"sub/a.avsc": "{"}, "sub/a.avsc:1:2: not JSON"),
        ({"a.avsc": json.dumps(field("Nowhere"), indent=1)}, "a.avsc:8:12: n.R.f: unknown type 'n.Nowhere'"),
        ({"a.avsc": '{"type": "recrod", "name": "R"}'}, "a.avsc:1:10: unknown type 'recrod'"),
        ({"a.avsc": json.dumps(field("strin"))}, "unknown type 'n.strin'; is it 'string'?"),
        ({"a.avsc": json.dumps([field("x.S"), {"type": "fixed", "name": "y.S", "size": 1}])}, "'x.S'; is it 'y.S'?"),
        ({"a.avsc": ""}, "a.avsc:1:1: not JSON: there is nothing in it"),
        (
            {"a.avsc": json.dumps(PLAIN), "b.avsc": json.dumps({**PLAIN, "doc": "d"})},
            "b.avsc:1:28: R: 'R' is defined otherwise in .*/a.avsc",
        ),
        ({"a.avsc": json.dumps(field("int", default="x"), indent=1)}, 'a.avsc:9:15: n.R.f: default "x" does not fit'),
    ],
)
def test_faults_in_files_are_told_with_the_file(tmp_path: Path, files: dict[str, str], message: str) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)

    with pytest.raises(SchemaError, match=message):
        load(tmp_path)


def test_a_type_that_two_files_have_word_for_word_is_one(tmp_path: Path) -> None:
    def of_zip(name: str) -> dict[str, Any]:
        return {**PLAIN, "name": name, "fields": [{"name": "z", "type": {"type": "fixed", "name": "Zip", "size": 5}}]}

    write_schemas(tmp_path, of_zip("A"), of_zip("B"), {"type": "fixed", "name": "Zip", "size": 5})

    examination = examine(tmp_path)

    assert examination.faults == ()
    assert [(copy.location.file, copy.fault.reason) for copy in examination.copies] == [
        (f"{tmp_path}/B.avsc", f"'Zip' is defined in {tmp_path}/A.avsc as well"),
        (f"{tmp_path}/Zip.avsc", f"'Zip' is defined in {tmp_path}/A.avsc as well"),
    ]
    folder = load(tmp_path)
    assert folder.owner("Zip") == "A"
    assert [file.name for file in folder.in_reference_order()] == ["A", "B", "Zip"]
    assert parse(folder.self_contained_text("B")).types.keys() == {"B", "Zip"}


def test_a_file_may_be_a_union_of_the_types_that_it_defines(tmp_path: Path) -> None:
    line = {**PLAIN, "name": "Line", "namespace": "n"}
    order = {"type": "record", "name": "n.Order", "fields": [{"name": "line", "type": "Line"}]}
    (tmp_path / "order.avsc").write_text(json.dumps(["null", line, order], indent=1))

    folder = load(tmp_path)

    assert folder.files.keys() == {"n.Line", "n.Order"}
    assert folder.files["n.Order"].references == ("n.Line",)
    assert parse(folder.self_contained_text("n.Order")).types.keys() == {"n.Order", "n.Line"}
    assert folder.locate(Place("n.Order", ("fields", 0, "type")))[1:] == (15, 13)
    assert json.loads(folder.files["n.Order"].own_text) == order


def test_a_file_that_contradicts_another_stands_apart(tmp_path: Path) -> None:
    def of_zip(name: str, size: int) -> dict[str, Any]:
        return {
            **PLAIN,
            "name": name,
            "fields": [{"name": "z", "type": {"type": "fixed", "name": "Zip", "size": size}}],
        }

    write_schemas(tmp_path, of_zip("A", 5), of_zip("B", 6), of_zip("C", 5))

    examination = examine(tmp_path)

    folder = examination.folder
    assert [fault.fault.reason for fault in examination.conflicts] == [
        f"'Zip' is defined otherwise in {tmp_path}/A.avsc"
    ]
    assert [folder.schema(name).types["Zip"] for name in "ABC"] == [Fixed("Zip", 5), Fixed("Zip", 6), Fixed("Zip", 5)]
    assert folder.around("B").locate(Place("Zip", ("size",))).file == f"{tmp_path}/B.avsc"
    assert parse(folder.self_contained_text("B")).types["Zip"] == Fixed("Zip", 6)
    with pytest.raises(SchemaError, match=r"'Zip' is defined otherwise in .*/A\.avsc"):
        load(tmp_path)


def test_a_folder_without_schemas_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match=r"no \.avsc files in this folder"):
        load(tmp_path)


def test_files_that_refer_to_each_other_have_no_order(tmp_path: Path) -> None:
    a = {"type": "record", "name": "A", "fields": [{"name": "b", "type": ["null", "B"]}]}
    write_schemas(tmp_path, a, {**a, "name": "B", "fields": [{"name": "a", "type": ["null", "A"]}]})

    with pytest.raises(SchemaError, match=r"files refer to each other: (A -> B -> A|B -> A -> B)"):
        load(tmp_path).refuse_circles()


def test_history_is_no_source(tmp_path: Path) -> None:
    write_schemas(tmp_path, PLAIN)
    write_schemas(tmp_path / "history" / "R", PLAIN)

    assert load(tmp_path).files.keys() == {"R"}


def test_the_normal_form_does_not_depend_on_the_spelling() -> None:
    short: Any = {
        "type": "record",
        "name": "n.R",
        "fields": [{"name": "f", "type": ["null", "string"], "default": None}],
    }
    long: Any = {
        "fields": [{"default": None, "type": ["null", {"type": "string"}], "name": "f"}],
        "namespace": "n",
        "name": "R",
        "type": "record",
    }

    assert normal_form(short) == normal_form(long)
    assert normal_form(short) != normal_form({**short, "doc": "d"})
    assert normal_form(short, data_only=True) == normal_form({**short, "doc": "d", "aliases": ["A"]}, data_only=True)


def test_the_normal_form_keeps_a_default_that_looks_like_a_schema() -> None:
    inner = {"type": "record", "name": "I", "fields": [{"name": "doc", "type": "string", "default": ""}]}
    one, other = field(inner, default={"doc": "a"}), field(inner, default={"doc": "b"})

    assert normal_form(one, data_only=True) != normal_form(other, data_only=True)


def test_references_are_only_what_is_not_defined_inside() -> None:
    schema = field({"type": "array", "items": {"type": "enum", "name": "E", "symbols": ["A"]}})
    schema["fields"] += [
        {"name": "g", "type": ["null", "E", "x.Y"]},
        {"name": "h", "type": {"type": "map", "values": "x.Y"}},
    ]

    assert references(schema) == ("x.Y",)
    assert compact(self_contained("x.Y", {"x.Y": {"type": "fixed", "name": "x.Y", "size": 1}})).startswith(
        '{"type":"fixed"'
    )
