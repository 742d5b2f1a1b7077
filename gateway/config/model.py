"""The configuration of a gateway: one TOML file, read once, every fault named at once (spec 01.1.5, README).

``[gateway]`` says who we are and where data lie, ``[[listen]]`` where we listen, ``[[peer]]`` whom we speak with and
how.  Every timer default of spec 01.1.5 stands here and nowhere else.  Secrets are never written into the file: a key
ending in ``_file`` names the file that holds one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gateway.config.dialect import DialectRow, Route
from gateway.config.http import Binding, ClientTls, HttpLimits, HttpPeer, ServerTls
from schemas.model import MessageRow

SystemId = Annotated[str, Field(pattern=r"^[A-Z0-9]{1,6}$")]
AreaCode = Annotated[str, Field(pattern=r"^[0-9A-Za-z]{1,6}$")]
ADDRESS_FORM = r"^((tcp|tls)://\S+:\d{1,5}|mem://\S+|https?://\S+)$"
Address = Annotated[str, Field(pattern=ADDRESS_FORM)]
Seconds = Annotated[float, Field(gt=0, le=86_400 * 7)]
Loose = Field(strict=False)
"""TOML has lists only; a tuple takes one, its entries stay strict."""

Role = Literal["PF", "RM", "BILL", "channel", "GCRM", "PCRM", "PRM", "CS", "S97"]
"""Roles of the spec's README that a peer can have; ``channel`` is whatever hands in orders (spec 02.0)."""

STORE_FILE = "gateway.db"


class Table(BaseModel):
    """A table of the file: unknown keys are faults, values are not converted, nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Timers(Table):
    """Seconds of spec 01.1.5. ``receipt`` and ``blocking`` unset: as the message's row says."""

    connect: Seconds = 5
    receipt: Seconds | None = None
    blocking: Seconds | None = None
    heartbeat: Seconds = 60
    misses: Annotated[int, Field(ge=1, le=100)] = 3
    idle: Seconds = 300
    idle_short: Seconds = 30
    partial: Seconds = 30
    reassembly: Seconds = 120
    write: Seconds = 30
    circuit_failures: Annotated[int, Field(ge=1, le=1000)] = 5
    circuit_pause: Seconds = 30


class Limits(Table):
    """Bytes of spec 01.1.3 rule 2: one packet, and one document after reassembly."""

    max_packet: Annotated[int, Field(ge=128, le=1 << 30)] = 1 << 20
    max_document: Annotated[int, Field(ge=128, le=1 << 30)] = 16 << 20


class SocketLimits(Table):
    """``[listen.sockets]``: connections a socket listener has at most, in all and from one address; ``strangers``: how many a
    minute may end from one address without anybody having said who they are, before further ones are closed at once."""

    max_connections: Annotated[int, Field(ge=1, le=100_000)] = 4096
    max_per_address: Annotated[int, Field(ge=1, le=100_000)] = 2560
    strangers: Annotated[int, Field(ge=1, le=100_000)] = 600


class Listen(Table):
    """An address we listen on; peers that name it in ``listen`` connect to it. ``layout`` is for sockets only."""

    name: Annotated[str, Field(min_length=1, max_length=40)]
    address: Address
    binding: Binding = "socket"
    layout: str = ""
    http: HttpLimits = HttpLimits()
    sockets: SocketLimits = SocketLimits()
    tls: ServerTls | None = None


class LoginTable(Table):
    """``[peer.login]``: login by LN01 on socket links (spec 01.1.5). ``user``: as whom we log in where we connect (empty: we
    do not); ``required``: nothing before the peer's own login, as ``peer_user`` (empty: its id); one secret for both."""

    user: Annotated[str, Field(max_length=30)] = ""
    required: bool = False
    peer_user: Annotated[str, Field(max_length=30)] = ""
    secret_file: Path | None = Field(default=None, strict=False)

    def secret(self) -> str:
        """The secret of its file; empty without one. Raises OSError when it cannot be read."""
        return "" if self.secret_file is None else self.secret_file.read_text(encoding="utf-8").strip()


PerSecond = Annotated[float, Field(gt=0, le=1_000_000)]
Burst = Annotated[int, Field(ge=1, le=1_000_000)]


class RateTable(Table):
    """``[peer.rate]``: messages a second we take from the peer, in all and from one address; unset: no limit. ``burst`` and
    ``per_address_burst``: how many at once, unset: one second's."""

    messages: PerSecond | None = None
    burst: Burst | None = None
    per_address: PerSecond | None = None
    per_address_burst: Burst | None = None

    @property
    def limits(self) -> bool:
        """Whether it says anything."""
        return self.messages is not None or self.per_address is not None

    @property
    def whole_burst(self) -> float:
        """Messages the peer may send at once."""
        return self.burst or max(1.0, self.messages or 0)

    @property
    def address_burst(self) -> float:
        """Messages that may come from one address at once."""
        return self.per_address_burst or max(1.0, self.per_address or 0)


class Peer(Table):
    """A system we speak with and its manner of speaking. ``connect``: primary first, then stand-by addresses.

    ``header``: values of the layout's free fields in what we send, by the field's name.  ``areas`` empty: all areas of the
    gateway.  ``allow_addresses`` empty: from anywhere; entries are IP addresses or
    networks.
    """

    id: SystemId
    role: Role
    name: Annotated[str, Field(max_length=100)] = ""
    binding: Binding = "socket"
    layout: str = "ctif-128"
    envelope: str = "package"
    charset: Literal["GB18030", "GBK", "GB2312", "UTF-8"] = "GB18030"
    mode: Literal["A", "B"] = "A"
    connect: Annotated[tuple[Address, ...], Loose] = ()
    listen: str | None = None
    long: bool = True
    duplex: bool = False
    window: Annotated[int, Field(ge=1, le=10_000)] = 32
    finds_duplicates: bool = True
    serials_trusted: bool = True
    unchecked_allowed: bool = False
    wrong_charset: Literal["record", "refuse"] = "record"
    header: dict[str, Annotated[str, Field(max_length=100)]] = {}
    schema_version: str = "0.9"
    allow_addresses: Annotated[tuple[str, ...], Loose] = ()
    areas: Annotated[tuple[AreaCode, ...], Loose] = ()
    timers: Timers = Timers()
    limits: Limits = Limits()
    rate: RateTable = RateTable()
    login: LoginTable = LoginTable()
    http: HttpPeer = HttpPeer()
    tls: ClientTls = ClientTls()
    dialect: DialectRow = DialectRow()

    @model_validator(mode="before")
    @classmethod
    def _soap_is_utf_8(cls, raw: Any) -> Any:
        """A SOAP peer's charset needs no saying (spec 01.3)."""
        return {"charset": "UTF-8", **raw} if isinstance(raw, dict) and raw.get("binding") == "soap" else raw

    @property
    def idle_seconds(self) -> float:
        """After how long without any packet a connection closes while nothing is outstanding."""
        return self.timers.idle if self.long else self.timers.idle_short

    def receipt_seconds(self, row: MessageRow) -> float:
        """How long we wait for the receipt of ``row``'s message."""
        return self.timers.receipt if self.timers.receipt is not None else row.receipt_timer

    def answer_seconds(self, row: MessageRow) -> float:
        """How long we wait for a blocking answer to ``row``'s message."""
        return self.timers.blocking if self.timers.blocking is not None else row.answer_timer


class GatewayTable(Table):
    """``[gateway]``: who we are, where data lie. ``database`` unset: SQLite in ``data_dir``. ``layouts``: a folder of header
    layouts of one's own (TOML as those that ship), beside them. ``products``: the file of what is sold here, in place of the
    sample catalogue (``gateway.config.products``)."""

    system_id: SystemId
    data_dir: Path = Field(default=Path("data"), strict=False)
    database: str | None = None
    database_password_file: Path | None = Field(default=None, strict=False)
    areas: Annotated[tuple[AreaCode, ...], Field(strict=False, min_length=1)]
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    layouts: Path | None = Field(default=None, strict=False)
    products: Path | None = Field(default=None, strict=False)


class Operator(Table):
    """A person at the desk and the role they hold there: a row of the code table ``desk_roles`` (06.2)."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    role: str


class Config(Table):
    """A whole configuration, checked; made by ``gateway.config.file.load`` or by a test."""

    gateway: GatewayTable
    listen: Annotated[tuple[Listen, ...], Loose] = ()
    peer: Annotated[tuple[Peer, ...], Loose] = ()
    route: Annotated[tuple[Route, ...], Loose] = ()
    operator: Annotated[tuple[Operator, ...], Loose] = ()

    @property
    def data_dir(self) -> Path:
        """Where store, logs and the control socket lie."""
        return self.gateway.data_dir

    @property
    def log_dir(self) -> Path:
        """Where the log files lie."""
        return self.data_dir / "logs"

    @property
    def database_url(self) -> str:
        """The SQLAlchemy URL of the store, the password read from its file. Raises OSError when that cannot be read."""
        if self.gateway.database is None:
            return f"sqlite:///{self.data_dir / STORE_FILE}"
        if self.gateway.database_password_file is None:
            return self.gateway.database
        password = self.gateway.database_password_file.read_text(encoding="utf-8").strip()
        parts = urlsplit(self.gateway.database)
        user, _, host = parts.netloc.rpartition("@")
        return urlunsplit(parts._replace(netloc=f"{user}:{quote(password, safe='')}@{host}"))

    def peer_of(self, system_id: str) -> Peer | None:
        """The peer with this system id."""
        return next((peer for peer in self.peer if peer.id == system_id), None)

    def with_data_dir(self, data_dir: Path) -> Config:
        """The same configuration with another data directory."""
        return self.model_copy(update={"gateway": self.gateway.model_copy(update={"data_dir": data_dir})})
