"""One look for all who wait."""

import asyncio
from collections.abc import Collection
from itertools import count

import pytest

from services.messaging.database import Transaction
from services.orders.waiting import Lookout
from services.process.service import Service


def test_a_look_at_a_stalled_database_is_followed_by_the_next_within_a_second(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, looks = count(step=60), list[None]()
    monkeypatch.setattr("services.orders.waiting.monotonic", lambda: next(clock))  # each look takes a minute

    def second_time(_: Transaction, wanted: Collection[str]) -> dict[str, int]:
        looks.append(None)
        return dict.fromkeys(wanted, 7) if len(looks) > 1 else {}

    async def find() -> int | None:
        return await Lookout(service.database, second_time, 0.01).find("it", 5)

    assert asyncio.run(find()) == 7
