"""how to reach a customer

Revision ID: 20250908_customer_contact
Revises: 20250805_order_lookup
"""

from alembic import op
import sqlalchemy as sa

revision = "20250908_customer_contact"
down_revision = "20250805_order_lookup"
branch_labels = None
depends_on = None


def upgrade() -> None:
    inspector = sa.inspect(op.get_bind())
    columns = [column["name"] for column in inspector.get_columns("customers")]
    with op.batch_alter_table("customers") as batch_op:
        if "phone" not in columns:
            batch_op.add_column(sa.Column("phone", sa.String(40), nullable=True))
        if "locale" not in columns:
            batch_op.add_column(sa.Column("locale", sa.String(10), server_default="de", nullable=False))
        batch_op.alter_column("name", existing_type=sa.String(200), type_=sa.String(300))


def downgrade() -> None:
    pass
