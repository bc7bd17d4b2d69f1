//! Alembic and SQLAlchemy, modelled: calls become statements.
