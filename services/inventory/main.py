"""The processes of inventory: ``python -m services.inventory.main api|worker|migrate|...``."""

import sys
from datetime import UTC, datetime
from functools import partial

from services.events.shop.inventory import ProductListed, StockAdjusted, StockDeducted, StockRejected
from services.events.shop.payments import PaymentCaptured
from services.inventory.api import BODY_LIMITS, InventoryApi, Writing, router
from services.inventory.handlers import DEAD_LETTER_TOPIC, SERVICE, Handlers
from services.inventory.repair import InventoryOwner
from services.inventory.settings import Settings
from services.messaging.writer import Writer
from services.process import dead_letters, http, operations, roles, run
from services.process.dead_letters import DeadLettersApi
from services.process.service import Contract, Service, assemble

Written = StockDeducted | StockRejected | ProductListed | StockAdjusted


def _key_of(event: Written) -> str:
    return event.sku if isinstance(event, ProductListed | StockAdjusted) else str(event.order_id)


CONTRACT = Contract(
    service=SERVICE,
    dead_letter_topic=DEAD_LETTER_TOPIC,
    writes={"shop.inventory": (StockDeducted, StockRejected, ProductListed, StockAdjusted)},
    reads={"shop.payments": (PaymentCaptured,)},
    key_of=_key_of,
)


def _handlers(service: Service) -> Handlers:
    now = partial(datetime.now, UTC)
    return Handlers(service.database, service.relay, service.wire, service.settings.topic_partitions, now)


def rest(service: Service, settings: Settings) -> run.Api:
    """The REST interface and what it needs beside it."""
    writer: Writing = Writer(_handlers(service).write, settings)
    app = http.application("Inventory", "List products and adjust their stock.", settings, body_limits=BODY_LIMITS)
    app.include_router(router(InventoryApi(service.database, writer, settings)))
    app.include_router(dead_letters.router(DeadLettersApi(service.database, service.wire)))
    app.include_router(operations.router(service.checks()))
    loops = {"relay": service.relay.run, "writer": lambda _: writer.run()}
    return run.Api(app, loops, drained=[writer.close])


def api(settings: Settings) -> int:
    """Serve REST; returns the exit code."""
    service = assemble(CONTRACT, settings, settings.database_url)
    code = rest(service, settings).serve(settings)
    service.close()
    return code


def worker(settings: Settings) -> int:
    """Deduct the stock of paid orders; returns the exit code."""
    service = assemble(CONTRACT, settings, settings.database_url)
    return run.work(service, _handlers(service).handle)


def _owner(service: Service) -> InventoryOwner:
    return InventoryOwner(service.wire, partial(datetime.now, UTC))


PROGRAM = roles.Program(
    CONTRACT, Settings, lambda settings: settings.database_url, {"api": api, "worker": worker}, _owner
)


def main() -> int:
    """Run one process of inventory."""
    return roles.main(PROGRAM)


if __name__ == "__main__":
    sys.exit(main())
