"""What every table of the database shares: its collection, names of indexes and keys, the wide integer, partial indexes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Index, Integer, MetaData, event, text
from sqlalchemy.engine import Connection

metadata = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "pk": "pk_%(table_name)s"},
)

Big = BigInteger().with_variant(Integer, "sqlite")


def partial(name: str, *columns: str, where: str) -> Index:
    """An index over the rows for which ``where`` holds."""
    return Index(name, *columns, info={_WHERE: where})


_WHERE = "where"


@event.listens_for(metadata, "before_create")
def _limit_indexes(_: MetaData, connection: Connection, **__: Any) -> None:
    """Each database has a keyword of its own for it, which makes SQLAlchemy import all it knows of that database: a start on
    SQLite does without PostgreSQL's."""
    for table in metadata.tables.values():
        for index in table.indexes:
            if _WHERE in index.info:
                index.dialect_kwargs[f"{connection.dialect.name}_where"] = text(index.info[_WHERE])
