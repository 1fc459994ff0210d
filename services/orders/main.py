"""The processes of orders: ``python -m services.orders.main api|worker|migrate``."""

import sys
from datetime import UTC, datetime
from functools import partial

from services.events.shop.inventory import ProductListed, StockDeducted, StockRejected
from services.events.shop.orders import OrderCompleted, OrderFailed, OrderPlaced
from services.events.shop.payments import PaymentCaptured, PaymentDeclined, PaymentRefunded
from services.messaging.consumer import Consumer
from services.messaging.writer import Writer
from services.orders.api import OrdersApi, Writing, router
from services.orders.handlers import SERVICE, TOPIC, Handlers
from services.orders.settings import Settings
from services.process import http, logs, operations, run
from services.process.service import Contract, Service, assemble

CONTRACT = Contract(
    service=SERVICE,
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


def api(settings: Settings) -> int:
    """Serve REST; returns the exit code."""
    service = assemble(CONTRACT, settings, settings.database_url)
    writer: Writing = Writer(_handlers(service).place, settings)
    app = http.application("Orders", "Place orders and follow them.")
    app.include_router(router(OrdersApi(service.database, service.wire, service.kafka, writer, settings)))
    app.include_router(operations.router(service.checks()))
    loops: dict[str, run.Loop] = {"relay": service.relay.run, "writer": lambda _: writer.run()}
    code = run.serve(app, settings, loops, drained=[writer.close])
    service.close()
    return code


def worker(settings: Settings) -> int:
    """Apply what payments and inventory tell; returns the exit code."""
    service = assemble(CONTRACT, settings, settings.database_url)
    consumer = Consumer(
        SERVICE,
        list(CONTRACT.reads),
        service.database,
        service.kafka,
        service.wire.decode,
        _handlers(service).handle,
        settings,
    )
    app = http.application("Orders worker", "What an operator asks a worker.")
    app.include_router(operations.router(service.checks() | {"consumer": consumer.not_ready}))
    code = run.serve(app, settings, {"relay": service.relay.run, "consumer": consumer.run})
    service.close()
    return code


def main() -> int:
    """Run one process of orders."""
    roles = {"api": api, "worker": worker}
    role = sys.argv[1] if len(sys.argv) == 2 else ""
    settings = Settings()
    logs.configure(settings.log_level, service=SERVICE, role=role)
    if role == "migrate":
        from services.process.migrations import migrate  # a second of imports that no other process needs

        migrate(SERVICE, settings.database_url, settings, CONTRACT.own_topics)
        return 0
    if role not in roles:
        sys.stderr.write("usage: python -m services.orders.main api|worker|migrate\n")
        return 2
    return roles[role](settings)


if __name__ == "__main__":
    sys.exit(main())
