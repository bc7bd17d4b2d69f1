"""foreshot runs Alembic and SQL migrations on paper. The program is a binary; this package only finds it."""
