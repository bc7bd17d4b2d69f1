"""What the migrations share: operations that ask the catalog first."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op


def _inspector() -> sa.Inspector:
    # a fresh one each time: an Inspector remembers its answers
    return sa.inspect(op.get_bind())


def has_table(table: str) -> bool:
    return _inspector().has_table(table)


def has_column(table: str, column: str) -> bool:
    if not has_table(table):
        return False
    return column in {found["name"] for found in _inspector().get_columns(table)}


def has_index(table: str, index: str) -> bool:
    return has_table(table) and any(found["name"] == index for found in _inspector().get_indexes(table))


def add_column_if_missing(table: str, column: sa.Column) -> None:
    if has_column(table, column.name):
        return
    op.add_column(table, column)


def create_index_if_missing(index: str, table: str, columns: Sequence[str], **options: object) -> None:
    if not has_index(table, index):
        op.create_index(index, table, list(columns), **options)


def drop_column_if_exists(table: str, column: str) -> None:
    if has_column(table, column):
        op.drop_column(table, column)


def drop_index_if_exists(index: str, table: str) -> None:
    if has_index(table, index):
        op.drop_index(index, table_name=table)
