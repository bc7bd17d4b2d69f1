"""product tags

Revision ID: 20251006_product_tags
Revises: 20250908_customer_contact
"""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = "20251006_product_tags"
down_revision = "20250908_customer_contact"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        DO $$ BEGIN
            CREATE TYPE tag_kind AS ENUM ('season', 'material', 'colour');
        EXCEPTION
            WHEN duplicate_object THEN NULL;
        END $$;
        """
    )
    op.create_table(
        "product_tags",
        sa.Column("product_id", sa.Integer, sa.ForeignKey("products.id"), primary_key=True),
        sa.Column("tag", sa.String(40), primary_key=True),
        sa.Column("kind", postgresql.ENUM("season", "material", "colour", name="tag_kind", create_type=False)),
        if_not_exists=True,
    )
    op.create_index("ix_product_tags_tag", "product_tags", ["tag"], if_not_exists=True)


def downgrade() -> None:
    op.drop_table("product_tags", if_exists=True)
    op.execute("DROP TYPE IF EXISTS tag_kind")
