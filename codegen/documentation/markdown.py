"""Pieces of GitHub-flavoured Markdown: cells, tables, and the anchors that GitHub makes of headings."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

_NO_ANCHOR: Final = re.compile(r"[^\w\- ]")


def text(words: str | None) -> str:
    """Return somebody's words for a line or a cell: their own Markdown stays, what would end the cell or the line does not."""
    return " ".join((words or "").split()).replace("|", "\\|").replace("<", "&lt;")


def code(words: str) -> str:
    """Return words to be shown as they are, for a line or a cell."""
    line = " ".join(words.split()).replace("|", "\\|")
    fence = "``" if "`" in line else "`"
    return f"{fence} {line} {fence}" if "`" in line else f"{fence}{line}{fence}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of cells that are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def block(language: str, words: str) -> str:
    """Return a block of code."""
    longest = max((len(each) for each in re.findall(r"`{3,}", words)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{words}\n{fence}"


def anchors(headings: Iterable[str]) -> list[str]:
    """Return the anchors of a page's headings, in their order: of those that are alike, the later ones get numbers."""
    seen: dict[str, int] = {}
    found = []
    for heading in headings:
        anchor = _NO_ANCHOR.sub("", heading.lower()).replace(" ", "-")
        number = seen.get(anchor, 0)
        seen[anchor] = number + 1
        found.append(f"{anchor}-{number}" if number else anchor)
    return found
