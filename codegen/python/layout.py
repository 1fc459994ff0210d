"""Text that is laid out in lines of a limited width, after Wadler's "A prettier printer".

A document is text, places where a line may end, and groups of what is broken together. A group stays in one line if it
fits with what follows it, as far as the next place where a line may end.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 120
"""Columns of a line."""
INDENT: Final = 4
"""Columns of an indentation."""


@dataclass(frozen=True, slots=True)
class LineEnd:
    """A place where a line may end; in a group that stays in one line, `flat` stands there."""

    flat: str = ""


@dataclass(frozen=True, slots=True)
class IfBroken:
    """Text that is there only if the group around it is broken."""

    text: str


@dataclass(frozen=True, slots=True)
class Joined:
    """Parts that are one after the other; `is_indented`: their lines start further to the right."""

    parts: "tuple[Document, ...]"
    is_indented: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Parts that are in one line, or of which all places for an end of line are used."""

    parts: "tuple[Document, ...]"


@dataclass(frozen=True, slots=True)
class MaybeInParentheses:
    """`bare`, if that fits as far as its first place where a line may end; else `inner` in parentheses, if that helps.

    In parentheses, lines may end where they may not without. `always`: also if neither fits.
    """

    bare: "Document"
    inner: "Document"
    always: bool = False


Document = str | LineEnd | IfBroken | Joined | Group | MaybeInParentheses
_Step = tuple[int, bool, Document]  # columns to the left, whether the group around is broken, what


def width(text: str) -> int:
    """Return how many columns a text takes: a Chinese character takes two, an accent none."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def printed(document: Document, indent: int) -> list[str]:
    """Return the lines of a document that starts in this column."""
    lines = [" " * indent]
    pending: list[_Step] = [(indent, True, document)]
    while pending:
        margin, is_broken, part = pending.pop()
        match part:
            case str():
                lines[-1] += part
            case LineEnd(flat=flat) if is_broken:
                lines[-1] = lines[-1].rstrip(" ")
                lines.append(" " * margin)
            case LineEnd(flat=flat):
                lines[-1] += flat
            case _:
                pending += _opened(margin, is_broken, part, lines[-1], pending)
    return lines


def _opened(margin: int, is_broken: bool, part: Document, line: str, rest: Sequence[_Step]) -> list[_Step]:
    """Return what a part consists of, the last first: as it is printed after `line` and before `rest`."""
    room = WIDTH - width(line)
    match part:
        case IfBroken(text=text):
            return [(margin, is_broken, text)] if is_broken else []
        case Joined(parts=parts, is_indented=is_indented):
            return [(margin + INDENT * is_indented, is_broken, each) for each in reversed(parts)]
        case Group(parts=parts):
            is_broken = is_broken and not _fits((margin, False, Joined(parts)), rest, room)
            return [(margin, is_broken, Joined(parts))]
        case MaybeInParentheses(bare=bare, inner=inner, always=always):
            is_bare = not is_broken or _fits((margin, True, bare), rest, room)
            is_better = always or (room > 0 and all(width(each) <= WIDTH for each in printed(inner, margin + INDENT)))
            return [(margin, is_broken, bare if is_bare or not is_better else in_parentheses(inner))]
        case _:
            raise AssertionError(part)


def in_parentheses(document: Document) -> Document:
    """Return a document between parentheses that stand on lines of their own."""
    return Joined(("(", Joined((LineEnd(), document), is_indented=True), LineEnd(), ")"))


def _fits(step: _Step, rest: Sequence[_Step], room: int) -> bool:
    """Say whether a step fits with what follows it, as far as the first place where the line ends."""
    pending = [step]
    position = len(rest)
    while room >= 0:
        if not pending:
            if not position:
                return True
            position -= 1
            pending.append(rest[position])
        margin, is_broken, part = pending.pop()
        match part:
            case str():
                room -= width(part)
            case LineEnd() if is_broken:
                return True
            case LineEnd(flat=flat):
                room -= len(flat)
            case IfBroken(text=text):
                room -= len(text) * is_broken
            case MaybeInParentheses(bare=bare) if part is step[2] or not is_broken:
                pending.append((margin, is_broken, bare))
            case MaybeInParentheses():
                return room > 0  # for a parenthesis
            case Joined(parts=parts) | Group(parts=parts):
                pending += [(margin, is_broken, each) for each in reversed(parts)]
    return False
