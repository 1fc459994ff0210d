"""First tables: the messaging kit's, products with their stock, decisions, adjustments."""

from alembic import op

from services.messaging.tables import statements

revision = "0001"
down_revision = None

_TABLES = """
CREATE TABLE products (
    sku text COLLATE "C" PRIMARY KEY,
    name text NOT NULL,
    unit_price_minor bigint NOT NULL CHECK (unit_price_minor >= 0),
    currency text NOT NULL CHECK (length(currency) = 3),
    version bigint NOT NULL CHECK (version > 0),
    on_hand bigint NOT NULL CHECK (on_hand >= 0),
    initial_on_hand bigint NOT NULL CHECK (initial_on_hand >= 0),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
) WITH (fillfactor = 60);
COMMENT ON COLUMN products.version IS 'counts the changes of name and price';
COMMENT ON COLUMN products.initial_on_hand IS 'on_hand = initial_on_hand + adjustments - deductions, always';

CREATE TABLE stock_decisions (
    order_id uuid PRIMARY KEY,
    payment_id uuid NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('DEDUCTED', 'REJECTED')),
    reason text CHECK ((outcome = 'REJECTED') = (reason IS NOT NULL)),
    wanted jsonb NOT NULL,
    decided_at timestamptz NOT NULL
);
COMMENT ON TABLE stock_decisions IS 'what became of each paid order: at most one deduction an order';
COMMENT ON COLUMN stock_decisions.wanted IS 'pieces by sku; taken from stock where the outcome is DEDUCTED';

CREATE TABLE adjustments (
    idempotency_key text PRIMARY KEY,
    sku text COLLATE "C" NOT NULL REFERENCES products,
    delta bigint NOT NULL,
    reason text NOT NULL,
    on_hand bigint NOT NULL CHECK (on_hand >= 0),
    adjusted_at timestamptz NOT NULL
);
COMMENT ON TABLE adjustments IS 'corrections by hand, each with the stock after it: the answer to a repeated request';
CREATE INDEX adjustments_by_product ON adjustments (sku, adjusted_at);
"""


def upgrade() -> None:
    """Create everything."""
    for statement in (*statements(["shop.inventory", "shop.inventory.dlq"]), _TABLES):
        op.execute(statement)
