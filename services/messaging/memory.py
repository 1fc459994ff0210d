"""Rows that this process has committed and its relay has not published yet: a cache, never the truth (rule 7)."""

import threading
from collections import defaultdict
from collections.abc import Iterable

from services.messaging.records import OutboxRow, TopicPartition


class Memory:
    """Bounded, and kept only while this process publishes; what it lacks is read from the outbox table.

    ``offer`` is called by the threads that commit, everything else by the relay's.
    """

    def __init__(self, rows_max: int) -> None:
        self._rows_max = rows_max
        self._rows: dict[TopicPartition, dict[int, OutboxRow]] = defaultdict(dict)
        self._count = 0
        self._keeping = False
        self._changed = threading.Condition()

    def __len__(self) -> int:
        return self._count

    def offer(self, rows: Iterable[OutboxRow]) -> None:
        """Keep rows whose COMMIT has returned."""
        with self._changed:
            if not self._keeping:
                return
            for row in rows:
                if self._count >= self._rows_max:
                    break
                self._rows[TopicPartition(row.topic, row.partition)][row.sequence] = row
                self._count += 1
            self._changed.notify()

    def empty(self, *, keep: bool) -> None:
        """Forget everything; with ``keep`` take offers from now on."""
        with self._changed:
            self._rows.clear()
            self._count = 0
            self._keeping = keep

    def wait(self, timeout_seconds: float) -> None:
        """Wait until there is a row, at most for the timeout."""
        with self._changed:
            if not self._count:
                self._changed.wait(timeout_seconds)

    def forget(self, partition: TopicPartition) -> None:
        """Drop the rows of one partition."""
        with self._changed:
            self._count -= len(self._rows.pop(partition, {}))

    def take(self, partition: TopicPartition, position: int, rows_max: int) -> list[OutboxRow]:
        """The unbroken run of rows after a position; rows at or before it are forgotten."""
        with self._changed:
            kept = self._rows.get(partition)
            if not kept:
                return []
            taken: list[OutboxRow] = []
            while len(taken) < rows_max and (row := kept.pop(position + 1 + len(taken), None)):
                taken.append(row)
            passed = [sequence for sequence in kept if sequence <= position] if not taken else []
            for sequence in passed:
                del kept[sequence]
            self._count -= len(taken) + len(passed)
            return taken
