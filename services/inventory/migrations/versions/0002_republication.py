"""What is to be sent into the log again."""

from alembic import op

from services.messaging.tables import REPUBLICATION

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the kit's table."""
    op.execute(REPUBLICATION)
