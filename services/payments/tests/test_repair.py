"""A database of payments that knows nothing any more comes back from its own log, and from what it reads again."""

from typing import Any
from uuid import UUID

import pytest

from services.conftest import forget_everything
from services.events.shop.payments import DeclineReason
from services.payments.domain import Answer, Captured, Declined, Refunded
from services.payments.handlers import Answered
from services.payments.repair import PaymentsOwner
from services.payments.tests.conftest import World
from services.payments.tests.events import order, placed, rejected
from services.payments.tests.test_handlers import asked

COLUMNS = "order_id, payment_id, state, amount_minor, currency"
PAYMENTS = f"SELECT {COLUMNS}, payment_method, lines, decline_reason, put_back FROM payments ORDER BY 1"
REFUNDS = f"SELECT {COLUMNS}, refund_id, reason FROM refunds ORDER BY 1"
REQUESTS = "SELECT request_id, order_id, kind FROM provider_requests ORDER BY 1"

PAID, UNPAID, RETURNED, ASKED, FREE = (order(number) for number in range(5))
ORDERS = [placed(PAID), placed(UNPAID), placed(RETURNED), placed(ASKED), placed(FREE, price=0)]


def tables(world: World) -> dict[str, Any]:
    return {query: world.rows(query) for query in (PAYMENTS, REFUNDS, REQUESTS)}


@pytest.fixture
def lived(world: World) -> World:
    """A world with one payment of each kind; one more, and a refund, are still asked for."""
    world.handlers.handle(world.fed.batch(*ORDERS))
    answers: dict[UUID, Answer] = {
        PAID: Captured(),
        UNPAID: Declined(DeclineReason.CARD_DECLINED),
        RETURNED: Captured(),
    }
    world.handlers.record(
        [Answered(each, answers[each.subject.order_id]) for each in asked(world) if each.subject.order_id in answers]
    )
    world.handlers.handle(world.fed.batch(rejected(RETURNED)))
    world.handlers.record([Answered(each, Refunded()) for each in asked(world)])
    return world


@pytest.mark.parametrize("rejected_first", [False, True])
def test_everything_comes_back(lived: World, rejected_first: bool) -> None:
    before = tables(lived)

    known = forget_everything(lived.service)
    with lived.service.database.transaction() as transaction:
        PaymentsOwner().put_back(transaction, known)
    batches = [lived.fed.batch(*ORDERS), lived.fed.batch(rejected(RETURNED))]
    for batch in reversed(batches) if rejected_first else batches:
        lived.handlers.handle(batch)

    assert tables(lived) == before
    assert lived.published() == []


def test_what_was_forgotten_to_be_answered_is_not_asked_again(world: World) -> None:
    world.handlers.handle(world.fed.batch(placed(PAID)))
    (request,) = asked(world)
    world.handlers.record([Answered(request, Captured())])
    known = forget_everything(world.service)
    world.handlers.handle(world.fed.batch(placed(PAID)))

    with world.service.database.transaction() as transaction:
        PaymentsOwner().put_back(transaction, known)

    assert world.rows(REQUESTS) == []
    assert world.states() == {PAID: "CAPTURED"}
