"""Texts of Python: literals, docstrings, texts that need several lines."""

import re
import textwrap
from collections.abc import Iterable
from typing import Final

from codegen.python.layout import WIDTH, width

_CHUNK: Final = 90


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
    if width(line) <= WIDTH:
        return [line]
    is_short = width(quoted(text)) <= WIDTH - indent - 4
    chunks = [text] if is_short else _chunks(text)
    return [f"{margin}{head}(", *(f"{margin}    {quoted(chunk)}" for chunk in chunks), f"{margin})"]


def _chunks(text: str) -> Iterable[str]:
    """Cut a text after commas and blanks where there are some, so that its lines read well."""
    while len(text) > _CHUNK:
        cut = max(text.rfind(",", 0, _CHUNK), text.rfind(" ", 0, _CHUNK)) + 1
        cut = cut if cut > _CHUNK // 2 else _CHUNK
        yield text[:cut]
        text = text[cut:]
    yield text


def _escaped(text: str) -> str:
    """Return text as it can stand in a docstring, also at its end."""
    text = text.encode(errors="replace").decode()  # half a surrogate pair is no text
    text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text.replace("\\", "\\\\"))
    return re.sub(r'"{3,}|"+$', lambda quotes: quotes[0].replace('"', '\\"'), text)


def docstring(text: str, indent: int) -> list[str]:
    """Return a docstring; raw text is escaped, long lines are wrapped."""
    margin = " " * indent
    paragraphs = [" ".join(part.split()) for part in text.split("\n\n")]
    escaped = [_escaped(part) for part in paragraphs if part]
    if not escaped:
        return []
    if escaped[0].startswith('"'):
        escaped[0] = f" {escaped[0]}"
    if len(escaped) == 1 and len(escaped[0]) + indent + 6 <= WIDTH:
        return [f'{margin}"""{escaped[0]}"""']
    columns = WIDTH - indent
    wrap = {"break_long_words": False, "break_on_hyphens": False}
    first, *others = textwrap.wrap(f'"""{escaped[0]}', columns, **wrap)  # type: ignore[arg-type]
    lines = [first, *others]
    for part in escaped[1:]:
        lines += ["", *textwrap.wrap(part, columns, **wrap)]  # type: ignore[arg-type]
    if len(lines) == 1:
        return [f'{margin}{first}"""']
    return [f"{margin}{line}".rstrip() for line in (*lines, '"""')]
