"""What is to be sent into the log again, and payments put back from the log whose order is still to be read again."""

from alembic import op

from services.messaging.tables import REPUBLICATION

revision = "0003"
down_revision = "0002"

_PUT_BACK = """
ALTER TABLE payments ADD COLUMN put_back boolean NOT NULL DEFAULT false,
    ADD CHECK (NOT put_back OR state IN ('CAPTURED', 'DECLINED'));
COMMENT ON COLUMN payments.put_back IS
    'decided as the log says, by a repair; what was ordered comes with OrderPlaced, which is still to be read again';
"""


def upgrade() -> None:
    """Create the kit's table, and the mark of a payment that was put back."""
    for statement in (REPUBLICATION, _PUT_BACK):
        op.execute(statement)
