"""totals of orders, filled from their lines

Revision ID: 20251103_backfill_totals
Revises: 20251020_merge
"""

from alembic import op
import sqlalchemy as sa

from app.db.migration_utils import add_column_if_missing, drop_column_if_exists

revision = "20251103_backfill_totals"
down_revision = "20251020_merge"
branch_labels = None
depends_on = None


def upgrade() -> None:
    add_column_if_missing("orders", sa.Column("total", sa.Numeric(12, 2)))
    op.execute(
        """
        UPDATE orders SET total = lines.total
        FROM (
            SELECT order_id, sum(quantity * price) AS total
            FROM order_lines JOIN products ON products.id = product_id
            GROUP BY order_id
        ) AS lines
        WHERE lines.order_id = orders.id AND orders.total IS NULL
        """
    )
    op.execute("CREATE OR REPLACE VIEW open_orders AS SELECT id, customer_id, total FROM orders WHERE status = 'new'")


def downgrade() -> None:
    op.execute("DROP VIEW IF EXISTS open_orders")
    drop_column_if_exists("orders", "total")
