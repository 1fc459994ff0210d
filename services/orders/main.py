"""The processes of orders: ``python -m services.orders.main api|worker|migrate|...``."""

import sys
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from services.events.shop.inventory import ProductListed, StockDeducted, StockRejected
from services.events.shop.orders import OrderCompleted, OrderFailed, OrderPlaced
from services.events.shop.payments import PaymentCaptured, PaymentDeclined, PaymentRefunded
from services.messaging.writer import Writer
from services.orders.admission import Admission
from services.orders.api import BODY_LIMITS, OrdersApi, router
from services.orders.handlers import DEAD_LETTER_TOPIC, SERVICE, TOPIC, Handlers
from services.orders.placing import Writing
from services.orders.repair import OrdersOwner
from services.orders.settings import Settings
from services.process import dead_letters, http, operations, roles, run
from services.process.dead_letters import DeadLettersApi
from services.process.service import Contract, Service, assemble

CONTRACT = Contract(
    service=SERVICE,
    dead_letter_topic=DEAD_LETTER_TOPIC,
    writes={TOPIC: (OrderPlaced, OrderCompleted, OrderFailed)},
    reads={
        "shop.payments": (PaymentCaptured, PaymentDeclined, PaymentRefunded),
        "shop.inventory": (ProductListed, StockDeducted, StockRejected),
    },
    key_of=lambda event: str(event.order_id),
)


def _handlers(service: Service) -> Handlers:
    now = partial(datetime.now, UTC)
    return Handlers(service.database, service.relay, service.wire, service.settings.topic_partitions, now)


def rest(service: Service, settings: Settings) -> run.Api:
    """The REST interface and what it needs beside it."""
    admission = Admission(service.database, settings.orders_open_max, settings.orders_open_refresh_seconds)
    writer: Writing = Writer(replace(_handlers(service), admits=admission.admits).place, settings)
    orders = OrdersApi(service.database, service.wire, service.kafka, writer, settings)
    app = http.application("Orders", "Place orders and follow them.", settings, body_limits=BODY_LIMITS)
    app.include_router(router(orders))
    app.include_router(dead_letters.router(DeadLettersApi(service.database, service.wire)))
    app.include_router(operations.router(service.checks()))
    loops = {"relay": service.relay.run, "writer": lambda _: writer.run(), "admission": admission.run}
    return run.Api(app, loops, let_go=[orders.let_go], drained=[writer.close])


def api(settings: Settings) -> int:
    """Serve REST; returns the exit code."""
    service = assemble(CONTRACT, settings, settings.database_url)
    code = rest(service, settings).serve(settings)
    service.close()
    return code


def worker(settings: Settings) -> int:
    """Apply what payments and inventory tell; returns the exit code."""
    service = assemble(CONTRACT, settings, settings.database_url)
    return run.work(service, _handlers(service).handle)


PROGRAM = roles.Program(
    CONTRACT, Settings, lambda settings: settings.database_url, {"api": api, "worker": worker}, lambda _: OrdersOwner()
)


def main() -> int:
    """Run one process of orders."""
    return roles.main(PROGRAM)


if __name__ == "__main__":
    sys.exit(main())
