"""currencies

Revision ID: 20250402_currencies
Revises: 20250310_order_region
"""

from alembic import op
import sqlalchemy as sa

revision = "20250402_currencies"
down_revision = "20250310_order_region"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "currencies",
        sa.Column("code", sa.String(3), primary_key=True),
        sa.Column("label", sa.String(40), nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "tax_rates",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("label", sa.String(40), nullable=False),
        sa.Column("percent", sa.Numeric(5, 2), nullable=False),
        if_not_exists=True,
    )
    op.execute(
        """
        INSERT INTO currencies (code, label)
        VALUES ('EUR', 'Euro'), ('CHF', 'Franken'), ('GBP', 'Pound £')
        ON CONFLICT (code) DO NOTHING
        """
    )
    op.execute("INSERT INTO tax_rates (id, label, percent) VALUES (1, 'standard', 19), (2, 'reduced', 7)")


def downgrade() -> None:
    op.drop_table("tax_rates", if_exists=True)
    op.drop_table("currencies", if_exists=True)
