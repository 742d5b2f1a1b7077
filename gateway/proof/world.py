"""One world in one process: gateway, simulated PF, RM, BILL and a channel, under one clock and one seed (spec 06.5).

Core, gateway, worker and simulators are those of reality; only clock, entropy, endpoints and database are others: virtual
time, seeded randomness, an in-memory network with faults, in-memory SQLite.  Everything that crosses a wire goes into a
trace with a digest, so a seed that fails here fails the same way anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.engine import Connection

from adapters.store import queries
from adapters.store.store import Store
from gateway.cli.demo import plan as demo_plan
from gateway.clock import Entropy
from gateway.config.model import Config, GatewayTable, Listen, LoginTable, Peer
from gateway.proof.aloud import unhandled
from gateway.proof.auditor import Violation, audit
from gateway.proof.channel import ChannelBrain
from gateway.proof.fault_plan import PERFECT, FaultPlan
from gateway.proof.heap_clock import HeapClock
from gateway.proof.ledgers import against_billing, against_channel, against_provisioning, against_resources, customers_told
from gateway.proof.memory_store import memory_store
from gateway.proof.network import MemoryNetwork
from gateway.proof.trace import Trace
from gateway.service import Gateway
from schemas.loader import layouts_in, load
from simulators.bill.brain import BillBrain
from simulators.brain import Brain
from simulators.host import SimulatorHost
from simulators.pf.brain import PfBrain
from simulators.rm.brain import RmBrain
from simulators.scripts import Scripts
from simulators.settings import HostSettings, LoginSettings, PeerSettings

NATIVE_VOICE = ("package", "GB18030")
NATIVE_LAYOUT = "ctif-128"
START_MS = 1_795_309_200_000
"""When every world begins: 2026-11-22 09:00 in Shanghai, a working hour."""

CRM, PF, RM, BILL, CHANNEL = "CRM001", "PF0001", "RM0001", "BIL001", "CH0001"
ROLES = {CRM: "CRM", PF: "PF", RM: "RM", BILL: "BILL", CHANNEL: "channel"}
KNOWS = {PF: (CRM, RM), RM: (CRM, PF), BILL: (CRM,), CHANNEL: (CRM,)}
"""Whom each simulated system speaks with."""

_SLICE_MS = 1_000
_FAR_MS = 3_600_000
"""What is due later than this (numbers in quarantine) is nothing under way."""
_SETTLE_MS = 120_000
_PATIENCE_MS = 8 * 3_600_000


def address_of(system: str) -> str:
    """Where a system listens in the in-memory network."""
    return f"mem://{system}"


@dataclass(frozen=True, slots=True)
class WorldPlan:
    """What a world is made of. ``pace_ms`` between two submissions; ``speed`` multiplies the stages' durations; ``direct``
    lets PF and RM, which are no part of what is proven, talk without a wire; ``keep`` says how many lines of the trace are
    kept (``None``: all); ``scripts``: what the simulated systems do otherwise than usual; ``layouts``: the header layout a
    system and the CRM speak with each other where it is not the native one, ``layouts_in`` a folder with layouts
    besides those that ship; ``voices`` envelope and charset of a system and the CRM likewise; ``hub``: PF and RM
    know each other's address only as the CRM's, which hands on what they say; ``secret_file``: the CRM and all others log
    in with each other, with the secret it holds."""

    seed: int
    orders: int
    faults: FaultPlan = PERFECT
    pace_ms: int = 100
    speed: float = 1.0
    direct: bool = False
    keep: int | None = 0
    scripts: Scripts = field(default_factory=Scripts)
    layouts: dict[str, str] = field(default_factory=dict)
    layouts_in: Path | None = None
    voices: dict[str, tuple[str, str]] = field(default_factory=dict)
    hub: bool = False
    secret_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended. ``unmet``: orders without their expected end; ``defects``: exceptions nobody handled; ``virtual_ms``:
    how long it took in virtual time; ``faults``: what the network dealt."""

    quiet: bool
    digest: str
    lines: int
    virtual_ms: int
    violations: list[Violation] = field(default_factory=list)
    unmet: list[str] = field(default_factory=list)
    defects: list[str] = field(default_factory=list)
    faults: dict[str, int] = field(default_factory=dict)

    @property
    def sound(self) -> bool:
        """Whether everything is as it must be."""
        return self.quiet and not (self.violations or self.unmet or self.defects)


class World:
    """Builds everything; ``run`` plays it to quiescence and judges it."""

    def __init__(self, plan: WorldPlan) -> None:
        self.plan = plan
        self.clock = HeapClock(START_MS)
        self._entropy = Entropy(plan.seed)
        self.trace = Trace(self.clock, plan.keep)
        self.network = MemoryNetwork(self.clock, self._branch(), plan.faults, self.trace.wire)
        self.catalogue = load()
        self.engine = memory_store()
        self.store = Store(self.engine)
        self.gateway = Gateway(_config(plan), self.clock, self._branch(), self.network, self.store)
        orders = demo_plan(plan.orders, 0)
        self.channel = ChannelBrain(orders, self.catalogue, self._customer_of, START_MS + 1_000, plan.pace_ms)
        self.provisioning = PfBrain(self._branch(), plan.speed, script=plan.scripts.pf)
        brains: dict[str, Brain] = {
            PF: self.provisioning,
            RM: RmBrain(script=plan.scripts.rm),
            BILL: BillBrain(script=plan.scripts.bill),
            CHANNEL: self.channel,
        }
        self.hosts = {system: self._host(system, brain) for system, brain in brains.items()}
        if plan.direct:
            self.hosts[PF].join(self.hosts[RM])

    def _branch(self) -> Entropy:
        """A randomness of its own for one part, so that what one part draws does not move the others."""
        return Entropy(int.from_bytes(self._entropy.token(8), "big"))

    def _host(self, system: str, brain: Brain) -> SimulatorHost:
        layouts = self.plan.layouts
        peers = {
            other: PeerSettings(other, ROLES[other], address_of(other), layouts.get(other, NATIVE_LAYOUT))
            for other in KNOWS[system]
        }
        layout, (envelope, charset) = layouts.get(system, NATIVE_LAYOUT), self.plan.voices.get(system, NATIVE_VOICE)
        crm = peers[CRM] = PeerSettings(
            CRM, ROLES[CRM], listener_of(layout), layout, charset, envelope=envelope, login=_login(self.plan, system)
        )
        if self.plan.hub:
            peers |= {other: crm.beyond(other, ROLES[other]) for other in KNOWS[system] if other != CRM}
        settings = HostSettings(
            system, address_of(system), peers, layouts.get(system, NATIVE_LAYOUT), layouts=layouts_in(self.plan.layouts_in)
        )
        return SimulatorHost(brain, settings, self.clock, self._branch(), self.network)

    def _customer_of(self, customer_order: str) -> str | None:
        with self.engine.connect() as connection:
            return queries.customer_of(connection, customer_order)

    def start(self) -> None:
        """Everybody listens and connects."""
        for host in self.hosts.values():
            host.start()
        self.gateway.start()

    def run(self) -> Outcome:
        """From the first order to quiescence."""
        self.start()
        return self.finish()

    def finish(self) -> Outcome:
        """From wherever it stands to quiescence, and the judgement."""
        with unhandled() as defects:
            quiet = self._play()
            virtual = self.clock.now() - START_MS
            with self.engine.connect() as connection:
                violations = self.audit(connection, quiet)
                self.trace.note("end", self._head(connection))
        if self.gateway.writer.figures.failed:
            defects.append(f"{self.gateway.writer.figures.failed} jobs of the worker failed")
        return Outcome(
            quiet,
            self.trace.digest(),
            self.trace.count,
            virtual,
            violations,
            self.channel.unmet(),
            defects,
            dict(self.network.counts),
        )

    def audit(self, connection: Connection, quiet: bool) -> list[Violation]:
        """The store by itself, and against what everybody remembers."""
        ledgers = {system: host.ledger for system, host in self.hosts.items()}
        return [
            *audit(connection, self.catalogue, quiet=quiet),
            *against_channel(connection, CHANNEL, ledgers[CHANNEL]),
            *customers_told(connection, CHANNEL, ledgers[CHANNEL], quiet=quiet),
            *against_provisioning(connection, PF, ledgers[PF], quiet=quiet),
            *against_resources(connection, RM, ledgers[RM], CRM),
            *against_billing(connection, BILL, ledgers[BILL], quiet=quiet),
        ]

    def is_quiet(self) -> bool:
        """Whether every order has ended and nothing is under way anywhere."""
        if not self.channel.done or self.gateway.writer.waiting:
            return False
        if any(sum(self.gateway.pump.waiting(system)) for system in self.gateway.links):
            return False
        soon = self.clock.now() + _FAR_MS
        dues = [host.brain.next_due() for host in self.hosts.values()]
        return not any(host.waiting for host in self.hosts.values()) and all(due is None or due > soon for due in dues)

    def _play(self) -> bool:
        until = START_MS + _PATIENCE_MS
        while not self.is_quiet():
            if self.clock.now() >= until:
                return False
            self.clock.advance(_SLICE_MS)
        self.clock.advance(_SETTLE_MS)
        return self.is_quiet()

    @staticmethod
    def _head(connection: Connection) -> str:
        """The last link of the store's history, which stands for all of it."""
        rows = connection.exec_driver_sql("SELECT seq, hash FROM history ORDER BY chain, seq DESC LIMIT 1").all()
        return " ".join(f"{seq} {bytes(digest).hex()}" for seq, digest in rows)


def listener_of(layout: str) -> str:
    """Where the CRM listens in a layout."""
    return address_of(CRM) if layout == NATIVE_LAYOUT else address_of(f"{CRM}-{layout}")


def _login(plan: WorldPlan, system: str) -> LoginSettings:
    """How ``system`` and the CRM log in with each other."""
    if plan.secret_file is None:
        return LoginSettings()
    return LoginSettings(system, plan.secret_file.read_text(encoding="utf-8"), required=True)


def _config(plan: WorldPlan) -> Config:
    spoken = {system: plan.layouts.get(system, NATIVE_LAYOUT) for system in KNOWS}
    secret = plan.secret_file
    login = LoginTable() if secret is None else LoginTable(user=CRM, required=True, secret_file=secret)
    peers = [
        Peer(
            id=system, role=ROLES[system], connect=(address_of(system),), listen=layout, layout=layout,  # type: ignore[arg-type]
            envelope=envelope, charset=charset,  # type: ignore[arg-type]
            login=login,
        )
        for system, layout in spoken.items()
        for envelope, charset in (plan.voices.get(system, NATIVE_VOICE),)
    ]  # fmt: skip
    names = dict.fromkeys((NATIVE_LAYOUT, *spoken.values()))
    listens = tuple(Listen(name=name, address=listener_of(name), layout=name) for name in names)
    areas = ("025", "0512", "020", "0755")
    table = GatewayTable(system_id=CRM, data_dir=Path("memory"), areas=areas, layouts=plan.layouts_in)
    return Config(gateway=table, listen=listens, peer=tuple(peers))
