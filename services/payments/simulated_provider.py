"""A payment provider inside the process, for development: the token of the payment method says what happens.

It keeps its promises only as long as the process lives: a restarted process knows no charge of the one before.
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from services.events.shop.payments import DeclineReason
from services.payments.domain import Captured, Declined, Refunded
from services.payments.gateway import IdempotencyConflict, ProviderError, ProviderTimeout

DECLINES: Mapping[str, DeclineReason] = {
    "tok_declined": DeclineReason.CARD_DECLINED,
    "tok_insufficient_funds": DeclineReason.INSUFFICIENT_FUNDS,
}
ACCEPTED = frozenset({"tok_visa", "tok_flaky", "tok_timeout"})
FLAKY_FAILURES = 2


@dataclass(slots=True)
class Entry:
    """What the provider knows of one idempotency key."""

    amount_minor: int
    currency: str
    attempts: int = 0
    done: bool = False
    declined: DeclineReason | None = None


class SimulatedProvider:
    """Accepts, declines, fails and loses replies by token; acts once per idempotency key."""

    def __init__(self, entries_max: int) -> None:
        self._entries_max = entries_max
        self._entries: OrderedDict[UUID, Entry] = OrderedDict()
        self._lock = threading.Lock()
        self.charged = 0
        """Charges made, each once."""
        self.refunded = 0
        """Refunds made, each once."""

    def charge(
        self, idempotency_key: UUID, amount_minor: int, currency: str, payment_method: str
    ) -> Captured | Declined:
        """Take the money, as the token says. Raises ProviderError and ProviderTimeout."""
        with self._lock:
            entry = self._entry(idempotency_key, amount_minor, currency)
            entry.attempts += 1
            if entry.done:
                return Captured() if entry.declined is None else Declined(entry.declined)
            if payment_method == "tok_error" or (payment_method == "tok_flaky" and entry.attempts <= FLAKY_FAILURES):
                raise ProviderError(f"simulated failure number {entry.attempts}")
            entry.done = True
            if payment_method not in ACCEPTED:
                entry.declined = DECLINES.get(payment_method, DeclineReason.UNKNOWN_PAYMENT_METHOD)
                return Declined(entry.declined)
            self.charged += 1
            if payment_method == "tok_timeout":
                raise ProviderTimeout("charged, and the reply is lost")
            return Captured()

    def refund(self, idempotency_key: UUID, charge_key: UUID, amount_minor: int, currency: str) -> Refunded:
        """Give the money back. A charge from before a restart is believed. Raises ProviderError."""
        with self._lock:
            charged = self._entries.get(charge_key)
            if charged is not None and (charged.amount_minor, charged.currency) != (amount_minor, currency):
                raise IdempotencyConflict(f"charge {charge_key} was over another amount")
            entry = self._entry(idempotency_key, amount_minor, currency)
            if not entry.done:
                entry.done = True
                self.refunded += 1
            return Refunded()

    def _entry(self, key: UUID, amount_minor: int, currency: str) -> Entry:
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = Entry(amount_minor, currency)
            if len(self._entries) > self._entries_max:
                self._entries.popitem(last=False)
        elif (entry.amount_minor, entry.currency) != (amount_minor, currency):
            raise IdempotencyConflict
        return entry
