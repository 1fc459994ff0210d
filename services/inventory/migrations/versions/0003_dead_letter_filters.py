"""Dead letters by order, state and reason, the newest first."""

from alembic import op

from services.messaging.tables import DEAD_LETTER_FILTERS

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Have the database tell a dead letter's order, and index what is filtered by."""
    op.execute(DEAD_LETTER_FILTERS)
