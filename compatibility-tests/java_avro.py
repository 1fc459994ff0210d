"""What Apache Avro for Java says of the corpus: one process of `java/Differential.java`, its jars brought by jgo."""

import json
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from avro_json import binary, resolved
from cases import Case, Single
from oracles import Marks, Question, physical, short, wrong_compatibility, wrong_validity

from stack.artifacts import cache_folder, repository_url

NAME = "Apache Avro for Java"
VERSION = "1.12.1"
PROGRAM = Path(__file__).parent / "java" / "Differential.java"
TIMEOUT_SECONDS = 300


class JavaMissing(Exception):
    """No JDK is on the PATH, or the jars cannot be had."""


def ask(singles: Sequence[Single], cases: Sequence[Case]) -> tuple[list[Marks], list[Marks]]:
    """Return the marks of every schema and of every pair; raise JavaMissing where it cannot be asked."""
    questions = [{"schema": single.text} for single in singles] + [_question(case) for case in cases]
    answers = _answers(questions)
    schemas = [{Question.VALID: wrong_validity(single, _short(next(answers)["refusal"]))} for single in singles]
    return schemas, [_marks(case, next(answers)) for case in cases]


def _question(case: Case) -> dict[str, Any]:
    writer = resolved(case.writer)
    return {
        "writer": case.writer,
        "reader": case.reader,
        "physical_writer": physical(case.writer),
        "physical_reader": physical(case.reader),
        "data": [datum.data(writer).hex() for datum in case.data],
    }


def _answers(questions: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    java = shutil.which("java")
    if java is None:
        raise JavaMissing("no java on the PATH")
    classpath = ":".join(map(str, _jars()))
    lines = "".join(json.dumps(question) + "\n" for question in questions)
    run = subprocess.run(
        [java, "-cp", classpath, str(PROGRAM)],
        input=lines, capture_output=True, encoding="utf-8", timeout=TIMEOUT_SECONDS, check=False,
    )  # fmt: skip
    if run.returncode != 0:
        raise JavaMissing(f"java ended with {run.returncode}: {run.stderr.strip().splitlines()[-1:]}")
    return (json.loads(line) for line in run.stdout.splitlines())


def _jars() -> list[Path]:
    import truststore
    from jgo.maven import MavenContext

    from stack.lock import resolved as files_of

    truststore.inject_into_ssl()
    try:
        context = MavenContext(repo_cache=cache_folder() / "maven", remote_repos={"default": repository_url()})
        return [Path(artifact.resolve()) for artifact in files_of(context, [f"org.apache.avro:avro:{VERSION}"])]
    except (OSError, RuntimeError, ValueError) as error:
        raise JavaMissing(f"the jars of Avro {VERSION} cannot be had: {error}") from error
    finally:
        truststore.extract_from_ssl()


def _marks(case: Case, answer: dict[str, Any]) -> Marks:
    if answer["refusal"] is not None:
        return {Question.VALID: f"refuses: {_short(answer['refusal'])}"}
    incompatible = _short(answer["incompatible"])
    marks: Marks = {Question.VALID: None, Question.READABLE: wrong_compatibility(case, incompatible)}
    if case.data:
        marks[Question.READS] = next(filter(None, _misread(case, answer["reads"])), None)
    if case.data and case.readable:
        told = case.may_be_two_branches and (incompatible is not None or marks[Question.READS] is None)
        marks[Question.MEANING] = None if told else _misunderstood(case, answer, incompatible)
    return marks


def _misread(case: Case, reads: Sequence[dict[str, str]]) -> Iterator[str]:
    reader = resolved(case.reader)
    for datum, read in zip(case.data, reads, strict=True):
        if datum.value is None:
            if "error" not in read:
                yield short(f"reads {read['value']}")
        elif "error" in read:
            yield short(f"fails: {read['error']}")
        elif read["bytes"] != binary(reader, json.loads(datum.value)).hex():
            yield short(f"reads {read['value']}")


def _misunderstood(case: Case, answer: dict[str, Any], incompatible: str | None) -> str | None:
    meant, understood = answer["meant"][0], answer["understood"][0]
    if case.same_meaning:
        return "fails" if understood is None else None
    told = incompatible is not None or understood is None or meant == understood
    return None if told else short(f"{meant} is read as {understood}")


def _short(text: str | None) -> str | None:
    return None if text is None else short(text)
