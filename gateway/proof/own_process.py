"""Our own CRM as a process of its own, for whoever judges it over real sockets: file, free ports, a fresh store (spec 07.1)."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from sqlalchemy import URL, make_url
from sqlalchemy.engine import Engine
from sqlalchemy.schema import CreateSchema, DropSchema

from adapters.store.engine import open_engine
from conformance.model import Case
from conformance.pics import LISTEN, Pics
from gateway.bench.rig import Rig
from gateway.clock import Entropy
from gateway.proof.own_crm import FILE, configuration, leave_secrets

SQLITE = "sqlite"
_DRIVER = "postgresql+psycopg"
_SHORT = {"settle": 1_000, "heartbeat": 4_000, "partial": 12_000, "reassembly": 12_000, "connect": 20_000, "close": 20_000}
"""Times of the questionnaire in ms: short where they are waited for, long where they only bound what comes at once, however
busy the machine."""
_TIMES = {"receipt": 5.0, "partial": 6.0, "reassembly": 6.0, "connect": 5.0}
"""The product's own in s: without a receipt it sends again; the others leave a busy machine what the questionnaire has more."""


class StoreUnknown(ValueError):
    """No store of that kind; both languages."""

    def __init__(self, name: str) -> None:
        super().__init__(f"没有存储 {name}，可用：sqlite 或 postgresql://... / no store {name}: sqlite or postgresql://...")


def short_timers() -> dict[str, int]:
    """The questionnaire's times of a run in real time."""
    return {**Pics().timers, **_SHORT}


def waits_ms(case: Case, pics: Pics) -> int:
    """How long a case waits whatever the system under test does: what must be quiet, stay open, or pass."""
    lines = (*case.preamble, *case.lines, *case.postamble)
    waits = [line for line in lines if line.do in ("wait", "quiet") or (line.do, line.what) == ("expect", "open")]
    return sum(pics.time(line.within or "settle") for line in waits)


def short_pics() -> Pics:
    """The questionnaire: short times, and free ports of this machine for every played party."""
    with ExitStack() as probes:
        held = {party: probes.enter_context(socket.socket()) for party in LISTEN}
        for probe in held.values():
            probe.bind(("127.0.0.1", 0))
        listen = {party: f"tcp://127.0.0.1:{probe.getsockname()[1]}" for party, probe in held.items()}
    return Pics(timers=short_timers(), listen=listen)


def started(rig: Rig, name: str, pics: Pics, database: str) -> str:
    """The product runs as process ``name`` of the rig: where it listens. Raises BenchFailed."""
    folder = rig.folder / name
    folder.mkdir()
    url, secret = _without_password(database)
    text = configuration("tcp://127.0.0.1:0", pics, url, _TIMES)
    if secret:
        (folder / "password").write_text(secret, encoding="utf-8")
        text = text.replace("[gateway]\n", '[gateway]\ndatabase_password_file = "password"\n', 1)
    (folder / FILE).write_text(text, encoding="utf-8")
    leave_secrets(folder, pics)
    ready: dict[str, Any] = rig.start(name, "gateway", "run", "--json", "--config", str(folder / FILE)).ready
    return str(ready["listening"]["door"])


@contextmanager
def fresh_store(store: str, entropy: Entropy) -> Iterator[str]:
    """The URL of an empty store, empty for SQLite in the data directory; in PostgreSQL a schema of its own, dropped at the
    end. Raises StoreUnknown, and what the database says."""
    if store == SQLITE:
        yield ""
        return
    if not store.startswith("postgresql"):
        raise StoreUnknown(store)
    url = make_url(store).set(drivername=_DRIVER)
    schema = f"bssgw_judged_{entropy.token(4).hex()}"
    engine = open_engine(_text(url))
    try:
        with engine.begin() as connection:
            connection.execute(CreateSchema(schema))
        try:
            yield _text(url.update_query_dict({"options": f"-csearch_path={schema}"}))
        finally:
            _dropped(engine, schema)
    finally:
        engine.dispose()


def _dropped(engine: Engine, schema: str) -> None:
    with engine.begin() as connection:
        connection.execute(DropSchema(schema, cascade=True))


def _without_password(database: str) -> tuple[str, str]:
    """A URL as it may stand in a file, and its password."""
    if not database:
        return "", ""
    url = make_url(database)
    bare = URL.create(url.drivername, url.username, None, url.host, url.port, url.database, url.query)
    return _text(bare), url.password or ""


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)
