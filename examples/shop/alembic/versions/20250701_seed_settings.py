"""settings and their defaults

Revision ID: 20250701_seed_settings
Revises: 20250602_order_refunded
"""

from alembic import op
import sqlalchemy as sa
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import UUID

revision = "20250701_seed_settings"
down_revision = "20250602_order_refunded"
branch_labels = None
depends_on = None

DEFAULTS = {
    "return_days": "30",
    "free_shipping_from": "50",
}


def upgrade() -> None:
    bind = op.get_bind()
    inspector = sa.inspect(bind)
    if not inspector.has_table("domain_settings"):
        op.create_table(
            "domain_settings",
            sa.Column("id", UUID(as_uuid=True), primary_key=True),
            sa.Column("domain", sa.String(40), nullable=False),
            sa.Column("key", sa.String(80), nullable=False),
            sa.Column("value_text", sa.Text),
            sa.Column("is_active", sa.Boolean, server_default=sa.true(), nullable=False),
        )
    for key, value in DEFAULTS.items():
        bind.execute(
            text(
                """
                INSERT INTO domain_settings (id, domain, key, value_text, is_active)
                VALUES (gen_random_uuid(), 'orders', :key, :value, true)
                ON CONFLICT DO NOTHING
                """
            ),
            {"key": key, "value": value},
        )


def downgrade() -> None:
    op.drop_table("domain_settings")
