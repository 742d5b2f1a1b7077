"""Bringing a database to the schema this program needs (alembic), and seeing cheaply that it already is there.

alembic costs a third of a second to import, so it is imported only where there is a schema of an older revision: an empty
database gets the newest tables as they are, and the newest revision's number.
Not part of the writer: a schema changes before a gateway serves, under the data directory's lock.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Column, MetaData, PrimaryKeyConstraint, String, Table, inspect, text
from sqlalchemy.engine import Connection, Engine

from adapters.store.engine import open_engine
from adapters.store.tables import metadata

FOLDER = Path(__file__).parent / "migrations"
VERSION_TABLE = "alembic_version"
_VERSION = Table(
    VERSION_TABLE, MetaData(), Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name=f"{VERSION_TABLE}_pkc"),
)  # fmt: skip
"""As alembic makes it."""


class SchemaTooNew(Exception):
    """The database was written by a newer program than this one; nothing was changed."""

    def __init__(self, found: str, known: str) -> None:
        super().__init__(f"database revision {found} is newer than this program's {known}")
        self.found = found
        self.known = known


@dataclass(frozen=True, slots=True)
class Revisions:
    """What the database has (None: empty) and what this program needs."""

    stored: str | None
    needed: str

    @property
    def is_current(self) -> bool:
        """Whether there is nothing to do."""
        return self.stored == self.needed


def needed() -> str:
    """The newest revision this program brings; files are named ``0001_what.py``."""
    return max(path.name.split("_", 1)[0] for path in (FOLDER / "versions").glob("[0-9]*_*.py"))


def stored(connection: Connection) -> str | None:
    """The database's revision; None when it has none."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
    return None if found is None else str(found)


def revisions(url: str) -> Revisions:
    """Both revisions of the database at ``url``, which must exist (SQLite makes an empty one otherwise)."""
    engine = open_engine(url)
    try:
        with engine.connect() as connection:
            return Revisions(stored(connection), needed())
    finally:
        engine.dispose()


def upgrade(url: str) -> Revisions:
    """Brings the database at ``url`` to this program's schema; returns what it had and has. Raises SchemaTooNew."""
    engine = open_engine(url)
    try:
        return upgrade_engine(engine)
    finally:
        engine.dispose()


def upgrade_engine(engine: Engine) -> Revisions:
    """As ``upgrade`` on an engine that is open already (an in-memory database lives no longer than its engine)."""
    with engine.begin() as connection:
        found = Revisions(stored(connection), needed())
        if not inspect(connection).get_table_names():
            _make(connection, found.needed)
            return found
    if found.is_current:
        return found
    if found.stored is not None and found.stored > found.needed:
        raise SchemaTooNew(found.stored, found.needed)
    from alembic import command

    with engine.begin() as connection:
        command.upgrade(config(connection), "head")
    return found


def _make(connection: Connection, revision: str) -> None:
    """All tables in an empty database, which counts as migrated to ``revision`` from now on."""
    metadata.create_all(connection, checkfirst=False)
    _VERSION.create(connection, checkfirst=False)
    connection.execute(_VERSION.insert().values(version_num=revision))


def config(connection: Connection) -> Any:
    """alembic's configuration over an open connection."""
    from alembic.config import Config

    made = Config()
    made.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    made.attributes["connection"] = connection
    return made
