"""Our own CRM for whoever judges it from outside: started as a newcomer would, by a configuration file (spec 07.1, 06.5).

The peers are those the judge plays; every timer is that of spec 01.1.5 unless the judge's questionnaire says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import String, func, select
from sqlalchemy.engine import Connection
from twisted.internet.defer import Deferred

from adapters.store import tables
from adapters.store.store import Store
from conformance.pics import SOAP, Pics
from gateway.clock import Clock, Entropy
from gateway.config.file import parse
from gateway.desk.requested import RequestRefused, Requests
from gateway.proof.auditor import audit
from gateway.proof.memory_store import memory_store
from gateway.service import Gateway
from schemas.loader import load

FILE = "judged.toml"
SECRET = "login.secret"
_OPERATOR = "OP025001"
_TIMERS = {
    "connect": "connect",
    "receipt": "receipt",
    "answer": "blocking",
    "heartbeat": "heartbeat",
    "idle": "idle",
    "partial": "partial",
    "reassembly": "reassembly",
}
"""Times of the questionnaire that are times of a peer's row, and their names there."""


def configuration(address: str, pics: Pics, database: str = "", times: Mapping[str, float] | None = None) -> str:
    """The file: a CRM that listens at ``address`` and whose peers are where the questionnaire says; ``database`` empty: SQLite
    beside the file; ``times``: timers of the peers' rows in seconds that are not the questionnaire's."""
    usual = Pics().timers
    timers = {own: pics.timers[name] / 1000 for name, own in _TIMERS.items() if pics.timers[name] != usual[name]}
    timers |= times or {}
    rows = [
        "[gateway]",
        f'system_id = "{pics.systems["CRM"]}"',
        'data_dir = "data"',
        'areas = ["025", "0512", "020", "0755"]',
        *([f'database = "{database}"'] if database else []),
        "",
        "[[listen]]",
        'name = "door"',
        f'address = "{address}"',
        f'binding = "{pics.binding}"' if pics.web else f'layout = "{pics.layout}"',
    ]
    for role, place in pics.listen.items():
        if role != "CRM":
            rows += ["", "[[peer]]", f'id = "{pics.systems[role]}"', f'role = "{role}"', 'listen = "door"']
            rows += _manner(pics, role, place)
            rows += ["[peer.timers]", *(f"{name} = {seconds}" for name, seconds in timers.items())]
            rows += _login(pics, role)
    if pics.features["login"] and not pics.web:
        rows += ["", "[[peer]]", f'id = "{pics.values["login_system"]}"', 'role = "CS"', 'listen = "door"']
        rows += [f'layout = "{pics.layout}"', f'charset = "{pics.charset}"', "[peer.login]", "required = true"]
        rows += [f'peer_user = "{pics.values["login_user"]}"', f'secret_file = "{SECRET}"']
    return "\n".join(rows) + "\n"


def _login(pics: Pics, role: str) -> list[str]:
    """What a role with an account must log in with, and what we log in with where it listens."""
    found = pics.accounts.get(role)
    if found is None or pics.web:
        return []
    rows = ["[peer.login]", "required = true", f'peer_user = "{found.user}"']
    rows.append(f'user = "{found.sut_user or pics.systems["CRM"]}"')
    return [*rows, f'secret_file = "{role}.{SECRET}"']


def _proof(pics: Pics, role: str) -> list[str]:
    """What a role with an account shows over HTTP, and what we show it: one user both ways."""
    found = pics.accounts.get(role)
    if found is None:
        return []
    return [f'auth = "{found.how}"', f'user = "{found.user}"', f'password_file = "{role}.{SECRET}"']


def _manner(pics: Pics, role: str, place: str) -> list[str]:
    """How a peer at ``place`` speaks."""
    rows = [f'envelope = "{pics.envelope}"', f'charset = "{"UTF-8" if pics.binding == SOAP else pics.charset}"']
    if pics.web:
        rows += [f'connect = ["{place.replace("tcp://", "http://")}"]', f'binding = "{pics.binding}"']
        rows += ["[peer.http]", *_proof(pics, role)]
        rows += [f'soap = "{pics.soap}"', f'operation = "{pics.operation}"'] if pics.binding == SOAP else []
    else:
        rows += [f'connect = ["{place}"]', f'layout = "{pics.layout}"']
    if pics.codes:
        rows += ["[peer.dialect.codes]", *(f'{ours} = "{theirs}"' for ours, theirs in pics.codes.items())]
    return rows


def leave_secrets(folder: Path, pics: Pics) -> None:
    """The files the configuration names, beside it."""
    (folder / SECRET).write_text(pics.values["login_secret"], "utf-8")
    for role, account in pics.accounts.items():
        (folder / f"{role}.{SECRET}").write_text(account.secret, "utf-8")


class OwnCrm:
    """The whole gateway on given clock, entropy and endpoints, at ``address``; its store is SQLite in memory, since what is
    proven is what it says and not that it survives."""

    def __init__(self, address: str, pics: Pics, clock: Clock, entropy: Entropy, endpoints: Any) -> None:
        self._secrets = TemporaryDirectory(prefix="bssgw-judged-")
        folder = Path(self._secrets.name)
        leave_secrets(folder, pics)
        config = parse(configuration(address, pics, "sqlite://"), FILE, folder)
        self._engine = memory_store()
        self.gateway = Gateway(config, clock, entropy, endpoints, Store(self._engine))
        self._requests = Requests(self.gateway.codec)
        if not pics.web:
            self._secrets.cleanup()

    def start(self) -> Deferred[Any]:
        """It listens and connects; over HTTP the last secrets are read now."""
        started = self.gateway.start()
        self._secrets.cleanup()
        return started

    def faults(self) -> list[str]:
        """What the auditor finds in its store, texts another store would not take, and jobs of its worker that failed."""
        with self._engine.connect() as connection:
            found = [str(one) for one in audit(connection, load(), quiet=False)]
            found += _too_long(connection)
        failed = self.gateway.writer.figures.failed
        return [*found, *([f"{failed} jobs of the worker failed"] if failed else [])]

    def ask(self, code: str, body: dict[str, Any], failed: Callable[[str], None]) -> None:
        """A person has it send a message; ``failed`` hears why not."""

        def heard(reply: dict[str, Any]) -> None:
            if not reply["ok"]:
                failed(f"{code} {reply['code']} {reply['zh']} / {reply['en']}")

        try:
            command = self._requests.command(code, body, _OPERATOR)
        except RequestRefused as fault:
            failed(f"{code} {fault.code} {fault} {' '.join(one.text for one in fault.faults)}")
            return
        self.gateway.desk.run(command, _OPERATOR, f"request {code}", heard)

    def drop(self) -> None:
        """Nobody asks it anything any more."""
        self.gateway.abandon()
        self._engine.dispose()


def _too_long(connection: Connection) -> list[str]:
    """Columns of SQLite, which takes any length, with texts that are longer than the column is: PostgreSQL refuses them."""
    found = []
    for table in tables.metadata.sorted_tables:
        for column in table.columns:
            limit = column.type.length if isinstance(column.type, String) else None
            if limit and connection.execute(select(column).where(func.length(column) > limit).limit(1)).first() is not None:
                found.append(f"{table.name}.{column.name}: longer than {limit}")
    return found
