"""Generated classes against fastavro: the same bytes, and both read the same values from them."""

import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Final

from hypothesis import HealthCheck, given, settings

from codegen.tests.building import as_datum, fastavro_bytes, fastavro_datum, without_type_names
from codegen.tests.values import instances

TRIAL: Final = settings(deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow])
"""The same values in every run."""


def round_trip(value: Any) -> bytes:
    """Return a value's bytes: those that fastavro writes, and of which the class and fastavro read the value again.

    The class reads them twice, once with the code of its module and once with code that is made for a writer's schema.
    """
    datum = as_datum(value)

    encoded: bytes = value.encode()

    assert encoded == fastavro_bytes(value.SCHEMA, datum)
    assert fastavro_datum(value.SCHEMA, encoded) == without_type_names(datum)
    for writer in (None, f"{value.SCHEMA} "):
        decoded = type(value).decode(encoded, writer)
        assert same(decoded, value), (decoded, value)
    return encoded


def same(one: Any, other: Any) -> bool:
    """Say whether two values are equal and of the same types throughout: an enum's member equals its text, for one."""
    if type(one) is not type(other):
        return False
    if is_dataclass(one):
        return all(same(getattr(one, field.name), getattr(other, field.name)) for field in fields(one))
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(item, other[key]) for key, item in one.items())
    return bool(one == other)


def try_instances(classes: Mapping[str, Any], examples: int = 15) -> int:
    """Send instances of all records among generated classes through `round_trip`; return how many classes there were."""
    records = [cls for cls in classes.values() if is_dataclass(cls)]
    for cls in records:

        @given(instances(cls, classes))
        @settings(TRIAL, max_examples=examples)
        def try_one(value: Any) -> None:
            round_trip(value)

        try_one()
    return len(records)


def calls(work: Any, *arguments: Any) -> list[str]:
    """Return the names of all functions that some work calls, Python's and built-in ones."""
    names: list[str] = []

    def note(frame: Any, event: str, argument: Any) -> None:
        if event in {"call", "c_call"}:
            names.append(frame.f_code.co_name if event == "call" else argument.__name__)

    sys.setprofile(note)
    try:
        work(*arguments)
    finally:
        sys.setprofile(None)
    return names
