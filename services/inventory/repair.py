"""Inventory's part in a repair: what its own events in the log say becomes what its tables say again."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from services.events.shop.inventory import ProductListed, StockAdjusted, StockDeducted, StockRejected
from services.inventory import domain, store
from services.inventory.domain import Untold
from services.messaging.database import Transaction
from services.messaging.errors import RepairImpossible
from services.messaging.records import Message, Record
from services.messaging.repair import Renumbered
from services.messaging.wire import Wire


class InventoryOwner:
    """Puts products, decisions about stock and adjustments back.

    What they come to is written in the end: partitions have no order between them, and stock is never below zero. What
    payments told is not put back: it is read again, since the inbox positions are from the past, too.
    """

    def __init__(self, wire: Wire, clock: Callable[[], datetime]) -> None:
        self._wire = wire
        self._clock = clock
        self._moved: Counter[str] = Counter()
        """Pieces that came in or went out, by product."""

    def renumber(self, _: Transaction, __: Sequence[Renumbered]) -> None:
        """No table of inventory names numbers of own events."""

    def put_back(self, transaction: Transaction, messages: Sequence[Message]) -> None:
        """List products, keep decisions and adjustments; remember what they do to the stock."""
        events = [message.event for message in messages]
        try:
            self._list(transaction, [event for event in events if isinstance(event, ProductListed)])
            decided = [
                domain.put_back_decision(event) for event in events if isinstance(event, StockDeducted | StockRejected)
            ]
            made = [domain.put_back_adjustment(event) for event in events if isinstance(event, StockAdjusted)]
        except Untold as untold:
            raise RepairImpossible(str(untold)) from untold
        new = store.put_back_decisions(transaction, decided)
        known = store.decisions(transaction, {decision.order_id for decision in decided} - new)
        for decision in decided:
            if decision.order_id in known and known[decision.order_id].reason is not decision.reason:
                raise RepairImpossible(
                    f"since it was restored this database has decided about order {decision.order_id} otherwise than the log says:"
                    " restore it again, with nobody connected, and repair it then"
                )
            if decision.order_id in new and decision.reason is None:
                self._moved.subtract(decision.wanted)
        kept = store.put_back_adjustments(transaction, made)
        for adjustment in made:
            if adjustment.idempotency_key in kept:
                self._moved[adjustment.sku] += adjustment.delta

    def _list(self, transaction: Transaction, listings: Sequence[ProductListed]) -> None:
        products = store.lock(transaction, {listed.sku for listed in listings})
        before = dict(products)
        for listed in listings:
            products[listed.sku] = domain.put_back_product(products.get(listed.sku), listed)
        store.create(transaction, [product for sku, product in sorted(products.items()) if sku not in before])
        store.save(transaction, [product for sku, product in products.items() if before.get(sku, product) != product])

    def finish(self, transaction: Transaction) -> Iterable[Record]:
        """Write the stock. Pieces that were taken without ever having come in become an adjustment, which is told."""
        products, now, told = store.lock(transaction, self._moved), self._clock(), list[Record]()
        if unknown := sorted(self._moved.keys() - products.keys()):
            raise RepairImpossible(f"the log tells of stock of products that nobody has listed: {', '.join(unknown)}")
        on_hand = {sku: product.on_hand + self._moved[sku] for sku, product in products.items()}
        for sku, pieces in on_hand.items():
            if squared := domain.square(products[sku], pieces, now):
                adjustment, event = squared
                store.save_adjustments(transaction, [adjustment])
                told.append(self._wire.record(event))
        store.save_on_hand(transaction, [(sku, max(0, pieces)) for sku, pieces in on_hand.items()])
        return told
