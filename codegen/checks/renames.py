"""Guessing that a field was renamed: one is gone, another has come, and the two are alike."""

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from typing import Final

from codegen.avro.schema import Field, Record

SIMILAR: Final = 0.6
"""The ratio from which on difflib calls two sequences close matches."""


def renamed(
    writer: Record, unread: Iterable[Field], reader: Record, unwritten: Iterable[Field]
) -> Sequence[tuple[Field, Field]]:
    """Return pairs of a field that nobody reads and one that nobody wrote, of one type and alike."""
    pairs = []
    left = list(unread)
    for field in unwritten:
        position = reader.fields.index(field)
        alike = [each for each in left if _alike(each, writer.fields.index(each), field, position)]
        if alike:
            left.remove(alike[0])
            pairs.append((alike[0], field))
    return pairs


def _alike(one: Field, position: int, other: Field, other_position: int) -> bool:
    if one.type != other.type:
        return False
    described_alike = one.doc is not None and one.doc == other.doc
    return position == other_position or described_alike or _named_alike(one.name.lower(), other.name.lower())


def _named_alike(one: str, other: str) -> bool:
    return SequenceMatcher(None, one, other).ratio() >= SIMILAR
