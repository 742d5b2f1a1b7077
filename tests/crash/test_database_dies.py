"""PostgreSQL lost in the midst of the work, sessions ended or server crashed: nothing acknowledged is lost or doubled."""

from __future__ import annotations

import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from adapters.store.engine import open_engine
from gateway.clock import Entropy
from tests.adapters.store.servers import PostgresServer
from tests.crash.test_kill import CONFIG, ORDERS, Channel, Process, Provisioning, judge, wait_until_sent

pytestmark = [pytest.mark.crash, pytest.mark.postgres]

BLOWS = 5
REFUSED = "9004"
END_SESSIONS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = '{database}'"
)


class Patient(Channel):
    """Sends again what was refused for want of a store; ``refusals`` counts that."""

    def __init__(self) -> None:
        super().__init__()
        self.refusals = 0

    def again(self) -> bool:
        """Forget the refusals of the round that is over; whether there were any."""
        refused = [number for number, codes in self.told.items() if set(codes) == {REFUSED}]
        self.refusals += len(refused)
        for number in refused:
            del self.told[number]
        for codes in self.told.values():
            codes[:] = [code for code in codes if code != REFUSED]
        return len(self.told) < ORDERS


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A server of the test's own that promises what it says."""
    folder = tempfile.mkdtemp()
    made = PostgresServer(folder, durable=True)
    yield made
    made.stop()
    shutil.rmtree(folder, ignore_errors=True)


def _sessions(server: PostgresServer, database: str) -> None:
    server.command(END_SESSIONS.format(database=database))


def _server(server: PostgresServer, database: str) -> None:
    server.crash()


@pytest.mark.parametrize("blow", [_sessions, _server], ids=["sessions end", "server crashes"])
def test_what_was_acknowledged_survives_the_database(
    server: PostgresServer, tmp_path: Path, blow: Callable[[PostgresServer, str], None]
) -> None:
    url = server.fresh()
    database = str(make_url(url).database)
    provisioning, channel, entropy = Provisioning(), Patient(), Entropy(5)
    provisioning.start()
    config = tmp_path / "bssgw.toml"
    text = CONFIG.format(port=provisioning.port).replace("[gateway]", f'[gateway]\ndatabase = "{url}"')
    config.write_text(text, encoding="utf-8")
    process = Process(config, tmp_path / "data")
    ended = threading.Event()

    def strike() -> None:
        for _ in range(BLOWS):
            if ended.wait(0.1 + entropy.below(200) / 1000):
                return
            blow(server, database)

    striker = threading.Thread(target=strike)
    striker.start()
    channel.run(process.port, 10**9, lambda: None)
    while channel.again():
        channel.run(process.port, 10**9, lambda: None)
    ended.set()
    striker.join()
    engine = open_engine(url, read_only=True)
    wait_until_sent(engine)
    assert process.end(signal.SIGTERM) == 0
    provisioning.listener.close()
    judge(engine, channel, provisioning)
    engine.dispose()
    assert channel.refusals > 0
