"""Data for schemas: valid ones are read by other libraries, invalid ones refused at the path that they name."""

import contextlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

import avro.io
import avro.schema
import fastavro
import pytest
from fastavro.validation import ValidationError

from codegen import runtime
from codegen.avro.parsing import parse
from codegen.avro.schema import Array, Map, Node, Primitive, Record, Reference, Schema, Union
from codegen.avro.schema_files import load
from codegen.errors import ContractsError, EncodeError, SchemaError
from codegen.python.conversions import Converted, converted
from codegen.python.names import attribute_names
from codegen.samples.data import Branch, Datum, as_json, branch_name, encode
from codegen.samples.sampling import Sampler, find, lines
from codegen.tests.golden.kinds import Empty
from codegen.tests.golden.kinds.sample import AVRO_TYPES
from services.events.shop import common, inventory, orders, payments

KINDS = load(Path(__file__).parent / "golden" / "kinds" / "schemas")
SHOP = load(Path(__file__).parents[2] / "schemas")
CLASSES: Mapping[str, Any] = {
    **AVRO_TYPES,
    "Empty": Empty,
    **common.AVRO_TYPES,
    **inventory.AVRO_TYPES,
    **orders.AVRO_TYPES,
    **payments.AVRO_TYPES,
}
LOGICAL_KINDS = {
    "type": "record",
    "name": "Logical",
    "fields": [
        {"name": "decimal", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
        {
            "name": "fixed",
            "type": {"type": "fixed", "name": "D", "size": 5, "logicalType": "decimal", "precision": 11, "scale": 3},
        },
        {"name": "big", "type": {"type": "bytes", "logicalType": "big-decimal"}},
        {"name": "nanos", "type": {"type": "long", "logicalType": "timestamp-nanos"}},
        {"name": "local", "type": {"type": "long", "logicalType": "local-timestamp-nanos"}},
        {"name": "span", "type": {"type": "fixed", "name": "S", "size": 12, "logicalType": "duration"}},
        {"name": "nothing", "type": {"type": "fixed", "name": "N", "size": 0}},
        {"name": "pairs", "type": {"type": "map", "values": ["null", "float", "double", "N"]}},
    ],
}
TEXTS: dict[str, str] = {
    "Logical": json.dumps(LOGICAL_KINDS),
    **{name: folder.self_contained_text(name) for folder in (KINDS, SHOP) for name in folder.files},
}
SEED = 20_260_101


def schema_of(name: str) -> Schema:
    return parse(TEXTS[name])


@pytest.mark.parametrize(
    "name", sorted(TEXTS.keys() - {"sample.Tree"})
)  # in a recursive schema its JSON reader never ends
def test_fastavro_reads_the_json_encoding_as_the_binary_one(name: str) -> None:
    schema, parsed = schema_of(name), fastavro.parse_schema(json.loads(TEXTS[name]))
    sampler = Sampler(schema, Random(SEED))

    for _ in range(40):
        datum = sampler.valid()
        read = next(iter(fastavro.json_reader(io.StringIO(json.dumps(as_json(datum))), parsed)))
        assert read == fastavro.schemaless_reader(io.BytesIO(encode(schema, datum)), parsed, None), as_json(datum)


@pytest.mark.filterwarnings("ignore::avro.errors.IgnoredLogicalType")  # it does not know them all
@pytest.mark.parametrize("name", TEXTS)
def test_apache_avro_reads_every_byte_of_it(name: str) -> None:
    schema, reader = schema_of(name), avro.io.DatumReader(avro.schema.parse(TEXTS[name]))
    sampler = Sampler(schema, Random(SEED), finite=False)

    for _ in range(20):
        data = io.BytesIO(encode(schema, sampler.valid()))
        reader.read(avro.io.BinaryDecoder(data))
        assert data.read() == b""


@pytest.mark.parametrize("name", [name for name in TEXTS if hasattr(CLASSES.get(name), "SCHEMA")])
def test_the_generated_class_reads_it_and_writes_its_like(name: str) -> None:
    schema = schema_of(name)
    sampler = Sampler(schema, Random(SEED))

    for _ in range(40):
        value = CLASSES[name].decode(encode(schema, sampler.valid()))
        assert CLASSES[name].decode(value.encode()) == value  # a small long may come back as the union's int


@pytest.mark.parametrize("name", TEXTS)
def test_fastavro_refuses_invalid_data(name: str) -> None:
    schema, parsed = schema_of(name), fastavro.parse_schema(json.loads(TEXTS[name]))
    sampler = Sampler(schema, Random(SEED))

    for _ in range(100):
        bad = sampler.invalid()
        with pytest.raises((ValidationError, ValueError)):  # the latter from a text that its union takes for a date
            fastavro.validate(for_fastavro(bad.datum), parsed)


@pytest.mark.parametrize("name", [name for name in TEXTS if hasattr(CLASSES.get(name), "SCHEMA")])
def test_the_generated_class_refuses_invalid_data_at_the_same_path(name: str) -> None:
    schema = schema_of(name)
    sampler = Sampler(schema, Random(SEED))

    for _ in range(200):
        bad = sampler.invalid()
        if bad.path == "" or "is missing" in bad.reason or within_a_choice(schema, bad.path):
            continue  # there is no object to encode; or the class cannot know which branch a wrong value was meant for
        with pytest.raises(EncodeError) as caught:
            as_instance(schema, schema.root, bad.datum).encode()
        assert str(caught.value).startswith(f"{bad.path}: "), bad


def for_fastavro(datum: Datum) -> Any:
    """Return a datum as fastavro wants it: a union's branch is named by a pair."""
    match datum:
        case Branch(name=name, value=value):
            return (name, for_fastavro(value)) if "." in name else for_fastavro(value)
        case list():
            return [for_fastavro(item) for item in datum]
        case dict():
            return {key: for_fastavro(item) for key, item in datum.items()}
    return datum


def within_a_choice(schema: Schema, path: str) -> bool:
    """Say whether the path goes through a union of several types besides null."""
    fields = schema.types[schema.root.name].fields  # type: ignore[union-attr]
    top = path.split(".")[0].split("[")[0]
    node = next(field.type for field in fields if field.name == top)
    return isinstance(node, Union) and len([b for b in node.branches if b != Primitive("null")]) > 1


def as_instance(schema: Schema, node: Node, datum: Any) -> Any:
    """Return a datum as generated classes hold it; what is wrong stays as it is."""
    match node, datum:
        case Union(branches=branches), Branch(name=name, value=value):
            branch = [each for each in branches if branch_name(each) == name]
            return as_instance(schema, branch[0], value) if branch else object()
        case Array(items=items), list():
            return [as_instance(schema, items, item) for item in datum]
        case Map(values=values), dict():
            return {key: as_instance(schema, values, item) for key, item in datum.items()}
        case Primitive() | Reference(), _ if known := converted(node, schema):
            return plain_or_converted(known, datum)
        case Reference(), _:
            match schema.definition(node), datum:
                case Record(fields=fields, name=name), dict():
                    attributes = attribute_names(tuple(field.name for field in fields))
                    return CLASSES[name](
                        **{attributes[f.name]: as_instance(schema, f.type, datum[f.name]) for f in fields}
                    )
    return datum


def plain_or_converted(known: Converted, raw: Any) -> Any:
    with contextlib.suppress(*runtime.FAULTS):
        return known.function(known.conversion.convert)(raw) if type(raw) in {int, str, bytes} else raw
    return raw


def test_every_branch_and_symbol_has_its_turn() -> None:
    sampler = Sampler(KINDS.schema("sample.Kinds"), Random(SEED))
    drawn: list[Any] = []

    while not (drawn and sampler.covered):
        drawn.append(sampler.valid())

    assert len(drawn) < 60
    assert {datum["anything"].name for datum in drawn} >= {"null", "array", "map", "sample.part.Point"}
    assert {datum["colour"] for datum in drawn} == {"RED", "GREEN", "mro", "name", "class"}


def test_recursion_comes_to_an_end_by_the_shortest_way() -> None:
    wide = {"type": "array", "items": ["W", {"type": "map", "values": "W"}]}
    schema = parse(json.dumps({"type": "record", "name": "W", "fields": [{"name": c, "type": wide} for c in "abc"]}))

    assert all(len(encode(schema, Sampler(schema, Random(seed)).valid())) < 50_000 for seed in range(50))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ([{"name": "next", "type": "R"}], "every R holds another one, in next"),
        ([{"name": "a", "type": "int"}, {"name": "next", "type": ["R"]}], "every R holds another one, in next"),
        ([{"name": "e", "type": {"type": "enum", "name": "E", "symbols": []}}], "e is an enum without symbols"),
        ([{"name": "u", "type": []}], "u is a union without branches"),
    ],
)
def test_a_type_without_data_is_refused(fields: list[Any], message: str) -> None:
    schema = parse(json.dumps({"type": "record", "name": "R", "fields": fields}))

    with pytest.raises(SchemaError, match=f"^there is no datum of it: {message}"):
        Sampler(schema, Random(SEED))


def test_a_branch_without_data_is_never_drawn() -> None:
    endless = {"type": "record", "name": "R", "fields": [{"name": "next", "type": "R"}]}
    schema = parse(json.dumps(["null", endless, {"type": "array", "items": "R"}]))
    sampler = Sampler(schema, Random(SEED))

    assert {json.dumps(as_json(sampler.valid())) for _ in range(20)} == {"null", '{"array": []}'}


def test_the_same_seed_gives_the_same_lines() -> None:
    schema = SHOP.schema("shop.orders.OrderPlaced")

    first, again = (list(lines(schema, count=3, seed=7)) for _ in range(2))

    assert first == again
    assert first != list(lines(schema, count=3, seed=8))
    assert all(json.loads(line)["header"] for line in first)


def test_invalid_lines_say_where_and_why() -> None:
    line = next(lines(parse('"int"'), count=1, seed=1, invalid=True))

    assert list(json.loads(line)) == ["path", "reason", "datum"]
    with pytest.raises(ContractsError, match="no binary encoding"):
        list(lines(parse('"int"'), count=1, seed=1, invalid=True, encoding="hex"))


def test_hexadecimal_lines_are_the_binary_encoding() -> None:
    schema = SHOP.schema("shop.common.EventHeader")

    for line in lines(schema, count=5, seed=1, encoding="hex"):
        assert common.EventHeader.decode(bytes.fromhex(line))


def test_a_type_is_found_by_its_simple_name_too() -> None:
    assert find(SHOP, "OrderPlaced").root == Reference("shop.orders.OrderPlaced")
    with pytest.raises(ContractsError, match=r"no file defines 'OrderPlced'; is it shop\.orders\.OrderPlaced\?"):
        find(SHOP, "OrderPlced")


def test_a_single_fault_has_a_path_and_a_reason() -> None:
    schema = SHOP.schema("shop.orders.OrderPlaced")

    bad = [Sampler(schema, Random(seed)).invalid() for seed in range(50)]

    assert all(each.path and each.reason for each in bad)
    assert any(each.path.startswith("lines[") for each in bad)
