"""Guessing that a field was renamed: one is gone, another has come, and the two are alike."""

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from typing import Final

from codegen.avro.resolution import PROMOTIONS
from codegen.avro.schema import Field, Node, Primitive, Record, Union

SIMILAR: Final = 0.6
"""The ratio from which on difflib calls two sequences close matches."""
COMPARED_MAX: Final = 2_500
"""Pairs of names that are compared: where more has gone and come, nothing was merely renamed."""


def renamed(
    writer: Record, unread: Iterable[Field], reader: Record, unwritten: Iterable[Field]
) -> Sequence[tuple[Field, Field]]:
    """Return pairs of a field that nobody reads and one that nobody wrote, of one type and alike."""
    before = {field.name: position for position, field in enumerate(writer.fields)}
    now = {field.name: position for position, field in enumerate(reader.fields)}
    left, wanted, pairs = list(unread), list(unwritten), []
    by_name = len(left) * len(wanted) <= COMPARED_MAX
    for field in wanted:
        for each in left:
            in_place = each.type == field.type and before[each.name] == now[field.name]
            described_alike = each.doc is not None and each.doc == field.doc
            named_alike = by_name and _named_alike(each.name, field.name)
            if in_place or (_of_one_kind(each.type, field.type) and (described_alike or named_alike)):
                left.remove(each)
                pairs.append((each, field))
                break
    return pairs


def _of_one_kind(one: Node, other: Node) -> bool:
    """Say whether values of the one type are values of the other, null set aside: a renamed field is often made nullable."""
    left, right = _but_for_null(one), _but_for_null(other)
    if isinstance(left, Primitive) and isinstance(right, Primitive) and left.logical == right.logical:
        return right.type in {left.type, *PROMOTIONS.get(left.type, ())}
    return left == right


def _but_for_null(node: Node) -> Node:
    if not isinstance(node, Union):
        return node
    rest = tuple(each for each in node.branches if each != Primitive("null"))
    return rest[0] if len(rest) == 1 else Union(rest)


def _named_alike(one: str, other: str) -> bool:
    matcher = SequenceMatcher(None, one.lower(), other.lower())
    return matcher.real_quick_ratio() >= SIMILAR and matcher.quick_ratio() >= SIMILAR and matcher.ratio() >= SIMILAR
