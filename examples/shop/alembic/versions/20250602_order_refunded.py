"""orders may be refunded

Revision ID: 20250602_order_refunded
Revises: 20250512_order_on_hold
"""

from alembic import op
import sqlalchemy as sa

revision = "20250602_order_refunded"
down_revision = "20250512_order_on_hold"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("ALTER TYPE order_status ADD VALUE IF NOT EXISTS 'refunded'")
    op.execute(sa.text("UPDATE orders SET status = 'refunded' WHERE channel = 'returned'"))


def downgrade() -> None:
    op.execute("UPDATE orders SET status = 'paid' WHERE status = 'refunded'")
