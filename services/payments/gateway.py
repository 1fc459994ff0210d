"""What payments asks of a payment provider, whoever it is.

Every call carries an idempotency key: however often it is repeated, the provider acts once and answers the same. An answer
about one payment is a value; an error says that this attempt has decided nothing.
"""

from typing import Protocol
from uuid import UUID

from services.payments.domain import Captured, Declined, Refunded


class GatewayError(Exception):
    """The provider has given no answer."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or "").splitlines()[0])


class ProviderTimeout(GatewayError):
    """The provider did not answer in time; it may have acted."""


class ProviderError(GatewayError):
    """The provider answered with an error about this payment."""


class IdempotencyConflict(ProviderError):
    """The provider knows the idempotency key with another amount."""


class ProviderUnavailable(GatewayError):
    """The provider cannot be reached at all: nothing is said about any payment."""


class PaymentGateway(Protocol):
    """A payment provider. Called from several threads; each call ends within seconds."""

    def charge(
        self, idempotency_key: UUID, amount_minor: int, currency: str, payment_method: str
    ) -> Captured | Declined:
        """Take the money. Raises ProviderTimeout, ProviderError, ProviderUnavailable."""
        ...

    def refund(self, idempotency_key: UUID, charge_key: UUID, amount_minor: int, currency: str) -> Refunded:
        """Give back what was charged under ``charge_key``. Raises ProviderTimeout, ProviderError, ProviderUnavailable."""
        ...
