"""Checkers on random pairs, of which nobody has said what is right: where we stand alone, a person has to look."""

import json
import sys
from collections.abc import Sequence
from random import Random

import java_avro
from cases import Answer, Case
from java_avro import JavaMissing
from oracles import APACHE, Marks, Question, ask_about_pair
from random_schemas import Pair, pair

from codegen.checks.comparing import Source, judge


def random_cases(count: int, seed: int) -> list[Case]:
    """Return random pairs with our own answer as the expected one."""
    random = Random(seed)
    return [_answered(f"random-{number}", pair(random)) for number in range(count)]


def _answered(id_: str, made: Pair) -> Case:
    verdict = judge(Source(made.writer), Source(made.reader))
    readable = Answer.SAME if verdict.same_meaning else Answer.OTHER
    answer = readable if verdict.readable else Answer.UNREADABLE
    return Case(id_, "random", json.dumps(made.writer), json.dumps(made.reader), answer)


def report(made: Sequence[Case]) -> str:
    """Return how often each checker agrees with us on readability, and the pairs on which none does."""
    said = {APACHE.name: [ask_about_pair(APACHE, case) for case in made]}
    try:
        said[java_avro.NAME] = java_avro.ask((), made)[1]
    except JavaMissing as error:
        sys.stderr.write(f"{java_avro.NAME} was not asked: {error}\n")
    lines = [f"{name}: {_agreement(marks)}" for name, marks in said.items()]
    for case, *marks in zip(made, *said.values(), strict=True):
        others = [each.get(Question.READABLE) for each in marks]
        if all(others):
            lines += ["", f"{case.id}: {case.answer}, and they say:", *map(str, others), case.writer, case.reader]
    return "\n".join(lines) + "\n"


def _agreement(marks: Sequence[Marks]) -> str:
    asked = [each[Question.READABLE] for each in marks if Question.READABLE in each]
    return f"agrees on {asked.count(None)} of {len(asked)} pairs, refuses a schema of {len(marks) - len(asked)}"
