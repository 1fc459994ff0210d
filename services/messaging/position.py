"""Where a topic partition's own records end: the relay's position, read from the log itself (rule 3).

Pure: records go in, a position and the runs behind it come out. The position is the end of the unbroken run of own
numbers. Lower numbers are copies, foreign records are not shown to it, and what lies beyond a hole does not count.
"""

from dataclasses import dataclass, field
from uuid import UUID

from services.messaging.errors import LogAheadOfDatabase
from services.messaging.records import TopicPartition


@dataclass(slots=True)
class Run:
    """Consecutive numbers at consecutive offsets."""

    first_sequence: int
    last_sequence: int
    first_offset: int
    last_event_id: UUID

    def extend(self, sequence: int, offset: int, event_id: UUID) -> bool:
        """Take one more record in; False when it does not follow directly."""
        follows = sequence == self.last_sequence + 1 and offset - self.first_offset == sequence - self.first_sequence
        if follows:
            self.last_sequence, self.last_event_id = sequence, event_id
        return follows


@dataclass(slots=True)
class Walk:
    """Reads one partition forward. ``position`` is the last number known to be published when the walk begins.

    ``head`` is the last number the database gave out. ``begins_anywhere`` says that the log's beginning was deleted by
    retention, so that the first record may have any number.
    """

    partition: TopicPartition
    position: int
    head: int
    begins_anywhere: bool = False
    runs: list[Run] = field(default_factory=list)
    began: int = field(init=False)

    def __post_init__(self) -> None:
        self.began = self.position

    def feed(self, offset: int, sequence: int, event_id: UUID) -> None:
        """Take the next own record of the log.

        Raises LogAheadOfDatabase for a number that the database never gave out.
        """
        if sequence > self.head:
            raise LogAheadOfDatabase(
                f"{self.partition} offset {offset} has number {sequence}, the outbox has given out {self.head}: "
                "the database was restored from the past, or it belongs to another cluster"
            )
        if self.begins_anywhere:
            self.begins_anywhere = False
            self.position = max(self.position, sequence - 1)
        if sequence != self.position + 1:
            return
        self.position = sequence
        if not self.runs or not self.runs[-1].extend(sequence, offset, event_id):
            self.runs.append(Run(sequence, sequence, offset, event_id))
