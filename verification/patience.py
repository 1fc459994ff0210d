"""A single customer with patience, for stories and tests: "later" is asked again, and an order is waited for.

Many customers at a time are `client.py`'s.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx

PATIENCE_SECONDS = 60.0
FINAL_SECONDS = 120.0
"""Longest wait for an order to be final: a busy machine, or a killed process, needs some of it."""
WAIT_SECONDS = 30
"""How long one request waits for it; the service allows 60."""
ANSWER_SECONDS_MAX = WAIT_SECONDS + 15.0
FINAL = frozenset({"COMPLETED", "FAILED"})

Clock = Callable[[], float]
Pause = Callable[[float], None]


def send(
    http: httpx.Client,
    method: str,
    url: str,
    document: object = None,
    headers: Mapping[str, str] | None = None,
    clock: Clock = time.monotonic,
    pause: Pause = time.sleep,
) -> httpx.Response:
    """Send a request that may be sent again; on 503 once more after Retry-After, for a minute. The last answer."""
    give_up_at = clock() + PATIENCE_SECONDS
    while True:
        answer = http.request(method, url, json=document, headers=headers)
        given = answer.headers.get("Retry-After", "")
        seconds = float(given) if given.isdigit() else 1.0
        if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE or clock() + seconds > give_up_at:
            return answer
        pause(seconds)


def final_order(
    http: httpx.Client, orders: str, order: dict[str, Any], clock: Clock = time.monotonic
) -> dict[str, Any]:
    """Wait until an order is final, or for two minutes; the order as it is then. `orders` is the service's address."""
    give_up_at = clock() + FINAL_SECONDS
    while order["status"] not in FINAL and clock() < give_up_at:
        answer = send(http, "GET", f"{orders}/orders/{order['order_id']}", headers={"Prefer": f"wait={WAIT_SECONDS}"})
        order = answer.raise_for_status().json()
    return order
