"""The simulated provider's ledger: one provider for all workers, which outlives them."""

from alembic import op

revision = "0002"
down_revision = "0001"

_TABLES = """
CREATE TABLE simulated_provider (
    idempotency_key uuid PRIMARY KEY,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency text NOT NULL,
    decision text NOT NULL,
    failures integer NOT NULL CHECK (failures >= 0),
    attempts integer NOT NULL CHECK (attempts > 0),
    outcome text GENERATED ALWAYS AS (CASE WHEN attempts > failures THEN decision END) STORED
);
COMMENT ON TABLE simulated_provider IS 'somebody else''s books: what the simulated provider was asked, and did, once per key';
COMMENT ON COLUMN simulated_provider.decision IS 'what the request comes to: CHARGED, REFUNDED, or why it is declined';
COMMENT ON COLUMN simulated_provider.failures IS 'attempts that fail before the decision';
COMMENT ON COLUMN simulated_provider.attempts IS 'calls with this key; whatever their number, money moves once';
COMMENT ON COLUMN simulated_provider.outcome IS 'the decision, once it is made';
"""


def upgrade() -> None:
    """Create the ledger."""
    op.execute(_TABLES)
