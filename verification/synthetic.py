"""Orders made up from a seed: the same seed makes the same orders, each by itself, so that none need be kept."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import overload

from verification.shopping import Line, Order, Plan, Product, demand, is_scarce, stock

PRODUCTS = 200
CUSTOMERS = 1_000
LINES_MAX = 5
QUANTITY_MAX = 4
PRICE_MINOR_MAX = 20_000
DECLINED = {"tok_declined": 0.03, "tok_insufficient_funds": 0.01}
"""Share of orders by payment method; the rest pays with `tok_visa`."""


NAMES = tuple(f"p{number:03}" for number in range(PRODUCTS))
POPULARITY = tuple(accumulate(1 / (rank + 20) for rank in range(PRODUCTS)))
"""A few products sell far better than the rest, as in real shops."""


@dataclass(frozen=True, slots=True)
class Orders(Sequence[Order]):
    """The orders of a run, made whenever they are asked for."""

    run: str
    seed: int
    size: int
    methods: tuple[tuple[str, float], ...]

    def __len__(self) -> int:
        return self.size

    @overload
    def __getitem__(self, number: int) -> Order: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[Order]: ...
    def __getitem__(self, number: int | slice) -> Order | Sequence[Order]:
        if isinstance(number, slice):
            return [self[each] for each in range(*number.indices(self.size))]
        if not 0 <= number < self.size:
            raise IndexError(number)
        chance = random.Random(f"{self.seed}/{number}")  # noqa: S311 - reproducible, not secret
        names = chance.choices(NAMES, cum_weights=POPULARITY, k=chance.randint(1, LINES_MAX))
        lines = tuple(Line(f"{self.run}-{name}", chance.randint(1, QUANTITY_MAX)) for name in names)
        [method] = chance.choices(*zip(*self.methods, strict=True))
        return Order(number, f"customer-{chance.randrange(CUSTOMERS)}", method, lines)


def plan(run: str, seed: int, orders: int, methods: dict[str, float] = DECLINED) -> Plan:
    """Make a run of so many orders."""
    chance = random.Random(seed)  # noqa: S311 - reproducible, not secret
    made = Orders(run, seed, orders, (*methods.items(), ("tok_visa", 1 - sum(methods.values()))))
    prices = {f"{run}-{name}": chance.randint(1, PRICE_MINOR_MAX) for name in NAMES}
    wanted = demand(made, prices)
    products = [
        Product(sku, f"Product {name}", prices[sku], stock(wanted[sku], scarce=is_scarce(name)))
        for name, sku in zip(NAMES, prices, strict=True)
    ]
    return Plan(run, f"synthetic orders, seed {seed}", products, made)
