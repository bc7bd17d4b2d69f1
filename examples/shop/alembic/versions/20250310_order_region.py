"""order region

Revision ID: 20250310_order_region
Revises: 20250203_orders
"""

import sqlalchemy as sa

from app.db.migration_utils import (
    add_column_if_missing,
    create_index_if_missing,
    drop_column_if_exists,
    drop_index_if_exists,
)

revision = "20250310_order_region"
down_revision = "20250203_orders"
branch_labels = None
depends_on = None

COLUMNS = ("region", "channel")


def upgrade() -> None:
    for name in COLUMNS:
        add_column_if_missing("orders", sa.Column(name, sa.String(50), nullable=True))
    create_index_if_missing("ix_orders_region", "orders", ["region"])


def downgrade() -> None:
    drop_index_if_exists("ix_orders_region", "orders")
    for name in reversed(COLUMNS):
        drop_column_if_exists("orders", name)
