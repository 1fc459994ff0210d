"""Who answers what wrongly: other implementations of Avro on the whole corpus.

`python compatibility-tests/differential.py` prints a table; `--write docs/differences.md` puts it into the document,
below the prose. Java's part is left as it is where no JDK or network is there. `--pairs N` asks of random pairs instead.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import java_avro
from cases import Case, Single, cases, singles
from differential_random import random_cases, report
from java_avro import JavaMissing
from oracles import (
    APACHE,
    CONTRACTS,
    FASTAVRO,
    Marks,
    Oracle,
    Question,
    ask_about_pair,
    ask_about_schema,
    ask_ourselves,
)

TOTAL = "| **all** "
MARKER = "<!-- From here on made by: python compatibility-tests/differential.py --write docs/differences.md -->"


@dataclass(frozen=True)
class Tool:
    """What a tool said of every schema and every pair."""

    name: str
    version: str
    schemas: tuple[tuple[Single, Marks], ...]
    pairs: tuple[tuple[Case, Marks], ...]

    def marks(self) -> list[tuple[str, str, Marks]]:
        """Return group, id and marks of everything that was asked."""
        pairs = [(case.group, case.id, marks) for case, marks in self.pairs]
        return pairs + [(single.group, single.id, marks) for single, marks in self.schemas]


def python_tools() -> list[Tool]:
    """Ask what can be asked within this process: the two libraries, and this repository."""
    return [_ask(FASTAVRO), _ask(APACHE), _ask(CONTRACTS)]


def _ask(oracle: Oracle) -> Tool:
    schemas = tuple((single, ask_about_schema(oracle, single)) for single in singles())
    pairs = tuple(
        (case, ask_ourselves(case) if oracle is CONTRACTS else ask_about_pair(oracle, case)) for case in cases()
    )
    return Tool(oracle.name, oracle.version, schemas, pairs)


def java_tool() -> Tool:
    """Ask Apache Avro for Java; raise JavaMissing where it is not there."""
    schemas, pairs = java_avro.ask(singles(), cases())
    asked = zip(singles(), schemas, strict=True), zip(cases(), pairs, strict=True)
    return Tool(java_avro.NAME, java_avro.VERSION, tuple(asked[0]), tuple(asked[1]))


def heading(tool: Tool) -> str:
    """Return the heading of a tool's section, which has its version."""
    return f"## {tool.name} {tool.version}"


def section(tool: Tool) -> str:
    """Return what a tool says, as Markdown: right of asked by group and question, then every wrong answer."""
    marks = tool.marks()
    groups = list(dict.fromkeys(group for group, _, _ in marks))
    lines = [heading(tool), "", f"| | {' | '.join(Question)} |", f"| --- |{' ---: |' * len(Question)}"]
    lines += [_row(group, [each for of, _, each in marks if of == group]) for group in groups]
    lines += [_row("**all**", [each for _, _, each in marks]), ""]
    wrong = [(id_, each) for _, id_, each in marks if any(each.values())]
    if wrong:
        lines += [
            f"<details><summary>{len(wrong)} cases with a wrong answer</summary>",
            "",
            f"| case | {' | '.join(Question)} |",
        ]
        lines += [f"| --- |{' --- |' * len(Question)}"]
        lines += [
            f"| {id_} | {' | '.join(_cell(each.get(question)) for question in Question)} |" for id_, each in wrong
        ]
        lines += ["", "</details>", ""]
    return "\n".join(lines)


def _row(title: str, marks: Sequence[Marks]) -> str:
    cells = []
    for question in Question:
        asked = [each[question] for each in marks if question in each]
        cells.append(f"{sum(wrong is None for wrong in asked)} of {len(asked)}" if asked else "")
    return f"| {title} | {' | '.join(cells)} |"


def _cell(wrong: str | None) -> str:
    return wrong.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("`", "'") if wrong else ""


def written(document: str, tools: Sequence[Tool]) -> str:
    """Return the document with the sections of these tools in it; one that was not asked stays as it is."""
    prose, _, made = document.partition(MARKER)
    sections = {text.splitlines()[0]: f"## {text}" for text in made.split("\n## ")[1:]}
    sections = {title: text.strip() for title, text in sections.items()}
    for tool in tools:
        sections = {title: text for title, text in sections.items() if not title.startswith(tool.name)}
    sections |= {f"{tool.name} {tool.version}": section(tool).strip() for tool in tools}
    titles = sorted(sections, key=str.casefold)
    return "\n\n".join([f"{prose}{MARKER}", _glance(sections), *(sections[title] for title in titles)]) + "\n"


def _glance(sections: Mapping[str, str]) -> str:
    lines = [f"| right answers | {' | '.join(Question)} |", f"| --- |{' ---: |' * len(Question)}"]
    for title in sorted(sections, key=str.casefold):
        total = next(line for line in sections[title].splitlines() if line.startswith(TOTAL))
        lines.append(f"| {title} {total.removeprefix(TOTAL)}")
    return "\n".join(lines)


def main() -> None:
    """Ask every tool; print, or write into the document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the tables into this document")
    parser.add_argument("--pairs", type=int, default=0, metavar="N", help="ask the checkers of N random pairs instead")
    parser.add_argument("--seed", type=int, default=0, help="of the random pairs")
    arguments = parser.parse_args()
    if arguments.pairs:
        sys.stdout.write(f"seed {arguments.seed}\n{report(random_cases(arguments.pairs, arguments.seed))}")
        return
    path: Path | None = arguments.write
    tools = python_tools()
    try:
        tools.append(java_tool())
    except JavaMissing as error:
        sys.stderr.write(f"{java_avro.NAME} was not asked: {error}\n")
    if path is None:
        sys.stdout.write("\n".join(section(tool) for tool in tools))
    else:
        path.write_text(written(path.read_text(encoding="utf-8"), tools), encoding="utf-8")


if __name__ == "__main__":
    main()
