"""merge shipping and tags

Revision ID: 20251020_merge
Revises: 20251006_product_tags, 20251007_shipping
"""

revision = "20251020_merge"
down_revision = ("20251006_product_tags", "20251007_shipping")
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
