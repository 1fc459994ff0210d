"""A service that says "later" is asked again, with a limit; an order that takes long is waited for, with a limit."""

import httpx
import pytest

from verification.patience import FINAL_SECONDS, PATIENCE_SECONDS, final_order, send

KEY = {"Idempotency-Key": "k"}


class Clock:
    """Time passes only where somebody waits, or is kept waiting."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        return self.seconds

    def pause(self, seconds: float) -> None:
        self.seconds += seconds


def answering(*answers: httpx.Response) -> tuple[httpx.Client, list[httpx.Request]]:
    """A service with these answers, the last for ever; and what it was asked."""
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return answers[min(len(asked), len(answers)) - 1]

    return httpx.Client(transport=httpx.MockTransport(answer)), asked


LATER = httpx.Response(503, headers={"Retry-After": "7"})


def test_later_is_asked_again_when_it_says_under_the_same_key() -> None:
    clock, (http, asked) = Clock(), answering(LATER, LATER, httpx.Response(202))

    answer = send(http, "POST", "http://x/orders", {}, KEY, clock.now, clock.pause)

    assert (answer.status_code, clock.seconds) == (202, 14.0)
    assert [request.headers["Idempotency-Key"] for request in asked] == ["k"] * 3


def test_later_for_ever_is_the_answer_in_the_end() -> None:
    clock, (http, _) = Clock(), answering(LATER)

    answer = send(http, "POST", "http://x/orders", {}, KEY, clock.now, clock.pause)

    assert answer.status_code == 503
    assert PATIENCE_SECONDS - 7 < clock.seconds <= PATIENCE_SECONDS


@pytest.mark.parametrize("code", [202, 422, 500])
def test_any_other_answer_is_an_answer(code: int) -> None:
    http, asked = answering(httpx.Response(code))

    assert send(http, "POST", "http://x/orders", {}, KEY).status_code == code
    assert len(asked) == 1


def order(status: str) -> dict[str, str]:
    return {"order_id": "a", "status": status}


def test_order_is_waited_for_beyond_one_request() -> None:
    http, asked = answering(*(httpx.Response(200, json=order(status)) for status in ("PENDING", "PAID", "COMPLETED")))

    assert final_order(http, "http://x", order("PENDING")) == order("COMPLETED")
    assert [str(request.url) for request in asked] == ["http://x/orders/a"] * 3


def test_order_that_never_ends_is_told_as_it_is() -> None:
    times = iter([0.0, 1.0, FINAL_SECONDS + 1])
    http, asked = answering(httpx.Response(200, json=order("PAID")))

    assert final_order(http, "http://x", order("PENDING"), lambda: next(times)) == order("PAID")
    assert len(asked) == 1
