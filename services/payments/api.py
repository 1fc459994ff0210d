"""The REST interface of payments: look at an order's payment."""

from typing import Any

from fastapi import APIRouter

from services.messaging.database import Database
from services.payments import models, store
from services.payments.models import PaymentAnswer
from services.process import http
from services.process.problems import Problem

PROBLEMS = http.responses({404: "No payment for such an order (yet)", 503: "Come back after Retry-After"})
"""What every route may answer besides."""


class PaymentsApi:
    """Answers requests; it writes nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def payment(self, order_id: str) -> Any:
        """The payment of an order, and its refund where there is one."""
        wanted = http.uuid_of(order_id)
        if wanted is None:
            raise _no_payment()
        with self._database.connection() as connection:
            payment = store.payments(connection, [wanted]).get(wanted)
            refund = store.refunds(connection, [wanted]).get(wanted)
        if payment is None:
            raise _no_payment()
        return models.answer_of(payment, refund)


def router(api: PaymentsApi) -> APIRouter:
    """The routes of payments."""
    routes = APIRouter(responses=PROBLEMS, tags=["payments"])
    routes.add_api_route("/payments/{order_id}", api.payment, response_model=PaymentAnswer)
    return routes


def _no_payment() -> Problem:
    return Problem(404, "there is no payment for such an order (yet)")
