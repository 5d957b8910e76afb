"""Rights that nothing needs are taken back.

Approvals of what is signed are challenges of passkeys and need no table of their own.
"""

from alembic import op

from credit.migrations.helpers import forward_only

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the revision."""
    op.execute("REVOKE UPDATE (name) ON organisation FROM credit_app")


downgrade = forward_only
