"""Random pairs of schemas: a writer's, and a reader's made from it by a few edits (or the other way round).

Everything follows from the `Random` that is given.
"""

import copy
from dataclasses import dataclass
from random import Random

from random_edits import EDITS
from random_model import Author, Json, render

from codegen.avro.finite import heights
from codegen.avro.parsing import parse_json
from codegen.avro.schema import Schema

EDITS_COUNTS = (0, 1, 1, 1, 1, 1, 1, 2, 2, 2, 3, 4)


@dataclass(frozen=True)
class Pair:
    """Two schemas and what was done to one to make the other."""

    writer: Json
    reader: Json
    edits: tuple[str, ...]


def pair(random: Random) -> Pair:
    """Return a pair of valid schemas. Every type of the writer's has data."""
    author = Author(random)
    model = author.model
    first = render(model, random)
    author.model = copy.deepcopy(model)
    names = [_edit(author) for _ in range(random.choice(EDITS_COUNTS))]
    author.repair()
    second = render(author.model, random)
    if random.random() < 0.3 and _has_data(parse_json(second)):
        return Pair(second, first, (*names, "turned round"))
    return Pair(first, second, tuple(names))


def _has_data(schema: Schema) -> bool:
    return len(heights(schema.types)) == len(schema.types)


def _edit(author: Author) -> str:
    """Make one edit; return its name."""
    while True:
        change = author.random.choice(EDITS)
        if change(author):
            return change.__name__
