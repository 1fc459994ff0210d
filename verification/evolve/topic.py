"""What stands in `shop.orders`, record by record, as an independent reader sees it while the system changes; and counting it."""

import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from verification import log_reader
from verification.addresses import Addresses
from verification.log_reader import LogRecord

TOPIC = "shop.orders"
ORDER_PLACED = "shop.orders.OrderPlaced"
NEW_TYPE = "shop.orders.LargeOrderNoted"


@dataclass(frozen=True, slots=True)
class Standing:
    """A record where it stands: which type in which schema, and when what it tells occurred."""

    partition: int
    offset: int
    name: str
    schema_id: int
    occurred_at: datetime
    order_id: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Period:
    """A part of the run, from this moment until the next one begins."""

    name: str
    began: datetime


@dataclass(slots=True)
class Topic:
    """Follows the topic in a thread from where it ends now."""

    addresses: Addresses
    records: list[Standing] = field(default_factory=list)
    """Grows while it follows."""
    failure: Exception | None = None
    """Why nothing is followed any more."""
    _started: threading.Event = field(default_factory=threading.Event)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._follow, name="topic", daemon=True)
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _follow(self) -> None:
        here = self.addresses
        try:
            for record in log_reader.follow(here.kafka, here.registry, [TOPIC], self._started, self._stop):
                self.records.append(standing(record))
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends the thread, and the run tells it
            self.failure = error
        finally:
            self._started.set()


def standing(record: LogRecord) -> Standing:
    """A record as it counts here. Raises ReaderError for one that cannot be read with its own schema."""
    if record.event is None or record.name is None or record.schema_id is None or record.value is None:
        raise log_reader.ReaderError(f"{record.topic}[{record.partition}]@{record.offset}: {record.problem}")
    occurred_at, order_id = record.event["header"]["occurred_at"], str(record.event["order_id"])
    return Standing(record.partition, record.offset, record.name, record.schema_id, occurred_at, order_id, record.value)


def of_period(records: Iterable[Standing], periods: Sequence[Period], index: int) -> list[Standing]:
    """The records whose event occurred in a period: whoever wrote them, and whenever they were published."""
    end = periods[index + 1].began if index + 1 < len(periods) else None
    return [
        each for each in records if each.occurred_at >= periods[index].began and (end is None or each.occurred_at < end)
    ]


def counted(records: Iterable[Standing], labels: Mapping[int, str]) -> Counter[str]:
    """How many there are of each schema id that has a label."""
    return Counter(labels[each.schema_id] for each in records if each.schema_id in labels)


def turns(records: Iterable[Standing], labels: Mapping[int, str]) -> dict[int, list[str]]:
    """By partition, which labels follow each other in the log: a label stands for a run of records without another one."""
    found: dict[int, list[str]] = {}
    for each in sorted(records, key=lambda record: (record.partition, record.offset)):
        label = labels.get(each.schema_id)
        run = found.setdefault(each.partition, [])
        if label is not None and run[-1:] != [label]:
            run.append(label)
    return found
