"""Asks the provider, outside every transaction and outside the consumer's loop.

Requests come from this process's memory or, when their time has come, from the table. Many are asked at a time, so that a
slow one holds up nobody. Answers are recorded in batches. A crash anywhere in between means that a request is asked again
under the same idempotency key. While the provider cannot be reached nothing is taken, and no attempt counts.
"""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from time import monotonic

import structlog

from services.messaging.dead_letters import INVARIANT_BROKEN
from services.messaging.errors import RefusedToWrite, is_fault_of_a_message, is_transient
from services.payments import metrics
from services.payments.circuit import Circuit
from services.payments.domain import Captured, Declined, GivenUp, Payment, ProviderRequest, Refunded, Undecided
from services.payments.gateway import GatewayError, PaymentGateway, ProviderUnavailable
from services.payments.handlers import Answered, Handlers
from services.payments.settings import Settings
from services.payments.waiting import Waiting

log = structlog.get_logger()

DATABASE_PAUSE_SECONDS = 0.5  # before trying again what the database could not take


@dataclass(frozen=True, slots=True)
class NotAsked:
    """The provider could not be reached, or it had become too late to ask: no attempt."""

    request: ProviderRequest


class Charger:
    """One process's calls to the provider. All methods belong to the thread that runs it."""

    def __init__(self, gateway: PaymentGateway, handlers: Handlers, waiting: Waiting, settings: Settings) -> None:
        self._gateway = gateway
        self._handlers = handlers
        self._waiting = waiting
        self._settings = settings
        self._circuit = Circuit(settings.provider_pause_seconds, settings.provider_pause_max_seconds)
        self._results: SimpleQueue[Answered | NotAsked] = SimpleQueue()
        self._unrecorded: list[Answered | NotAsked] = []
        self._outstanding = 0
        self._looked_at = float("-inf")
        self._behind = False  # whether the table had more due requests than were taken

    def run(self, stopping: threading.Event) -> None:
        """Ask until told to stop; then what is on its way is answered and recorded, and the rest put back."""
        with ThreadPoolExecutor(self._settings.provider_concurrency_max, thread_name_prefix="provider") as pool:
            while not stopping.is_set():
                self._waiting.changed.wait(self._settings.provider_poll_seconds)
                if self._outstanding:
                    stopping.wait(self._settings.provider_linger_seconds)
                self._waiting.changed.clear()
                try:
                    self._record()
                    if not stopping.is_set():
                        self._take(pool)
                except Exception as error:
                    if not isinstance(error, RefusedToWrite) and not is_transient(error):
                        raise
                    log.warning("charger_waits_for_database", reason=str(error).splitlines()[0])
                    stopping.wait(DATABASE_PAUSE_SECONDS)
        self._finish()

    # Asking

    def _take(self, pool: ThreadPoolExecutor) -> None:
        """Send as many requests to the provider as may be on their way."""
        now = monotonic()
        metrics.PROVIDER_PAUSED.set(not self._circuit.closed)
        room = self._circuit.passes(now, self._settings.provider_outstanding_max, self._outstanding)
        if room == 0:
            return
        taken = self._waiting.take(room)
        if len(taken) < room and (self._behind or now - self._looked_at >= self._settings.provider_poll_seconds):
            until = monotonic() + self._settings.provider_claim_seconds / 2
            due = self._handlers.claim(room - len(taken))
            self._behind = len(due) == room - len(taken)
            self._looked_at = now
            taken += [(until, request) for request in due]
        self._outstanding += len(taken)
        metrics.PROVIDER_OUTSTANDING.set(self._outstanding)
        for until, request in taken:
            pool.submit(self._ask_in_time, request, until)

    def _ask_in_time(self, request: ProviderRequest, until: float) -> None:
        """Run by the pool. A request must be asked in the first half of its claim, to be recorded in the second."""
        now = monotonic()
        too_late = now > until or (not self._circuit.closed and self._circuit.paused_seconds(now) > 0)
        self._results.put(NotAsked(request) if too_late else self._ask(request))
        self._waiting.changed.set()

    def _ask(self, request: ProviderRequest) -> Answered | NotAsked:
        begun, call = monotonic(), "charge" if isinstance(request.subject, Payment) else "refund"
        result: Answered | NotAsked
        try:
            answer = self._call(request)
        except ProviderUnavailable as unavailable:
            self._circuit.unreachable(monotonic())
            log.warning("provider_unreachable", reason=str(unavailable))
            result, told = NotAsked(request), "ProviderUnavailable"
        except Exception as error:  # whatever it is, this attempt has decided nothing, and attempts are bounded
            if not isinstance(error, GatewayError):
                log.exception("provider_call_failed", request=str(request.request_id))
            self._circuit.answered()
            told = type(error).__name__
            result = Answered(request, Undecided(f"{told}: {error}"))
        else:
            self._circuit.answered()
            result, told = Answered(request, answer), type(answer).__name__
        metrics.PROVIDER_SECONDS.labels(call, told).observe(monotonic() - begun)
        return result

    def _call(self, request: ProviderRequest) -> Captured | Declined | Refunded:
        subject = request.subject
        if isinstance(subject, Payment):
            return self._gateway.charge(
                subject.payment_id, subject.amount_minor, subject.currency, subject.payment_method
            )
        return self._gateway.refund(subject.refund_id, subject.payment_id, subject.amount_minor, subject.currency)

    # Recording

    def _record(self) -> None:
        """Record every answer there is. On an error nothing is forgotten, and the next turn tries again."""
        while True:
            try:
                self._unrecorded.append(self._results.get_nowait())
            except Empty:
                break
        if not self._unrecorded:
            return
        answered = [each for each in self._unrecorded if isinstance(each, Answered)]
        not_asked = [each.request for each in self._unrecorded if isinstance(each, NotAsked)]
        if answered:
            with metrics.PROVIDER_TRANSACTION_SECONDS.time():
                self._record_answers(answered)
        if not_asked:
            self._handlers.put_back(not_asked, self._circuit.paused_seconds(monotonic()))
        self._outstanding -= len(self._unrecorded)
        metrics.PROVIDER_OUTSTANDING.set(self._outstanding)
        self._unrecorded.clear()
        log.info("provider_answers", answered=len(answered), not_asked=len(not_asked), outstanding=self._outstanding)

    def _record_answers(self, answered: Sequence[Answered]) -> None:
        """Record a batch; when that cannot be, find the answer at fault and give its payment up."""
        try:
            self._handlers.record(answered)
        except Exception as error:
            if not is_fault_of_a_message(error):
                raise
            log.exception("charger_splits_batch", answers=len(answered))
            if len(answered) > 1:
                for single in answered:
                    self._record_answers([single])
                return
            request = answered[0].request
            given_up = GivenUp(f"the answer {answered[0].answer} cannot be recorded: {type(error).__name__}: {error}")
            self._handlers.record([Answered(request, given_up)], INVARIANT_BROKEN)

    def _finish(self) -> None:
        """After the last call has returned: record its answer, and let others have what was not asked."""
        left = [request for _, request in self._waiting.take(self._settings.provider_waiting_max)]
        try:
            self._record()
            if left:
                self._handlers.put_back(left, 0.0)
        except Exception as error:
            if not isinstance(error, RefusedToWrite) and not is_transient(error):
                raise
            log.warning("charger_leaves_requests_to_their_claims", reason=str(error).splitlines()[0])
