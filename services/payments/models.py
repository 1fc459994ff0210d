"""The shapes of answers; OpenAPI is made from them."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.payments.domain import Payment, PaymentState, Refund, RefundState


class RefundAnswer(BaseModel):
    """The way back of a payment whose order could not be delivered."""

    refund_id: UUID
    status: RefundState
    amount_minor: int
    reason: Annotated[str, Field(description="Why the order could not be delivered.")]
    attempts: int
    created_at: datetime
    updated_at: datetime


class PaymentAnswer(BaseModel):
    """The charge for one order, as it is now."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "payment_id": "0a3c9e3e-6a0f-5f6c-8d0e-4f1f7c1b2a3d",
                    "order_id": "019a0b3c-7d2e-7f00-8000-5a1b2c3d4e5f",
                    "status": "CAPTURED",
                    "amount_minor": 900,
                    "currency": "EUR",
                    "decline_reason": None,
                    "attempts": 1,
                    "refund": None,
                    "created_at": "2026-03-01T10:00:00.123456Z",
                    "updated_at": "2026-03-01T10:00:00.234567Z",
                }
            ]
        }
    )

    payment_id: UUID
    order_id: UUID
    status: PaymentState
    amount_minor: Annotated[int, Field(description="In the currency's minor unit.")]
    currency: str
    decline_reason: Annotated[str | None, Field(description="The provider's reason, where the status is DECLINED.")]
    attempts: Annotated[int, Field(description="How often the provider was asked; never for an amount of 0.")]
    refund: RefundAnswer | None
    created_at: datetime
    updated_at: datetime


def answer_of(payment: Payment, refund: Refund | None) -> dict[str, Any]:
    """The payment as it is stored."""
    return {
        "payment_id": payment.payment_id,
        "order_id": payment.order_id,
        "status": payment.state,
        "amount_minor": payment.amount_minor,
        "currency": payment.currency,
        "decline_reason": payment.decline_reason,
        "attempts": payment.attempts,
        "refund": refund and _answer_of_refund(refund),
        "created_at": payment.created_at,
        "updated_at": payment.updated_at,
    }


def _answer_of_refund(refund: Refund) -> dict[str, Any]:
    return {
        "refund_id": refund.refund_id,
        "status": refund.state,
        "amount_minor": refund.amount_minor,
        "reason": refund.reason,
        "attempts": refund.attempts,
        "created_at": refund.created_at,
        "updated_at": refund.updated_at,
    }
