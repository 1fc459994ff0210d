"""What inventory counts beside what every service counts."""

from prometheus_client import Counter

DECISIONS = Counter("inventory_stock_decisions_total", "Paid orders by what became of their stock", ["outcome"])
DEDUCTED = Counter("inventory_deducted_pieces_total", "Pieces taken from stock")
LISTED = Counter("inventory_products_listed_total", "Products listed for the first time, or changed")
ADJUSTED = Counter("inventory_stock_adjustments_total", "Corrections of stock by hand")
