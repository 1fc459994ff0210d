"""The story of the pipeline, told in the terminal as it happens, for somebody who has never seen Kafka.

Everything in it is a real request to a running system; what does not come out as told ends the story with an error.
"""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, TypeVar

import httpx
from rich.console import Console, JustifyMethod
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from stack.errors import StackError
from verification.addresses import Addresses
from verification.patience import ANSWER_SECONDS_MAX, WAIT_SECONDS, final_order, send

UNITS = 10
PRICE_MINOR = 2_490
LAST_CUSTOMERS = 6
LOOK_SECONDS_MAX = 60
POLL_SECONDS = 0.1
WIDTH = 110
OUTCOMES = {"COMPLETED": "green", "FAILED": "yellow"}

Order = dict[str, Any]
Found = TypeVar("Found")


class Unexpected(StackError):
    """The story did not come out as it should."""


class Story:
    """Plays the scenario against a system and tells it to a console."""

    def __init__(self, addresses: Addresses, console: Console) -> None:
        self._addresses = addresses
        self._console = console
        self._http = httpx.Client(timeout=ANSWER_SECONDS_MAX, trust_env=False)
        self._sku = ""
        self._chapter = 0

    def play(self) -> None:
        """Tell the whole story. Raises Unexpected."""
        try:
            self._introduce()
            self._list_product()
            first = self._sell()
            self._decline()
            refunded = self._want_too_much()
            self._sell_out()
            self._send_again(first)
            self._show_timeline(refunded)
            self._say_where()
        except httpx.HTTPError as error:
            raise Unexpected(f"a service does not answer: {error!r}; `pipeline logs` says why") from error
        finally:
            self._http.close()

    # Chapters

    def _introduce(self) -> None:
        self._title("Three services that never call each other")
        self._say(
            "Each service has its own database and tells the others what has happened by writing events into Kafka, a log "
            "on disk that keeps every event in order. A service that is down misses nothing: it reads on where it stopped."
        )
        flow = Table(box=None, padding=(0, 2, 0, 2))
        for heading in ("service", "does", "hears of", "tells (topic)"):
            flow.add_column(heading, header_style="bold")
        flow.add_row("orders", "takes orders, follows them", "payments, stock", "OrderPlaced ... (shop.orders)")
        flow.add_row(
            "payments", "charges cards, gives money back", "orders, stock", "PaymentCaptured ... (shop.payments)"
        )
        flow.add_row("inventory", "owns products and stock", "payments", "StockDeducted ... (shop.inventory)")
        self._console.print(flow)

    def _list_product(self) -> None:
        self._title(f"A product with {UNITS} units")
        self._sku = self._free_sku()
        product = {
            "name": "Espresso cup",
            "unit_price_minor": PRICE_MINOR,
            "currency": "EUR",
            "on_hand": UNITS,
        }
        answer = send(self._http, "PUT", f"{self._addresses.inventory}/products/{self._sku}", product)
        _expect(
            answer.status_code in (200, 201),
            f"listing the product was answered with {answer.status_code}: {answer.text}",
        )
        self._say(f"inventory lists [bold]{self._sku}[/bold] at {_money(PRICE_MINOR)}. {self._stock(UNITS)}")

    def _sell(self) -> Order:
        self._title("An order that goes through")
        self._say(
            "POST /orders answers at once with PENDING. Then the events do the rest: payments hears OrderPlaced and charges "
            "the card (PAID), inventory hears PaymentCaptured and takes the units, orders hears StockDeducted."
        )
        order = self._order("Ada", 3, "tok_visa", "COMPLETED")
        self._say(self._stock(UNITS - 3))
        return order

    def _decline(self) -> None:
        self._title("A card that is declined")
        self._order("Bob", 2, "tok_declined", "FAILED", "PAYMENT_DECLINED")
        self._say(f"A declined card is an answer, not an error. No stock was touched. {self._stock(UNITS - 3)}")

    def _want_too_much(self) -> Order:
        self._title("Paid, and then out of stock")
        self._say("Stock is looked at only after the payment, so whoever wants more than is left has paid already.")
        order = self._order("Cyd", 8, "tok_visa", "FAILED", "OUT_OF_STOCK")
        path = f"/orders/{order['order_id']}"
        order = self._until(lambda: self._get(path), lambda found: found["refund"] is not None, "the refund")
        refund = order["refund"]["amount_minor"]
        _expect(refund == order["total_minor"], f"{refund} was given back of {order['total_minor']}")
        self._say(f"{_money(refund)} went back by itself, once. {self._stock(UNITS - 3)}")
        return order

    def _sell_out(self) -> None:
        self._title("Everybody wants the last ones")
        self._order("Dee", 4, "tok_visa", "COMPLETED")
        left = UNITS - 3 - 4
        self._say(f"{self._stock(left)} {LAST_CUSTOMERS} customers now order one unit each, all at the same moment:")
        names = [f"Customer {number}" for number in range(1, LAST_CUSTOMERS + 1)]
        with ThreadPoolExecutor(len(names)) as pool:
            orders = list(pool.map(lambda name: self._place(name, 1, "tok_visa"), names))
        for name, order in zip(names, orders, strict=True):
            self._tell_order(name, 1, order)
        outcomes = sorted(_outcome(order) for order in orders)
        wanted = ["COMPLETED"] * left + ["FAILED OUT_OF_STOCK"] * (LAST_CUSTOMERS - left)
        _expect(outcomes == wanted, f"{outcomes}, expected {left} to be COMPLETED and the others OUT_OF_STOCK")
        self._say(f"{self._stock(0)} Sold out, and not one unit more.")

    def _send_again(self, first: Order) -> None:
        self._title("The same request again")
        self._say("Ada's browser got no answer and sends her order again, with the same Idempotency-Key.")
        answer = self._post("Ada", 3, "tok_visa", first["key"])
        again = answer.json()
        _expect(
            again["order_id"] == first["order_id"] and answer.headers.get("Idempotent-Replayed") == "true",
            f"the repeated request made another order: {again}",
        )
        self._say(
            f"The same order {again['order_id']} comes back, {again['status']}: nothing is charged or taken twice."
        )

    def _show_timeline(self, order: Order) -> None:
        self._title("What happened to Cyd's order, event by event")
        entries: Sequence[Mapping[str, Any]] = self._until(
            lambda: self._get(f"/orders/{order['order_id']}/timeline"),
            lambda found: len(found) >= 5 and all(entry["offset"] is not None for entry in found),
            "the timeline",
        )
        self._console.print(timeline_table(entries))
        self._say(
            "An event stands in a [bold]topic[/bold], in one of its [bold]partitions[/bold] (all events of an order in the "
            "same one, so they keep their order), at an [bold]offset[/bold] that never changes. Its [bold]number[/bold] "
            "counts without gaps, so a lost or doubled event cannot hide. Its bytes follow a [bold]schema version[/bold] "
            "in the registry: the contract from which the services' Python classes are generated."
        )

    def _say_where(self) -> None:
        self._title("Where everything is")
        here = self._addresses
        rows = Table(box=None, show_header=False, padding=(0, 2, 0, 2))
        rows.add_column(no_wrap=True)
        rows.add_column(overflow="fold")  # an address must be whole to be copied
        for service in ("orders", "payments", "inventory"):
            rows.add_row(f"{service}, try its REST interface", f"{getattr(here, service)}/docs")
        rows.add_row("Kafka (bootstrap server)", here.kafka)
        rows.add_row("schema registry", f"{here.registry}/subjects")
        for service in ("orders", "payments", "inventory"):
            rows.add_row(f"database of {service}", _without_password(getattr(here, f"{service}_database")))
        self._console.print(rows)

    # Orders

    def _order(self, name: str, quantity: int, method: str, status: str, reason: str | None = None) -> Order:
        """Place an order, wait until it is final, tell it, and insist on how it ended."""
        order = self._place(name, quantity, method)
        self._tell_order(name, quantity, order)
        wanted = f"{status} {reason}" if reason else status
        _expect(
            _outcome(order) == wanted, f"{name}'s order {order['order_id']} is {_outcome(order)}, expected {wanted}"
        )
        return order

    def _place(self, name: str, quantity: int, method: str) -> Order:
        key = str(uuid.uuid4())
        answer = self._post(name, quantity, method, key)
        _expect(answer.status_code == 202, f"{name}'s order was answered with {answer.status_code}: {answer.text}")
        order: Order = final_order(self._http, self._addresses.orders, answer.json())
        return {**order, "key": key}

    def _post(self, name: str, quantity: int, method: str, key: str) -> httpx.Response:
        order = {
            "customer_id": name,
            "currency": "EUR",
            "payment_method": method,
            "lines": [{"sku": self._sku, "quantity": quantity}],
        }
        headers = {"Idempotency-Key": key, "Prefer": f"wait={WAIT_SECONDS}"}
        return send(self._http, "POST", f"{self._addresses.orders}/orders", order, headers)

    def _tell_order(self, name: str, quantity: int, order: Order) -> None:
        line = Text(f"  {name} orders {quantity}, {_money(order['total_minor'])} ", "default")
        line.append("→ ")
        line.append(_outcome(order), OUTCOMES.get(order["status"], "red"))
        line.append(f"   {order['order_id']}", "dim")
        self._console.print(line)

    # Looking

    def _stock(self, expected: int) -> str:
        """What inventory has on hand, as a sentence; it must be what is expected."""
        product = send(self._http, "GET", f"{self._addresses.inventory}/products/{self._sku}").json()
        _expect(product["on_hand"] == expected, f"{product['on_hand']} on hand, expected {expected}")
        return f"On hand: [bold]{expected}[/bold]."

    def _free_sku(self) -> str:
        """A product number nobody has used here: the story can be told again on the same system."""
        for number in range(1, 10_000):
            sku = "espresso-cup" if number == 1 else f"espresso-cup-{number}"
            if send(self._http, "GET", f"{self._addresses.inventory}/products/{sku}").status_code == 404:
                return sku
        raise Unexpected("this story has been told too often here; start afresh: pipeline down --purge")

    def _get(self, path: str) -> Any:
        answer = send(self._http, "GET", f"{self._addresses.orders}{path}")
        _expect(answer.status_code == 200, f"GET {path} was answered with {answer.status_code}: {answer.text}")
        return answer.json()

    def _until(self, look: Callable[[], Found], wanted: Callable[[Found], bool], what: str) -> Found:
        give_up_at = time.monotonic() + LOOK_SECONDS_MAX
        while not wanted(found := look()):
            _expect(time.monotonic() < give_up_at, f"{what} is not there after {LOOK_SECONDS_MAX} s: {found}")
            time.sleep(POLL_SECONDS)
        return found

    # Telling

    def _title(self, text: str) -> None:
        self._chapter += 1
        self._console.print()
        self._console.print(Text(f"{self._chapter}. {text}", "bold cyan"))

    def _say(self, text: str) -> None:
        self._console.print(Padding(Text.from_markup(text), (0, 2)), width=min(self._console.width, WIDTH))


def timeline_table(entries: Sequence[Mapping[str, Any]]) -> Table:
    """The events of an order with where they stand in Kafka."""
    table = Table(box=None, padding=(0, 1, 0, 0))  # narrow: the longest names fit into 80 columns
    for heading in ("event", "after", "topic", "partition", "offset", "number", "schema version"):
        justify: JustifyMethod = "left" if heading in ("event", "topic") else "right"
        table.add_column(heading, header_style="bold", justify=justify, no_wrap=True)
    began = datetime.fromisoformat(entries[0]["occurred_at"])
    for entry in entries:
        after = (datetime.fromisoformat(entry["occurred_at"]) - began).total_seconds() * 1000
        columns = (entry[name] for name in ("partition", "offset", "sequence", "schema_version"))
        table.add_row(entry["event"], f"{after:.0f} ms", entry["topic"], *map(str, columns))
    return table


def next_steps(state_dir_option: str) -> Table:
    """What to try on the running system."""
    rows = Table(box=None, show_header=False, padding=(0, 2, 0, 2))
    for command, effect in (
        (f"pipeline load{state_dir_option} --rate 50 --seconds 20", "a few hundred orders, each checked"),
        (f"pipeline status{state_dir_option}", "what runs; kill -9 one of the processes, nothing is lost"),
        (f"pipeline reconcile{state_dir_option}", "databases and log compared, row by row"),
        (f"pipeline logs{state_dir_option} --follow", "what everybody is doing"),
    ):
        rows.add_row(f".venv/bin/{command}", effect)
    return rows


def _expect(condition: bool, message: str) -> None:
    if not condition:
        raise Unexpected(message)


def _outcome(order: Order) -> str:
    return f"{order['status']} {order['failure_reason']}" if order["failure_reason"] else str(order["status"])


def _money(minor: int) -> str:
    return f"{minor / 100:.2f} EUR"


def _without_password(url: str) -> str:
    parsed = httpx.URL(url)
    return f"{parsed.scheme}://{parsed.username}@{parsed.host}:{parsed.port}{parsed.path}"
