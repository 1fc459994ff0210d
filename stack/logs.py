"""Log files: one a process, bounded in size, shown and followed.

A process writes to its file itself (no pipe through the supervisor: it must not stop or lose output when the supervisor is
killed). So a file that grew too big is copied away and cut; lines written in between those two moments are lost.
"""

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

SIZE_BYTES_MAX = 16 * 1024 * 1024
TAIL_LINES = 15
# Enough for the last lines of any log without reading all of it.
TAIL_BYTES = 256 * 1024
FOLLOW_PAUSE_SECONDS = 0.2


def tail(text: str, lines: int = TAIL_LINES) -> tuple[str, ...]:
    """Cut a text to its last lines."""
    return tuple(text.rstrip().splitlines()[-lines:]) if lines else ()


def last_lines(file: Path, lines: int = TAIL_LINES) -> tuple[str, ...]:
    """Read the last lines of a log file; none if there is no file."""
    if not file.exists():
        return ()
    with file.open("rb") as content:
        content.seek(max(0, os.fstat(content.fileno()).st_size - TAIL_BYTES))
        return tail(content.read().decode("utf-8", errors="replace"), lines)


def bound(file: Path, size_bytes_max: int = SIZE_BYTES_MAX) -> bool:
    """Keep a log file small: when it is too big its content becomes FILE.1 and it starts anew. Tells whether it was."""
    if not file.exists() or file.stat().st_size <= size_bytes_max:
        return False
    shutil.copyfile(file, file.with_name(file.name + ".1"))
    os.truncate(file, 0)
    return True


def follow(files: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    """Yield, without end, the lines that are written from now on, each with its file."""
    return _follow({file: file.stat().st_size if file.exists() else 0 for file in files})


def _follow(positions: dict[Path, int]) -> Iterator[tuple[Path, str]]:
    while True:
        added = [(file, line) for file in positions for line in _new_lines(file, positions)]
        yield from added
        if not added:
            time.sleep(FOLLOW_PAUSE_SECONDS)


def _new_lines(file: Path, positions: dict[Path, int]) -> list[str]:
    """Read the whole lines that were added since the remembered position; a cut file is read from its start."""
    size = file.stat().st_size if file.exists() else 0
    if size < positions[file]:
        positions[file] = 0
    if size <= positions[file]:
        return []
    with file.open("rb") as content:
        content.seek(positions[file])
        added = content.read(TAIL_BYTES)
    whole = added.rfind(b"\n") + 1 or (len(added) if len(added) == TAIL_BYTES else 0)
    positions[file] += whole
    return added[:whole].decode("utf-8", errors="replace").splitlines()
