"""A diff says nothing where nothing differs, and something wherever two schemas do: random pairs."""

from random import Random

import pytest
from random_model import Json
from random_schemas import pair

from codegen.avro.parsing import parse_json
from codegen.avro.schema_text import collect_definitions, normal_form
from codegen.checks.breaking import is_same
from codegen.checks.difference import changes, render
from codegen.checks.history import Types
from codegen.checks.listing import Listing

SEED = 20_260_301
PAIRS = 50


def types(schema: Json) -> Types:
    written: dict[str, Json] = {}
    collect_definitions(schema, written)
    return Types(parse_json(schema).types, written)


@pytest.mark.parametrize("number", range(20))
def test_a_diff_is_empty_where_nothing_differs_and_only_there(number: int) -> None:
    for seed in range(SEED + number * PAIRS, SEED + (number + 1) * PAIRS):
        schemas = pair(Random(seed))
        previous, current = types(schemas.writer), types(schemas.reader)

        found = changes(previous, current)

        is_equal = all(
            normal_form(previous.json[name]) == normal_form(current.json.get(name)) for name in previous.json
        ) and len(previous.json) == len(current.json)
        assert (found == ()) is is_equal, f"seed {seed}: {schemas}\n{render(found, Listing.TEXT)}"
        assert changes(current, current) == ()


def test_what_is_the_same_needs_no_comparison() -> None:
    for seed in range(SEED, SEED + 500):
        schemas = pair(Random(seed))
        previous, current = parse_json(schemas.writer), parse_json(schemas.reader)

        assert is_same(previous, current) is (previous == current), f"seed {seed}: {schemas}"
