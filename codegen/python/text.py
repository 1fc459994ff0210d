"""Lines of Python as `ruff format` leaves them: what fits into a line stands in one, else one item a line."""

import textwrap
from collections.abc import Iterable, Sequence
from typing import Final

WIDTH: Final = 120
_CHUNK: Final = 90


def bracketed(head: str, items: Sequence[str], tail: str, indent: int = 0) -> list[str]:
    """Return `head` + items + `tail` (brackets included in both) as one line, or as one line an item."""
    margin = " " * indent
    line = f"{margin}{head}{', '.join(items)}{tail}"
    if len(line) <= WIDTH or not items:
        return [line]
    return [f"{margin}{head}", *(f"{margin}    {item}," for item in items), f"{margin}{tail}"]


def quoted(text: str) -> str:
    """Return a string literal, in double quotes unless that needs more escapes."""
    return _requoted(repr(text))


def quoted_bytes(value: bytes) -> str:
    """Return a bytes literal, in double quotes unless that needs more escapes."""
    return f"b{_requoted(repr(value)[1:])}"


def _requoted(literal: str) -> str:
    body = literal[1:-1].replace("\\'", "'") if literal[0] == "'" else literal[1:-1]
    quote = "'" if body.count('"') > body.count("'") else '"'
    return f"{quote}{body.replace(quote, chr(92) + quote)}{quote}"


def long_string(head: str, text: str, indent: int) -> list[str]:
    """Return an assignment of a string that may need several lines."""
    margin = " " * indent
    line = f"{margin}{head}{quoted(text)}"
    if len(line) <= WIDTH:
        return [line]
    return [f"{margin}{head}(", *(f"{margin}    {quoted(chunk)}" for chunk in _chunks(text)), f"{margin})"]


def _chunks(text: str) -> Iterable[str]:
    """Cut a text after commas and blanks where there are some, so that its lines read well."""
    while len(text) > _CHUNK:
        cut = max(text.rfind(",", 0, _CHUNK), text.rfind(" ", 0, _CHUNK)) + 1
        cut = cut if cut > _CHUNK // 2 else _CHUNK
        yield text[:cut]
        text = text[cut:]
    yield text


def docstring(text: str, indent: int) -> list[str]:
    """Return a docstring; raw text is escaped, long lines are wrapped."""
    margin = " " * indent
    paragraphs = [" ".join(part.split()) for part in text.split("\n\n")]
    escaped = [part.replace("\\", "\\\\").replace('"""', '\\"\\"\\"') for part in paragraphs if part]
    if not escaped:
        return []
    if escaped[-1].endswith('"'):
        escaped[-1] = f'{escaped[-1][:-1]}\\"'
    if len(escaped) == 1 and len(escaped[0]) + indent + 6 <= WIDTH:
        return [f'{margin}"""{escaped[0]}"""']
    width = WIDTH - indent
    wrap = {"break_long_words": False, "break_on_hyphens": False}
    first, *others = textwrap.wrap(f'"""{escaped[0]}', width, **wrap)  # type: ignore[arg-type]
    lines = [first, *others]
    for part in escaped[1:]:
        lines += ["", *textwrap.wrap(part, width, **wrap)]  # type: ignore[arg-type]
    return [f"{margin}{line}".rstrip() for line in (*lines, '"""')]
