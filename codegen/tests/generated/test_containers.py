"""Arrays and maps: nested in one another, in one block or several, empty and large."""

import types
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest

from codegen.errors import DecodeError, EncodeError
from codegen.runtime import ZERO_SIZED_ITEMS_MAX
from codegen.tests.building import build, fastavro_datum, logical, record
from codegen.tests.round_trips import round_trip, try_instances


def array(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}


def mapping(values: Any) -> dict[str, Any]:
    return {"type": "map", "values": values}


def nested(kind: str, depth: int) -> Any:
    """Return an array or a map within one another, so many times."""
    return "int" if not depth else (array if kind == "array" else mapping)(nested(kind, depth - 1))


ITEMS: list[Any] = [
    "null", "boolean", "int", "long", "float", "double", "bytes", "string", array("int"), mapping("int"), ["null", "string"],
    ["int", "string", "null"], {"type": "fixed", "name": "F", "size": 3}, {"type": "fixed", "name": "Z", "size": 0},
    {"type": "enum", "name": "E", "symbols": ["A"]}, record("n.I", x="int"), record("n.Empty"), logical("date", "int"),
    logical("uuid", "string"), logical("decimal", "bytes", precision=4, scale=2), logical("timestamp-millis", "long"),
]  # fmt: skip


@pytest.mark.parametrize("items", ITEMS, ids=str)
def test_items_may_be_of_every_type(tmp_path: Path, items: Any) -> None:
    named = isinstance(items, dict) and "name" in items
    again = f"n.{items['name']}" if named else items

    assert try_instances(build(tmp_path, record("n.R", many=array(items), by_key=mapping(again)))) >= 1


@pytest.mark.parametrize("kind", ["array", "map"])
@pytest.mark.parametrize("depth", [1, 2, 5])
def test_containers_may_be_nested(tmp_path: Path, kind: str, depth: int) -> None:
    assert try_instances(build(tmp_path, record("n.R", x=nested(kind, depth), y="int"))) == 1


@pytest.mark.parametrize("kind", ["array", "map"])
@pytest.mark.parametrize("depth", [9, 10, 11, 25, 50])
def test_containers_may_be_nested_deeper_than_pythons_loops(tmp_path: Path, kind: str, depth: int) -> None:
    cls = build(tmp_path, record("n.R", x=nested(kind, depth), y="int"))["n.R"]
    value: Any = 5
    for _ in range(depth):
        value = [value] if kind == "array" else {"k": value}

    round_trip(cls(x=value, y=1))


@pytest.fixture(scope="module")
def cls(tmp_path_factory: pytest.TempPathFactory) -> Any:
    schema = record("n.R", many=array("long"), by_key=mapping("string"), after="int")
    return build(tmp_path_factory.mktemp("containers"), schema)["n.R"]


BLOCKS: list[tuple[str, str]] = [
    ("one block", "04 02 04 00"),
    ("two blocks", "02 02 02 04 00"),
    ("a block with its size", "03 04 02 04 00"),
    ("blocks with and without their sizes", "01 02 02 02 04 00"),
    ("a size that is wrong, which only matters to who skips", "03 7e 02 04 00"),
    ("a count in more bytes than needed", "84 00 02 04 00"),
]


@pytest.mark.parametrize("data", [case[1] for case in BLOCKS], ids=[case[0] for case in BLOCKS])
def test_blocks_are_read_however_they_were_cut(cls: Any, data: str) -> None:
    raw = bytes.fromhex(f"{data} 00 06")

    assert cls.decode(raw) == cls(many=[1, 2], by_key={}, after=3)
    assert cls.decode(raw, f"{cls.SCHEMA} ") == cls(many=[1, 2], by_key={}, after=3)
    assert fastavro_datum(cls.SCHEMA, raw)["many"] == [1, 2]


def test_maps_are_read_in_blocks_too(cls: Any) -> None:
    raw = bytes.fromhex("00 02 02 61 02 78  01 08 02 62 02 79 00 06")

    assert cls.decode(raw) == cls(many=[], by_key={"a": "x", "b": "y"}, after=3)


def test_the_last_of_equal_keys_counts(cls: Any) -> None:
    raw = bytes.fromhex("00 04 02 61 02 78 02 61 02 79 00 06")

    assert cls.decode(raw).by_key == {"a": "y"} == fastavro_datum(cls.SCHEMA, raw)["by_key"]


@pytest.mark.parametrize("count", [63, 64, 8191, 8192, 20_000])
def test_containers_may_be_large(cls: Any, count: int) -> None:
    round_trip(cls(many=list(range(count)), by_key={str(number): "" for number in range(count)}, after=1))


@pytest.mark.parametrize("size", [0, 63, 64, 127, 128, 8191, 8192, 2**20, 2**21])
def test_keys_and_texts_may_be_long(cls: Any, size: int) -> None:
    round_trip(cls(many=[], by_key={"k" * size: "ü" * size}, after=1))


def test_the_order_of_a_map_is_kept(cls: Any) -> None:
    value = cls(many=[], by_key={"b": "", "a": "", "c": ""}, after=1)

    assert list(cls.decode(value.encode()).by_key) == ["b", "a", "c"]


@pytest.mark.parametrize("values", [(1, 2), [1, 2]])
def test_a_tuple_is_a_list_as_well(cls: Any, values: Any) -> None:
    assert cls.decode(cls(many=values, by_key={}, after=1).encode()).many == [1, 2]


@pytest.mark.parametrize("values", [OrderedDict(a="x"), types.MappingProxyType({"a": "x"})])
def test_any_mapping_is_a_map(cls: Any, values: Any) -> None:
    assert cls.decode(cls(many=[], by_key=values, after=1).encode()).by_key == {"a": "x"}


@pytest.mark.parametrize("values", ["12", b"12", {1, 2}, {1: 2}, range(2), iter([1]), None, 1], ids=repr)
def test_what_is_no_list_is_no_array(cls: Any, values: Any) -> None:
    with pytest.raises(EncodeError, match=r"^many: a list is needed"):
        cls(many=values, by_key={}, after=1).encode()


@pytest.mark.parametrize("values", ["a", [("a", "x")], {"a"}, None, 1], ids=repr)
def test_what_is_no_mapping_is_no_map(cls: Any, values: Any) -> None:
    with pytest.raises(EncodeError, match=r"^by_key: a dict is needed"):
        cls(many=[], by_key=values, after=1).encode()


COUNTS: list[tuple[str, str, str]] = [
    ("more items than bytes", "fe ff ff ff 0f", r"many: more items than the data can hold"),
    ("the largest number", "fe ff ff ff ff ff ff ff ff 01", r"many: more items than the data can hold"),
    ("the smallest number", "ff ff ff ff ff ff ff ff ff 01 00", r"many: more items than the data can hold"),
    ("no end", "02 02", r"many: the data ends within this field"),
    ("a size without items", "03 04", r"many"),
    ("a key that is too long", "00 02 7e 61", r"by_key.*: the data ends within this field"),
]


@pytest.mark.parametrize(("data", "message"), [case[1:] for case in COUNTS], ids=[case[0] for case in COUNTS])
def test_counts_that_cannot_be_are_refused(cls: Any, data: str, message: str) -> None:
    with pytest.raises(DecodeError, match=f"^{message}"):
        cls.decode(bytes.fromhex(data))


@pytest.mark.parametrize("items", ["null", record("n.Empty")], ids=["null", "empty record"])
def test_items_without_bytes_are_as_many_as_can_be_read(tmp_path: Path, items: Any) -> None:
    classes = build(tmp_path, record("n.R", many=array(items)))
    item = classes["n.Empty"]() if "n.Empty" in classes else None

    with pytest.raises(EncodeError, match=r"^many: "):
        classes["n.R"](many=[item] * (ZERO_SIZED_ITEMS_MAX + 1)).encode()


def test_a_few_bytes_do_not_claim_any_number_of_items_without_bytes(tmp_path: Path) -> None:
    cls = build(tmp_path, record("n.R", many=array("null")))["n.R"]
    few = build(tmp_path, record("n.R", many=array("int")))["n.R"]

    assert len(cls.decode(b"\xfe\xff\x01\x00").many) == 2**14 - 1 < ZERO_SIZED_ITEMS_MAX
    with pytest.raises(DecodeError, match=r"^many: more items than the data can hold"):
        cls.decode(b"\xfe\xff\xff\x0f\x00")
    with pytest.raises(DecodeError, match=r"^many: more items than the data can hold"):
        few.decode(b"\xfe\xff\x01\x00")
