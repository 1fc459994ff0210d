"""JSON with places: every node is found again in the text, and what is no JSON is refused with its place."""

import json
from random import Random
from typing import Any

import pytest

from codegen.avro.json_text import Pointer, locate, read_json
from codegen.errors import SchemaError

TEXT = """{
  "type": "record",
  "fields": [
    {"name": "a", "type": ["null", "int"]},
    { "name":"ü\\"]{", "default": -1.5e3 }
  ],
  "empty": {}, "none": [ ]
}"""
PLACES: list[tuple[Pointer, tuple[int, int]]] = [
    ((), (1, 1)),
    (("type",), (2, 11)),
    (("fields",), (3, 13)),
    (("fields", 0), (4, 5)),
    (("fields", 0, "type"), (4, 27)),
    (("fields", 0, "type", 1), (4, 36)),
    (("fields", 1, "name"), (5, 14)),
    (("fields", 1, "default"), (5, 34)),
    (("empty",), (7, 12)),
    (("none",), (7, 24)),
    (("fields", 1, "doc"), (5, 5)),  # nothing there: the node around it
    (("nowhere", 5), (1, 1)),
]


@pytest.mark.parametrize(("pointer", "position"), PLACES, ids=repr)
def test_a_node_is_found_in_the_text(pointer: Pointer, position: tuple[int, int]) -> None:
    assert locate(TEXT, pointer) == position


@pytest.mark.parametrize(
    ("text", "position", "reason"),
    [
        ('{\n "a": }', (2, 7), "not JSON"),
        ("", (1, 1), "not JSON"),
        ('{"a": {"b": 1,\n "b": 2}}', (1, 7), "duplicate key 'b'"),
        ('{"a": [1,\n NaN]}', (2, 2), "not JSON: NaN"),
        ('{"a": NaN, ', (1, 12), "not JSON: Expecting property name"),
        ('[{"a": 1, "a": 2}, ', (1, 20), "not JSON: Expecting value"),
        ("[" * 100_000, (1, 1), "nested too deeply"),
        ("9" * 5_000, (1, 1), "not JSON that can be read"),
    ],
)
def test_what_is_no_json_is_refused_with_its_place(text: str, position: Any, reason: str) -> None:
    with pytest.raises(SchemaError, match=reason) as caught:
        read_json(text)

    assert caught.value.position == position


@pytest.mark.parametrize("seed", range(50))
def test_every_node_of_any_json_begins_where_it_is_found(seed: int) -> None:
    random = Random(seed)
    value = _json(random, 4)
    text = json.dumps(value, indent=random.choice([None, 0, 3]), ensure_ascii=random.random() < 0.5)
    lines = text.split("\n")

    for pointer, node in _nodes(value, ()):
        line, column = locate(text, pointer)
        rest = "\n".join([lines[line - 1][column - 1 :], *lines[line:]])
        assert json.JSONDecoder().raw_decode(rest)[0] == node


def _json(random: Random, depth: int) -> Any:
    kind = random.randrange(8 if depth else 5)
    if kind >= 5:
        size = random.randrange(4)
        if kind == 7:
            return [_json(random, depth - 1) for _ in range(size)]
        return {f'k{number}\n"{{': _json(random, depth - 1) for number in range(size)}
    return [None, True, -1.5e300, 'a"}],: \u2028ü\t', 12345678901234567890][kind]


def _nodes(value: Any, pointer: Pointer) -> Any:
    yield pointer, value
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _nodes(inner, (*pointer, key))
    if isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _nodes(inner, (*pointer, number))
