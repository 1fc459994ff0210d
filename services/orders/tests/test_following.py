"""Server-sent events over a real HTTP server: what has happened, what happens, and who leaves."""

import json
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from threading import Event, Thread
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import structlog
from uuid_utils.compat import uuid7

from codegen.registry.wire_format import frame
from services.conftest import Feed
from services.events.shop.inventory import StockAdjusted
from services.messaging import notes
from services.messaging.database import fetch
from services.messaging.notes import Note
from services.messaging.records import SchemaUse
from services.messaging.tests.conftest import eventually
from services.messaging.writer import Writer
from services.orders import reads, store
from services.orders.api import BODY_LIMITS, OrdersApi, router
from services.orders.domain import PlaceOrder, RequestedLine
from services.orders.following import EventStream
from services.orders.handlers import Handlers, Placed
from services.orders.settings import Settings
from services.orders.store import OrderEvent
from services.orders.tests.events import NOW, captured, deducted
from services.process import http
from services.process.service import Service
from services.process.tests.serving import served

OPEN_MAX = 3

Serve = Callable[..., Any]


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Subtests take turns with the standard output, and the server's thread must not write to one that is closed."""
    with structlog.testing.capture_logs():
        yield


@pytest.fixture
def serve(service: Service, handlers: Handlers) -> Serve:
    """Serves orders with these settings changed; events come at once, with their offset or without."""

    @contextmanager
    def serving(**changed: Any) -> Iterator[httpx.Client]:
        defaults = {"event_listeners_max": OPEN_MAX, "event_offset_wait_seconds": 0.0, "http_requests_max": 2}
        settings = Settings.model_validate(service.settings.model_dump() | defaults | changed)
        api = OrdersApi(service.database, service.wire, service.kafka, Writer(handlers.place, settings), settings)
        app = http.application("Orders", "under test", settings, body_limits=BODY_LIMITS)
        app.include_router(router(api))
        with served(app, settings, [api.let_go]) as address, httpx.Client(base_url=address, timeout=20) as client:
            yield client

    return serving


@pytest.fixture
def order_id(handlers: Handlers, fed: Feed) -> UUID:
    wish = PlaceOrder(UUID(int=uuid7().int), "c", "EUR", "tok_visa", (RequestedLine("cup", 2),), NOW)
    (answer,) = handlers.place([wish])
    assert isinstance(answer, Placed)
    return wish.order_id


class Stream:
    """An open stream and the events read from it."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self.comments = 0
        self._lines = answer.iter_lines()

    def next(self) -> dict[str, Any] | None:
        """The next event: its fields, ``data`` parsed; None where the stream ended."""
        event: dict[str, Any] = {}
        for line in self._lines:
            if line.startswith(":"):
                self.comments += 1
            elif line:
                name, _, value = line.partition(": ")
                event[name] = json.loads(value) if name == "data" else value
            elif event:
                return event
        return None

    def comment(self) -> None:
        """Read up to the next comment."""
        assert next(line for line in self._lines if line.startswith(":"))


@contextmanager
def listening(client: httpx.Client, order_id: UUID, last: str | None = None) -> Iterator[Stream]:
    headers = {} if last is None else {"Last-Event-ID": last}
    with client.stream("GET", f"/orders/{order_id}/events", headers=headers) as answer:
        yield Stream(answer)


def test_what_has_happened_comes_first_and_then_what_happens(
    serve: Serve, handlers: Handlers, fed: Feed, order_id: UUID
) -> None:
    with serve() as client, listening(client, order_id) as stream:
        first = stream.next()
        handlers.handle(fed.batch(captured(order_id)))
        second = stream.next()
        handlers.handle(fed.batch(deducted(order_id)))
        third, fourth = stream.next(), stream.next()
        timeline = client.get(f"/orders/{order_id}/timeline").json()

    assert stream.answer.headers["Content-Type"].startswith("text/event-stream")
    events = [event for event in (first, second, third, fourth) if event is not None]
    assert [event["event"] for event in events] == ["OrderPlaced", "PaymentCaptured", "StockDeducted", "OrderCompleted"]
    assert [event["data"] for event in events] == timeline


def test_a_stream_goes_on_after_the_last_event_seen(
    serve: Serve, handlers: Handlers, fed: Feed, order_id: UUID
) -> None:
    handlers.handle(fed.batch(captured(order_id)))
    with serve() as client:
        with listening(client, order_id) as stream:
            seen = stream.next()
        assert seen is not None
        with listening(client, order_id, seen["id"]) as stream:
            following = stream.next()
            assert following is not None
            assert following["event"] == "PaymentCaptured"
        with listening(client, order_id, following["id"]) as stream:
            handlers.handle(fed.batch(deducted(order_id)))
            assert [stream.next()["event"] for _ in range(2)] == ["StockDeducted", "OrderCompleted"]  # type: ignore[index]


def test_an_event_of_a_type_that_only_a_newer_version_knows_is_left_out(
    serve: Serve, service: Service, handlers: Handlers, fed: Feed, order_id: UUID
) -> None:
    known = service.registry.lookup("shop.inventory-shop.inventory.StockAdjusted", StockAdjusted.SCHEMA)
    use = SchemaUse(known.subject, known.id, known.version)
    with service.database.transaction() as transaction:
        unknown = OrderEvent(order_id, "shop.inventory", 0, 1, 7, use, frame(known.id, b""))
        store.remember(transaction, [unknown])
    handlers.handle(fed.batch(captured(order_id)))

    with serve() as client, listening(client, order_id) as stream:
        events = [stream.next(), stream.next()]
        timeline = client.get(f"/orders/{order_id}/timeline").json()

    assert [event["event"] for event in events if event is not None] == ["OrderPlaced", "PaymentCaptured"]
    assert [entry["event"] for entry in timeline] == ["OrderPlaced", "PaymentCaptured"]


def note(service: Service, order_id: UUID, first_offset: int) -> None:
    """What a relay notes once the order's first event is in Kafka."""
    with service.database.connection() as connection:
        row = reads.timeline(connection, order_id)[0]
        made = Note(row.topic, row.partition, row.sequence, row.sequence, first_offset, uuid4(), "cluster", "topic")
        notes.write(connection, [made])
        connection.commit()


def test_an_own_event_is_kept_back_until_its_offset_is_known(serve: Serve, service: Service, order_id: UUID) -> None:
    settings = {"event_offset_wait_seconds": 20.0, "event_keepalive_seconds": 0.2}
    with serve(**settings) as client, listening(client, order_id) as stream:
        stream.comment()  # nothing but that
        note(service, order_id, first_offset=77)
        event = stream.next()

    assert event is not None
    assert event["data"]["offset"] == 77


def test_an_own_event_is_sent_without_its_offset_when_that_does_not_come(
    serve: Serve, handlers: Handlers, fed: Feed, order_id: UUID
) -> None:
    handlers.handle(fed.batch(captured(order_id)))
    settings = {"event_offset_wait_seconds": 0.3, "event_keepalive_seconds": 0.1}
    with serve(**settings) as client, listening(client, order_id) as stream:
        event, following = stream.next(), stream.next()

    assert event is not None
    assert following is not None
    assert (event["event"], event["data"]["offset"]) == ("OrderPlaced", None)
    assert (following["event"], following["data"]["offset"] is None) == ("PaymentCaptured", False)
    assert stream.comments > 0


def test_listeners_are_bounded_use_up_no_request_and_are_forgotten_when_they_leave(
    serve: Serve, order_id: UUID
) -> None:
    with serve(event_keepalive_seconds=0.05) as client:
        with ExitStack() as streams:
            opened = [streams.enter_context(listening(client, order_id)) for _ in range(OPEN_MAX)]
            assert all(stream.next() for stream in opened)
            refused = client.get(f"/orders/{order_id}/events")
            ordinary = client.get(f"/orders/{order_id}")

        def room() -> bool:
            with listening(client, order_id) as stream:
                return stream.answer.status_code == 200

        eventually(room)

    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert ordinary.status_code == 200


def test_a_stopping_process_ends_its_streams_and_answers_who_waits(serve: Serve, order_id: UUID) -> None:
    waited: list[httpx.Response] = []
    heard: list[object] = []

    def wait(address: str) -> None:
        """Wait for the order; whoever asks whether somebody waits may have the only place just then."""

        def answered() -> bool:
            waited.append(httpx.get(f"{address}/orders/{order_id}", headers={"Prefer": "wait=60"}, timeout=70))
            return waited[-1].status_code != 503

        eventually(answered)

    def listen(address: str) -> None:
        with httpx.Client(base_url=address, timeout=70) as client, listening(client, order_id) as stream:
            heard.append(stream.next() is not None)
            heard.append(stream.next())

    with serve(http_requests_max=1) as client:
        threads = [Thread(target=each, args=[str(client.base_url)]) for each in (listen, wait)]
        threads[0].start()
        eventually(lambda: heard == [True])
        threads[1].start()
        eventually(lambda: client.get("/orders").status_code == 503)  # as long as somebody waits
        begun = monotonic()
    for thread in threads:
        thread.join()

    assert monotonic() - begun < 8  # after ten, a stop cuts off what is still open
    assert heard == [True, None]
    assert waited[-1].json()["status"] == "PENDING"


def test_a_listener_that_takes_nothing_is_left_and_does_not_hold_up_a_stop(service: Service) -> None:
    left = Event()

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b": " + b"x" * (1 << 20) + b"\n\n"

    app = http.application("Orders", "under test", service.settings)
    app.add_api_route("/", lambda: EventStream(endless(), left.set, 0.2), response_model=None)
    with ExitStack() as closing:
        address = httpx.URL(closing.enter_context(served(app, service.settings)))
        listener = socket.create_connection((address.host, address.port or 0))
        with listener:
            listener.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            eventually(left.is_set)
            begun = monotonic()
            closing.close()
            seconds = monotonic() - begun

    assert seconds < service.settings.http_stop_seconds / 2


def test_what_cannot_be_followed_is_refused(serve: Serve, order_id: UUID, subtests: pytest.Subtests) -> None:
    with serve() as client:
        for path, last, status in [
            (f"/orders/{uuid4()}/events", None, 404),
            ("/orders/not-a-uuid/events", None, 404),
            (f"/orders/{order_id}/events", "x", 422),
            (f"/orders/{order_id}/events", "-1", 422),
            (f"/orders/{order_id}/events", "9" * 19, 422),
        ]:
            with subtests.test(path=path, last=last):
                answer = client.get(path, headers={} if last is None else {"Last-Event-ID": last})

                assert answer.status_code == status
                assert answer.headers["Content-Type"] == "application/problem+json"


def test_the_news_of_all_listeners_are_one_query(service: Service, order_id: UUID) -> None:
    with service.database.connection() as connection:
        known = fetch(connection, "SELECT position FROM order_events")
        found = reads.events(connection, [(order_id, 0), (order_id, 10**6), (uuid4(), 0)])

    assert list(found) == [(order_id, 0)]
    assert [row.position for row in found[order_id, 0]] == [known[0][0]]
