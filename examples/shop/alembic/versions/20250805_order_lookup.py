"""find orders by region and date

Revision ID: 20250805_order_lookup
Revises: 20250701_seed_settings
"""

from alembic import op

revision = "20250805_order_lookup"
down_revision = "20250701_seed_settings"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        # an invalid index of an earlier try must not pass for the index
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_orders_region_placed_at")
        op.create_index(
            "ix_orders_region_placed_at",
            "orders",
            ["region", "placed_at"],
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index("ix_orders_region_placed_at", table_name="orders", postgresql_concurrently=True, if_exists=True)
