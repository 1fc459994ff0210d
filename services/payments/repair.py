"""Payments' part in a repair: what its own events in the log say becomes what its tables say again."""

from collections.abc import Iterable, Sequence

from services.events.shop.payments import PaymentCaptured, PaymentDeclined, PaymentRefunded
from services.messaging.database import Transaction
from services.messaging.records import Message, Record
from services.messaging.repair import Renumbered
from services.payments import domain, store


class PaymentsOwner:
    """Puts decided payments and refunds back; the provider is not asked about them again.

    What orders told is not put back: it is read again, since the inbox positions are from the past, too.
    """

    def renumber(self, _: Transaction, __: Sequence[Renumbered]) -> None:
        """No table of payments names numbers of own events."""

    def put_back(self, transaction: Transaction, messages: Sequence[Message]) -> None:
        """Decide payments and refunds as the log says. A refund's payment stands before it, in the same partition."""
        charges = [m.event for m in messages if isinstance(m.event, PaymentCaptured | PaymentDeclined)]
        payments = store.payments(transaction, {event.order_id for event in charges})
        for event in charges:
            payments[event.order_id] = domain.put_back_charge(payments.get(event.order_id), event)
        store.put_back_payments(transaction, payments.values())
        returns = [message.event for message in messages if isinstance(message.event, PaymentRefunded)]
        refunds = store.refunds(transaction, {event.order_id for event in returns})
        for returned in returns:
            refunds[returned.order_id] = domain.put_back_refund(refunds.get(returned.order_id), returned)
        store.put_back_refunds(transaction, refunds.values())
        decided = [payment.payment_id for payment in payments.values()]
        store.delete_requests(transaction, [*decided, *(refund.refund_id for refund in refunds.values())])

    def finish(self, _: Transaction) -> Iterable[Record]:
        """Nothing depends on all of them."""
        return ()
