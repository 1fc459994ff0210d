"""A payment provider inside the process, for development: the token of the payment method says what happens.

Its ledger is a table of the payments database, so that all workers ask one provider, and it outlives them. It stands for
somebody else's books: its transactions are its own and end before it answers, and nobody else writes its table. They do
not wait for the disk. A charge that a power cut takes back was never made; and none is lost whose payment is recorded,
because that COMMIT, which does wait, writes the log that comes before it.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from services.events.shop.payments import DeclineReason
from services.messaging.database import Database, fetch
from services.messaging.errors import is_transient
from services.messaging.settings import MessagingSettings
from services.messaging.writer import Writer
from services.payments.domain import Captured, Declined, Refunded
from services.payments.gateway import IdempotencyConflict, ProviderError, ProviderTimeout, ProviderUnavailable

CHARGED, REFUNDED = "CHARGED", "REFUNDED"
FOREVER = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Script:
    """What a request comes to (CHARGED, REFUNDED or a DeclineReason), and how many attempts fail before."""

    decision: str
    failures: int = 0


SCRIPTS: Mapping[str, Script] = {
    "tok_visa": Script(CHARGED),
    "tok_timeout": Script(CHARGED),
    "tok_flaky": Script(CHARGED, failures=2),
    "tok_error": Script(CHARGED, failures=FOREVER),
    "tok_declined": Script(DeclineReason.CARD_DECLINED.value),
    "tok_insufficient_funds": Script(DeclineReason.INSUFFICIENT_FUNDS.value),
}
UNKNOWN = Script(DeclineReason.UNKNOWN_PAYMENT_METHOD.value)

# A request that contradicts what is known under its key, or a refund of what was not charged like that, returns no row.
# A charge from before there was a ledger is believed.
_COUNT = """
INSERT INTO simulated_provider AS known (idempotency_key, amount_minor, currency, decision, failures, attempts)
SELECT idempotency_key, amount_minor, currency, decision, failures, 1
FROM unnest(%b::uuid[], %b::uuid[], %b::bigint[], %b::text[], %b::text[], %b::int[])
    AS item (idempotency_key, charge_key, amount_minor, currency, decision, failures)
WHERE charge_key IS NULL OR coalesce((
    SELECT (charge.amount_minor, charge.currency) = (item.amount_minor, item.currency)
        AND charge.outcome IS NOT DISTINCT FROM 'CHARGED'
    FROM simulated_provider AS charge WHERE charge.idempotency_key = item.charge_key), true)
ORDER BY idempotency_key
ON CONFLICT (idempotency_key) DO UPDATE SET attempts = known.attempts + 1
WHERE (known.amount_minor, known.currency, known.decision)
    = (excluded.amount_minor, excluded.currency, excluded.decision)
RETURNING idempotency_key, attempts, outcome
"""


@dataclass(frozen=True, slots=True)
class Call:
    """One call as the ledger sees it; ``charge_key`` is what a refund gives back."""

    idempotency_key: UUID
    charge_key: UUID | None
    amount_minor: int
    currency: str
    script: Script


@dataclass(frozen=True, slots=True)
class Entry:
    """What the ledger knows of a key after a call; no outcome means that the call has failed."""

    attempts: int
    outcome: str | None


class SimulatedProvider:
    """Accepts, declines, fails and loses replies by token; acts once per idempotency key, whichever process asks."""

    def __init__(self, ledger: Writer[Call, Entry | None], timeout_seconds: float) -> None:
        self._ledger = ledger
        self._timeout_seconds = timeout_seconds

    def charge(
        self, idempotency_key: UUID, amount_minor: int, currency: str, payment_method: str
    ) -> Captured | Declined:
        """Take the money, as the token says. Raises ProviderError, ProviderTimeout and ProviderUnavailable."""
        script = SCRIPTS.get(payment_method, UNKNOWN)
        entry = self._counted(Call(idempotency_key, None, amount_minor, currency, script))
        if entry.outcome is None:
            raise ProviderError(f"simulated failure number {entry.attempts}")
        if payment_method == "tok_timeout" and entry.attempts == 1:
            raise ProviderTimeout("charged, and the reply is lost")
        return Captured() if entry.outcome == CHARGED else Declined(DeclineReason(entry.outcome))

    def refund(self, idempotency_key: UUID, charge_key: UUID, amount_minor: int, currency: str) -> Refunded:
        """Give the money back. Raises IdempotencyConflict for what was not charged like that, and ProviderUnavailable."""
        self._counted(Call(idempotency_key, charge_key, amount_minor, currency, Script(REFUNDED)))
        return Refunded()

    def _counted(self, call: Call) -> Entry:
        try:
            entry = self._ledger.submit(call).result(self._timeout_seconds)
        except Exception as error:
            if is_transient(error) or isinstance(error, TimeoutError):
                raise ProviderUnavailable(f"its ledger does not answer: {error}") from error
            raise
        if entry is None:
            raise IdempotencyConflict(f"{call} contradicts the ledger")
        return entry


@contextmanager
def simulated_provider(url: str, settings: MessagingSettings) -> Iterator[SimulatedProvider]:
    """Open the provider on its ledger: one thread and one connection, calls that arrive together in one statement."""
    database = Database(url, settings, application="simulated-provider", wait_for_disk=False)
    ledger = Writer(partial(_count, database), settings)
    thread = threading.Thread(target=ledger.run, name="simulated-provider", daemon=True)
    thread.start()
    try:
        yield SimulatedProvider(ledger, settings.database_timeout_seconds)
    finally:
        ledger.close()
        thread.join(settings.database_timeout_seconds)
        database.close()


def _count(database: Database, calls: Sequence[Call]) -> list[Entry | None]:
    """Count calls; None for those that contradict the ledger. One statement, unless a key is among them twice."""
    entries: list[Entry | None] = [None] * len(calls)
    left = list(range(len(calls)))
    with database.transaction() as transaction:
        while left:
            first_of = {calls[index].idempotency_key: index for index in reversed(left)}
            columns = zip(*(_row(calls[index]) for index in first_of.values()), strict=True)
            for key, attempts, outcome in fetch(transaction, _COUNT, list(map(list, columns))):
                entries[first_of[key]] = Entry(attempts, outcome)
            left = [index for index in left if index != first_of[calls[index].idempotency_key]]
    return entries


def _row(call: Call) -> tuple[UUID, UUID | None, int, str, str, int]:
    script = call.script
    return call.idempotency_key, call.charge_key, call.amount_minor, call.currency, script.decision, script.failures
