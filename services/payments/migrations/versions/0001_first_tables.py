"""First tables: the messaging kit's, payments, refunds, and what the provider is to be asked."""

from alembic import op

from services.messaging.tables import statements

revision = "0001"
down_revision = None

_TABLES = """
CREATE TABLE payments (
    order_id uuid PRIMARY KEY,
    payment_id uuid NOT NULL,
    state text NOT NULL CHECK (state IN ('REQUESTED', 'CAPTURED', 'DECLINED', 'GIVEN_UP')),
    amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
    currency text NOT NULL,
    payment_method text NOT NULL,
    lines jsonb NOT NULL,
    decline_reason text CHECK ((state = 'DECLINED') = (decline_reason IS NOT NULL)),
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
) WITH (fillfactor = 80);
COMMENT ON TABLE payments IS 'one charge an order';
COMMENT ON COLUMN payments.payment_id IS 'derived from the order id; the provider''s idempotency key';

CREATE TABLE refunds (
    order_id uuid PRIMARY KEY REFERENCES payments,
    refund_id uuid NOT NULL,
    payment_id uuid NOT NULL,
    state text NOT NULL CHECK (state IN ('REQUESTED', 'REFUNDED', 'GIVEN_UP')),
    amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
    currency text NOT NULL,
    reason text NOT NULL,
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
) WITH (fillfactor = 80);
COMMENT ON TABLE refunds IS 'at most one refund a payment, always in full';
COMMENT ON COLUMN refunds.refund_id IS 'derived from the payment id; the provider''s idempotency key';

CREATE TABLE provider_requests (
    request_id uuid PRIMARY KEY,
    order_id uuid NOT NULL REFERENCES payments,
    kind text NOT NULL CHECK (kind IN ('charge', 'refund')),
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    next_attempt_at timestamptz NOT NULL,
    trace_parent text,
    cause_id uuid NOT NULL,
    topic text NOT NULL,
    topic_id text NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    sequence bigint,
    event_id uuid,
    key bytea,
    value bytea,
    headers text NOT NULL
);
COMMENT ON TABLE provider_requests IS 'what the provider is still to be asked: payment id or refund id, and the record that asked';
COMMENT ON COLUMN provider_requests.next_attempt_at IS 'a process that takes a request moves this seconds ahead: its claim';
CREATE INDEX provider_requests_due ON provider_requests (next_attempt_at);
"""


def upgrade() -> None:
    """Create everything."""
    for statement in (*statements(["shop.payments", "shop.payments.dlq"]), _TABLES):
        op.execute(statement)
