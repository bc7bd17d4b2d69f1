"""away with the old import

Revision ID: 20251201_drop_legacy
Revises: 20251103_backfill_totals
"""

from alembic import op

from app.db.migration_utils import drop_column_if_exists

revision = "20251201_drop_legacy"
down_revision = "20251103_backfill_totals"
branch_labels = None
depends_on = None


def upgrade() -> None:
    drop_column_if_exists("customers", "legacy_code")
    op.drop_table("legacy_imports")


def downgrade() -> None:
    raise NotImplementedError("the imports are gone: restore them from the backup of 2025-12-01")
