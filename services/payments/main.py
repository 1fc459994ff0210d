"""The processes of payments: ``python -m services.payments.main api|worker|migrate|...``."""

import sys
from datetime import UTC, datetime
from functools import partial

from services.events.shop.inventory import StockRejected
from services.events.shop.orders import OrderPlaced
from services.events.shop.payments import PaymentCaptured, PaymentDeclined, PaymentRefunded
from services.payments.api import PaymentsApi, router
from services.payments.charger import Charger
from services.payments.gateway import PaymentGateway
from services.payments.handlers import DEAD_LETTER_TOPIC, SERVICE, Handlers
from services.payments.repair import PaymentsOwner
from services.payments.settings import Settings
from services.payments.simulated_provider import simulated_provider
from services.payments.waiting import Waiting
from services.process import dead_letters, http, operations, roles, run
from services.process.dead_letters import DeadLettersApi
from services.process.service import Contract, Service, assemble

CONTRACT = Contract(
    service=SERVICE,
    dead_letter_topic=DEAD_LETTER_TOPIC,
    writes={"shop.payments": (PaymentCaptured, PaymentDeclined, PaymentRefunded)},
    reads={"shop.orders": (OrderPlaced,), "shop.inventory": (StockRejected,)},
    key_of=lambda event: str(event.order_id),
)


def handlers_and_charger(service: Service, settings: Settings, gateway: PaymentGateway) -> tuple[Handlers, Charger]:
    """What records requests and answers, and what asks the provider in between."""
    waiting = Waiting(settings.provider_waiting_max, settings.provider_claim_seconds / 2)
    handlers = Handlers(
        service.database,
        service.relay,
        service.wire,
        settings.topic_partitions,
        partial(datetime.now, UTC),
        waiting,
        settings.retries,
        settings.provider_claim_seconds,
    )
    return handlers, Charger(gateway, handlers, waiting, settings)


def rest(service: Service, settings: Settings) -> run.Api:
    """The REST interface and what it needs beside it."""
    app = http.application("Payments", "Look at the payment of an order.", settings)
    app.include_router(router(PaymentsApi(service.database)))
    app.include_router(dead_letters.router(DeadLettersApi(service.database, service.wire)))
    app.include_router(operations.router(service.checks()))
    return run.Api(app, {"relay": service.relay.run})


def api(settings: Settings) -> int:
    """Serve REST; returns the exit code."""
    service = assemble(CONTRACT, settings, settings.database_url)
    code = rest(service, settings).serve(settings)
    service.close()
    return code


def worker(settings: Settings) -> int:
    """Charge what was ordered, give back what cannot be delivered; returns the exit code."""
    service = assemble(CONTRACT, settings, settings.database_url)
    with simulated_provider(settings.database_url, settings) as gateway:
        handlers, charger = handlers_and_charger(service, settings, gateway)
        return run.work(service, handlers.handle, {"charger": charger.run})


PROGRAM = roles.Program(
    CONTRACT,
    Settings,
    lambda settings: settings.database_url,
    {"api": api, "worker": worker},
    lambda _: PaymentsOwner(),
)


def main() -> int:
    """Run one process of payments."""
    return roles.main(PROGRAM)


if __name__ == "__main__":
    sys.exit(main())
