"""shipping

Revision ID: 20251007_shipping
Revises: 20250908_customer_contact
"""

from alembic import op
import sqlalchemy as sa

revision = "20251007_shipping"
down_revision = "20250908_customer_contact"
branch_labels = None
depends_on = None


def _rename_column(table: str, old: str, new: str) -> None:
    columns = {column["name"] for column in sa.inspect(op.get_bind()).get_columns(table)}
    if old in columns and new not in columns:
        op.alter_column(table, old, new_column_name=new)


def upgrade() -> None:
    _rename_column("orders", "channel", "sales_channel")
    op.execute("ALTER TABLE orders ADD COLUMN IF NOT EXISTS tracking_code text")
    op.create_unique_constraint(None, "orders", ["tracking_code"])


def downgrade() -> None:
    op.execute("ALTER TABLE orders DROP COLUMN IF EXISTS tracking_code")
    _rename_column("orders", "sales_channel", "channel")
