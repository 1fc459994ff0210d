"""Orders' part in a repair: what its own events in the log say becomes what its tables say again."""

from collections.abc import Iterable, Sequence

from services.events.shop.orders import OrderCompleted, OrderFailed, OrderPlaced
from services.messaging.database import Transaction
from services.messaging.errors import RepairImpossible
from services.messaging.records import Message, Record
from services.messaging.repair import Renumbered
from services.orders import domain, store
from services.orders.handlers import TOPIC
from services.orders.store import OrderEvent


class OrdersOwner:
    """Puts orders, their Idempotency-Keys, ends and timelines back.

    What other services told is not put back: it is read again, since the inbox positions are from the past, too.
    """

    def renumber(self, transaction: Transaction, moved: Sequence[Renumbered]) -> None:
        """Have the timelines name the new numbers. A dead letter is in no timeline."""
        store.skip_positions(transaction)
        store.renumber(transaction, [each for each in moved if each.partition.topic == TOPIC])

    def put_back(self, transaction: Transaction, messages: Sequence[Message]) -> None:
        """Insert the orders that were placed, end those that ended."""
        placed = [message.event for message in messages if isinstance(message.event, OrderPlaced)]
        store.insert(transaction, placed)
        store.claim_keys(transaction, store.keys_of(placed))
        ended = [message.event for message in messages if isinstance(message.event, OrderCompleted | OrderFailed)]
        before = store.lock(transaction, [event.order_id for event in ended])
        for event in ended:
            if event.order_id not in before:
                raise RepairImpossible(f"the log says how order {event.order_id} ended, but not that it was placed")
            store.save(transaction, [domain.put_back(before[event.order_id], event)], event.header.occurred_at)
        store.remember(transaction, [OrderEvent.put_back(message) for message in messages])

    def finish(self, _: Transaction) -> Iterable[Record]:
        """Nothing depends on all of them."""
        return ()
