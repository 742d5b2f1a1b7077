"""Opening the store for commands that only look, and saying plainly why it cannot be opened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import DBAPIError

from adapters.store.engine import open_engine
from adapters.store.migration import SchemaTooNew, needed, stored
from gateway.cli.output import CommandFailed, Exit
from gateway.data_directory import DirectoryHeld, DirectoryUnusable

if TYPE_CHECKING:
    from gateway.config.model import Config


def store_file(config: Config) -> Path | None:
    """The SQLite file of the store; None on PostgreSQL."""
    url = make_url(config.database_url)
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


@contextmanager
def database_errors(config: Config) -> Iterator[None]:
    """What can go wrong with the store or its directory, as one line that says what to do."""
    try:
        yield
    except DirectoryHeld as held:
        raise CommandFailed(Exit.FAILED, held.zh, held.en) from held
    except DirectoryUnusable as fault:
        raise CommandFailed(Exit.USAGE, fault.zh, fault.en) from fault
    except SchemaTooNew as fault:
        raise CommandFailed(
            Exit.FAILED,
            f"数据库结构 {fault.found} 比本程序的 {fault.known} 新：请用写它的版本运行",
            f"the database has revision {fault.found}, this program knows {fault.known}: run the version that wrote it",
        ) from fault
    except DBAPIError as fault:
        shown = make_url(config.database_url).render_as_string(hide_password=True)
        first = str(fault.orig).splitlines()[0] if fault.orig is not None else type(fault).__name__
        raise CommandFailed(
            Exit.UNREACHABLE,
            f"数据库 {shown} 不能使用（{first}）：检查它是否在运行、地址与权限",
            f"the database {shown} cannot be used ({first}): check that it runs, its address and permissions",
        ) from fault


@contextmanager
def reading(config: Config) -> Iterator[Connection]:
    """A read-only connection to the store. Raises CommandFailed where there is none or its schema is another."""
    file = store_file(config)
    if file is not None and not file.exists():
        raise CommandFailed(
            Exit.UNREACHABLE,
            f"{config.data_dir} 里还没有数据库：先运行 bssgw run，或用 --data-dir、--config 指明位置",
            f"no database in {config.data_dir} yet: run bssgw run first, or point to one with --data-dir or --config",
        )
    with database_errors(config):
        engine = open_engine(config.database_url, read_only=True)
        try:
            with engine.connect() as connection:
                if (found := stored(connection)) is not None and found > needed():
                    raise SchemaTooNew(found, needed())
                if found != needed():
                    raise CommandFailed(
                        Exit.FAILED,
                        f"数据库结构为 {found or '空'}，需要 {needed()}：先运行 bssgw db upgrade",
                        f"the database has revision {found or 'none'}, needed {needed()}: run bssgw db upgrade first",
                    )
                yield connection
        finally:
            engine.dispose()
