"""Enums: members are strings, a symbol that is not known is the declared default, and there may be any number of them."""

import json
from pathlib import Path
from typing import Any

import pytest

from codegen.errors import DecodeError, EncodeError
from codegen.tests.building import build, fastavro_bytes, record
from codegen.tests.golden.kinds.sample import Colour
from codegen.tests.round_trips import round_trip, same, try_instances


def enum(name: str, *symbols: str, **attributes: Any) -> dict[str, Any]:
    return {"type": "enum", "name": name, "namespace": "n", "symbols": list(symbols), **attributes}


def many(count: int) -> list[str]:
    return [f"S{number}" for number in range(count)]


def reader(folder: Path, *symbols: str, **attributes: Any) -> Any:
    """Return a class with a field of an enum."""
    return build(folder, record("n.R", e=enum("E", *symbols, **attributes)))["n.R"]


def written(symbol: str, *symbols: str) -> tuple[bytes, str]:
    """Return a record with such an enum as fastavro writes it, and its schema."""
    schema = json.dumps(record("n.R", e=enum("E", *symbols)))
    return fastavro_bytes(schema, {"e": symbol}), schema


@pytest.mark.parametrize("count", [1, 2, 63, 64, 65, 128, 8193])
def test_there_may_be_any_number_of_symbols(tmp_path: Path, count: int) -> None:
    cls = reader(tmp_path, *many(count))
    members = [*cls.decode(b"\x00").e.__class__]

    for member in {members[0], *members[60:66], members[-1]}:
        assert cls.decode(round_trip(cls(e=member))).e is member


@pytest.mark.parametrize("count", [1, 64, 65, 200])
def test_a_position_behind_the_last_is_refused(tmp_path: Path, count: int) -> None:
    cls = reader(tmp_path, *many(count))
    longer, _ = written(f"S{count}", *many(count + 1))

    with pytest.raises(DecodeError, match=r"^e: no symbol of n.E has position \d+"):
        cls.decode(longer)
    with pytest.raises(DecodeError, match=r"^e: no symbol of n.E has position -1"):
        cls.decode(b"\x01")


def test_enums_may_stand_anywhere(tmp_path: Path) -> None:
    schema = record(
        "n.R",
        {"given": "B"},
        first=enum("E", "A", "B"),
        given="n.E",
        many={"type": "array", "items": "n.E"},
        by_key={"type": "map", "values": "n.E"},
        maybe=["null", "n.E"],
        several=["null", "n.E", "int", enum("F", "B", "A")],
    )

    assert try_instances(build(tmp_path, schema), 60) == 1


def test_a_member_is_the_text_of_its_symbol() -> None:
    assert isinstance(Colour.RED, str)
    assert [str(member) for member in Colour] == ["RED", "GREEN", "mro", "name", "class"]
    assert f"{Colour.class_}" == "class"
    assert Colour("mro") is Colour.mro_


def test_the_text_of_a_symbol_may_be_given_as_well(tmp_path: Path) -> None:
    cls = reader(tmp_path, "A", "B")

    assert same(cls.decode(cls(e="B").encode()).e, type(cls.decode(b"\x00").e)("B"))


def test_what_is_no_symbol_is_refused(tmp_path: Path) -> None:
    cls = reader(tmp_path, "A", "B")

    for value in ("C", "a", "", 0, None, b"A", ["A"], {"A": 1}):
        with pytest.raises(EncodeError, match=r"^e: a symbol of n.E is needed, not "):
            cls(e=value).encode()


# Other versions

DEFAULTS: list[tuple[str, tuple[str, ...], dict[str, str], str, str | None]] = [
    ("known to both", ("A", "B"), {}, "A", "A"),
    ("moved", ("B", "C", "A"), {}, "A", "A"),
    ("unknown with a default", ("X", "A"), {"default": "X"}, "B", "X"),
    ("known with a default", ("X", "A"), {"default": "X"}, "A", "A"),
    ("unknown without a default", ("X", "A"), {}, "B", None),
    ("known, where others are not", ("A",), {}, "A", "A"),
    ("far behind", (*many(100), "B"), {"default": "S99"}, "B", "B"),
    ("a default far behind", tuple(many(100)), {"default": "S99"}, "B", "S99"),
]


@pytest.mark.parametrize(
    ("symbols", "attributes", "symbol", "expected"), [case[1:] for case in DEFAULTS], ids=[case[0] for case in DEFAULTS]
)
def test_an_unknown_symbol_is_the_declared_default(
    tmp_path: Path, symbols: tuple[str, ...], attributes: dict[str, str], symbol: str, expected: str | None
) -> None:
    cls = reader(tmp_path, *symbols, **attributes)
    data, schema = written(symbol, "A", "B")

    if expected is None:
        with pytest.raises(DecodeError, match=r"^e: n.E has no symbol 'B' and no default"):
            cls.decode(data, schema)
    else:
        assert same(cls.decode(data, schema).e, type(cls.decode(b"\x00").e)(expected))


@pytest.mark.parametrize("position", [0, 63, 64, 99])
def test_an_unknown_symbol_among_many_is_the_declared_default(tmp_path: Path, position: int) -> None:
    cls = reader(tmp_path, "X", "S0", "S64", default="X")
    data, schema = written(f"S{position}", *many(100))

    assert cls.decode(data, schema).e == (f"S{position}" if position in (0, 64) else "X")


def test_unknown_symbols_in_arrays_maps_and_unions_are_the_default_too(tmp_path: Path) -> None:
    def schema(*symbols: str, **attributes: Any) -> dict[str, Any]:
        return record(
            "n.R",
            a={"type": "array", "items": enum("E", *symbols, **attributes)},
            m={"type": "map", "values": "n.E"},
            u=["null", "n.E"],
        )

    cls = build(tmp_path, schema("OTHER", "A", default="OTHER"))["n.R"]
    writer = json.dumps(schema("A", "B"))
    data = fastavro_bytes(writer, {"a": ["A", "B"], "m": {"k": "B"}, "u": "B"})

    value = cls.decode(data, writer)

    assert (value.a, value.m, value.u) == (["A", "OTHER"], {"k": "OTHER"}, "OTHER")


def test_the_class_reads_its_own_symbols_without_the_default(tmp_path: Path) -> None:
    cls = reader(tmp_path, "A", "B", default="A")

    with pytest.raises(DecodeError, match=r"^e: no symbol of n.E has position 2"):
        cls.decode(b"\x04")
