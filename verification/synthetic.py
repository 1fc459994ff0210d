"""Orders made up from a seed: the same seed makes the same orders."""

import random
from dataclasses import replace
from itertools import accumulate

from verification.shopping import Line, Order, Plan, Product, demand, is_scarce, stock

PRODUCTS = 200
CUSTOMERS = 1_000
LINES_MAX = 5
QUANTITY_MAX = 4
PRICE_MINOR_MAX = 20_000
DECLINED = {"tok_declined": 0.03, "tok_insufficient_funds": 0.01}
"""Share of orders by payment method; the rest pays with `tok_visa`."""


def plan(run: str, seed: int, orders: int, methods: dict[str, float] = DECLINED) -> Plan:
    """Make a run of so many orders. A few products sell far better than the rest, as in real shops."""
    chance = random.Random(seed)  # noqa: S311 - reproducible, not secret
    names = [f"p{number:03}" for number in range(PRODUCTS)]
    skus = [f"{run}-{name}" for name in names]
    prices = {sku: chance.randint(1, PRICE_MINOR_MAX) for sku in skus}
    popularity = list(accumulate(1 / (rank + 20) for rank in range(PRODUCTS)))
    made = [
        _order(chance, number, skus, popularity, {**methods, "tok_visa": 1 - sum(methods.values())})
        for number in range(orders)
    ]
    wanted = demand(made, prices)
    products = [
        Product(sku, f"Product {name}", prices[sku], stock(wanted[sku], scarce=is_scarce(name)))
        for name, sku in zip(names, skus, strict=True)
    ]
    return Plan(run, f"synthetic orders, seed {seed}", products, made)


def _order(
    chance: random.Random, number: int, skus: list[str], popularity: list[float], methods: dict[str, float]
) -> Order:
    count = chance.randint(1, LINES_MAX)
    lines = tuple(
        Line(sku, chance.randint(1, QUANTITY_MAX)) for sku in chance.choices(skus, cum_weights=popularity, k=count)
    )
    [method] = chance.choices(list(methods), weights=list(methods.values()))
    return Order(number, f"customer-{chance.randrange(CUSTOMERS)}", method, lines)


def with_methods(source: Plan, methods: dict[int, str]) -> Plan:
    """The same run with other payment methods, by order number, and stock to match."""
    orders = [replace(order, payment_method=methods.get(order.number, order.payment_method)) for order in source.orders]
    return replace(source, orders=orders)
