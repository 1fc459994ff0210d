"""First tables: the messaging kit's, orders, idempotency keys, the product list, the timeline."""

from alembic import op

from services.messaging.tables import statements

revision = "0001"
down_revision = None

_TABLES = """
CREATE TABLE orders (
    order_id uuid PRIMARY KEY,
    customer_id text NOT NULL,
    status text NOT NULL CHECK (status IN ('PENDING', 'PAID', 'COMPLETED', 'FAILED')),
    failure_reason text,
    currency text NOT NULL,
    payment_method text NOT NULL,
    total_minor bigint NOT NULL CHECK (total_minor >= 0),
    lines jsonb NOT NULL,
    refund_amount_minor bigint,
    refunded_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CHECK ((status = 'FAILED') = (failure_reason IS NOT NULL)),
    CHECK ((refund_amount_minor IS NULL) = (refunded_at IS NULL)),
    CHECK (refunded_at IS NULL OR status = 'FAILED')
) WITH (fillfactor = 80);
CREATE INDEX orders_by_customer ON orders (customer_id, order_id DESC);
CREATE INDEX orders_by_status ON orders (status, order_id DESC);

CREATE TABLE idempotency_keys (
    key text PRIMARY KEY,
    fingerprint bytea NOT NULL,
    order_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN idempotency_keys.fingerprint IS 'SHA-256 of the validated request: the same key with another one is refused';

CREATE TABLE products (
    sku text PRIMARY KEY,
    name text NOT NULL,
    unit_price_minor bigint NOT NULL CHECK (unit_price_minor >= 0),
    currency text NOT NULL,
    version bigint NOT NULL
);
COMMENT ON TABLE products IS 'a copy of the product list that inventory publishes';

CREATE TABLE order_events (
    order_id uuid NOT NULL,
    position bigint GENERATED ALWAYS AS IDENTITY,
    topic text NOT NULL,
    partition integer NOT NULL,
    sequence bigint NOT NULL,
    "offset" bigint,
    schema_id integer NOT NULL,
    subject text NOT NULL,
    schema_version integer NOT NULL,
    value bytea NOT NULL,
    PRIMARY KEY (order_id, position)
);
COMMENT ON TABLE order_events IS 'every event of an order in the order it took effect, as it stands in Kafka';
COMMENT ON COLUMN order_events."offset" IS 'null for an own event: the outbox notes know it';
"""


def upgrade() -> None:
    """Create everything."""
    for statement in (*statements(["shop.orders", "shop.orders.dlq"]), _TABLES):
        op.execute(statement)
