"""What every table of the database shares: its collection, names of indexes and keys, the wide integer."""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer, MetaData

metadata = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "pk": "pk_%(table_name)s"},
)

Big = BigInteger().with_variant(Integer, "sqlite")
