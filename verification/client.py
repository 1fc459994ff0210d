"""The shop as a customer and a shopkeeper reach it: over REST, with patience.

What may have happened or not (no answer, 503) is sent again under the same Idempotency-Key until it is answered.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from time import monotonic
from typing import Any

import aiohttp

from verification.addresses import Addresses, NotReachable
from verification.shopping import Product

CONNECTIONS = 100  # more would only queue in the service instead of here
ATTEMPT_SECONDS = 30.0
PATIENCE_SECONDS = 120.0  # a killed service is back within seconds, a killed broker within half a minute
PAUSE_SECONDS = 0.1  # after a first connection that failed; doubled each time, by chance down to its half
PAUSE_SECONDS_MAX = 2.0  # thousands of waiting orders must not keep a service that comes back from coming back
BATCH_PRODUCTS = 1_000
PAGE = 500
AGAIN = frozenset({502, 503, 504})


class GaveUp(NotReachable):
    """A service did not answer for too long."""


@dataclass(frozen=True, slots=True)
class Response:
    """An answer with its document."""

    code: int
    document: Any
    headers: Mapping[str, str] = field(default_factory=dict)


class Shop:
    """The services' REST interfaces. `retries` counts the requests that had to be sent again."""

    def __init__(self, session: aiohttp.ClientSession, addresses: Addresses) -> None:
        self._session = session
        self._addresses = addresses
        self.retries = 0

    async def request(
        self, method: str, url: str, document: object = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Send a request that may be sent again, until something other than "later" is answered. Raises GaveUp."""
        give_up_at = monotonic() + PATIENCE_SECONDS
        for failures in count():
            try:
                async with self._session.request(method, url, json=document, headers=headers) as answer:
                    if answer.status not in AGAIN:
                        return Response(answer.status, await answer.json(content_type=None), answer.headers)
                    pause, why = _retry_after(answer), f"HTTP {answer.status}"
            except (aiohttp.ClientError, TimeoutError, ValueError) as error:
                pause, why = _pause(failures), f"{type(error).__name__}: {error}"
            if monotonic() + pause > give_up_at:
                raise GaveUp(f"{method} {url}: {why}, for {PATIENCE_SECONDS:g} s")
            self.retries += 1
            await asyncio.sleep(pause)
        raise AssertionError

    async def place(self, document: Mapping[str, Any], key: str) -> Response:
        """Place an order."""
        return await self.request("POST", f"{self._addresses.orders}/orders", document, {"Idempotency-Key": key})

    async def order(self, order_id: str) -> Mapping[str, Any] | None:
        """Look an order up; None where it is unknown."""
        answer = await self.request("GET", f"{self._addresses.orders}/orders/{order_id}")
        return answer.document if answer.code == 200 else None

    async def list_products(self, products: Sequence[Product]) -> AsyncIterator[int]:
        """List products in batches; yields how many after each. Raises NotReachable when one is refused."""
        for first in range(0, len(products), BATCH_PRODUCTS):
            batch = [product.document() for product in products[first : first + BATCH_PRODUCTS]]
            answer = await self.request("POST", f"{self._addresses.inventory}/products/batch", {"products": batch})
            refused = [each for each in answer.document.get("results", [answer.document]) if not _is_listed(each)]
            if answer.code >= 400 or refused:
                raise NotReachable(f"inventory does not list the products: HTTP {answer.code} {refused[:3]}")
            yield len(batch)

    async def knows(self, sku: str) -> bool:
        """Whether the orders service has a product in its list."""
        return (await self.request("GET", f"{self._addresses.orders}/products/{sku}")).code == 200

    async def orders(self, wanted: Iterable[str]) -> AsyncIterator[Mapping[str, Any]]:
        """Fetch these orders, newest first a page at a time, and one by one what the pages do not have."""
        missing = set(wanted)
        oldest = min(missing, default="")
        cursor = ""
        while missing:
            page = (await self.request("GET", f"{self._addresses.orders}/orders?limit={PAGE}{cursor}")).document
            for order in page["items"]:
                if order["order_id"] in missing:
                    missing.discard(order["order_id"])
                    yield order
            if page["next"] is None or page["items"][-1]["order_id"] < oldest:
                break
            cursor = f"&cursor={page['next']}"
        for order_id in missing:
            if (order := await self.order(order_id)) is not None:
                yield order

    async def on_hand(self, skus: Iterable[str]) -> dict[str, int]:
        """Fetch the stock of these products."""
        wanted = set(skus)
        found: dict[str, int] = {}
        cursor = ""
        while wanted - found.keys():
            page = (await self.request("GET", f"{self._addresses.inventory}/products?limit={PAGE}{cursor}")).document
            found |= {item["sku"]: item["on_hand"] for item in page["items"] if item["sku"] in wanted}
            if page["next"] is None:
                break
            cursor = f"&cursor={page['next']}"
        return found


@asynccontextmanager
async def shop(addresses: Addresses) -> AsyncIterator[Shop]:
    """Open a customer's connections to a system."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=CONNECTIONS), timeout=aiohttp.ClientTimeout(total=ATTEMPT_SECONDS)
    ) as session:
        yield Shop(session, addresses)


def _pause(failures: int) -> float:
    return min(PAUSE_SECONDS * 2.0**failures, PAUSE_SECONDS_MAX) * random.uniform(0.5, 1)  # noqa: S311 - not secret


def _retry_after(answer: aiohttp.ClientResponse) -> float:
    given = answer.headers.get("Retry-After", "")
    return float(given) if given.isdigit() else 1.0


def _is_listed(result: Mapping[str, Any]) -> bool:
    return result.get("code") in (200, 201)
