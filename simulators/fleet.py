"""Simulated systems together: what the command line, the demo, the simulation world and the measuring programs start.

Every system listens at its own address; those of one fleet know each other.  The CRM's address may be told later
(``Fleet.reach_crm``): what is for it waits until then.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.python.failure import Failure

from adapters.wire.settings import SessionSettings
from schemas.loader import load
from schemas.model import LayoutRow
from simulators.bill.brain import BillBrain
from simulators.brain import Brain
from simulators.host import SimulatorHost
from simulators.installed import Installed
from simulators.pf.brain import PfBrain
from simulators.pf.processes import shipped
from simulators.ports import Clock, Endpoints, Entropy
from simulators.rm.brain import RmBrain
from simulators.scripts import Scripts
from simulators.settings import HostSettings, PeerSettings

SYSTEMS = {"pf": "PF0001", "rm": "RM0001", "bill": "BIL001"}
"""System ids of the fleet, by the name a person asks for."""
ROLES = tuple(SYSTEMS)


@dataclass(frozen=True, slots=True)
class FleetSettings:
    """``speed`` multiplies the durations of stages (0 = at once); ``listen`` where each listens (``{name}`` is filled in),
    ``listen_at`` by name where one differs; ``crm`` where the CRM listens, None = told later; ``direct``: PF and RM hand
    documents to each other in the process instead of over sockets; ``scale`` multiplies the plant; ``installed`` what stands
    already; ``elsewhere`` addresses, by name, of simulators that run in another process; ``scripts`` what goes
    otherwise than usual; ``manners``: how one, by name, speaks with the CRM where that is its own; two that differ in it reach
    each other through the CRM only; ``layouts``: rows of layouts besides those that ship; ``families``: products besides those
    that ship, by code, with the product family in whose ways each is simulated."""

    speed: float = 1.0
    listen: str = "tcp://127.0.0.1:0"
    listen_at: dict[str, str] = field(default_factory=dict)
    crm: str | None = None
    crm_system: str = "CRM001"
    layout: str = "ctif-128"
    charset: str = "GB18030"
    direct: bool = False
    scale: float = 1.0
    receipt_ms: int = 15_000
    installed: tuple[Installed, ...] = ()
    elsewhere: dict[str, str] = field(default_factory=dict)
    plant: dict[str, Any] | None = None
    session: SessionSettings = field(default_factory=SessionSettings)
    scripts: Scripts = field(default_factory=Scripts)
    manners: dict[str, PeerSettings] = field(default_factory=dict)
    layouts: tuple[LayoutRow, ...] = ()
    families: dict[str, str] = field(default_factory=dict)


class UnknownRole(ValueError):
    """Nobody simulates this; the text names those that are there."""

    def __init__(self, name: str) -> None:
        known = " ".join(ROLES)
        super().__init__(f"没有模拟系统 {name}，可用：{known} / no simulator {name}; there are: {known}")
        self.name = name


@dataclass(slots=True)
class Fleet:
    """What runs: hosts by name, addresses by name."""

    hosts: dict[str, SimulatorHost]
    crm_system: str

    @property
    def addresses(self) -> dict[str, str]:
        """Where each listens, by name."""
        return {name: host.address for name, host in self.hosts.items()}

    @property
    def ledgers(self) -> dict[str, dict[str, Any]]:
        """What each remembers, by name, for the auditor."""
        return {name: host.ledger for name, host in self.hosts.items()}

    @property
    def idle(self) -> bool:
        """Whether nothing is under way or due in any of them."""
        return all(host.idle for host in self.hosts.values())

    def reach_crm(self, address: str) -> None:
        """The CRM listens here."""
        for host in self.hosts.values():
            host.reach(self.crm_system, address)

    def stop(self) -> Deferred[None]:
        """Stop all; the hosts may start again."""
        return gatherResults([host.stop() for host in self.hosts.values()]).addCallback(lambda _: None)


def start_fleet(
    roles: tuple[str, ...], settings: FleetSettings, clock: Clock, entropy: Entropy, endpoints: Endpoints
) -> Deferred[Fleet]:
    """Start simulators by name (``pf rm bill``). Fires when all listen; raises UnknownRole, fails if one cannot listen."""
    for name in (*roles, *settings.elsewhere):
        if name not in SYSTEMS:
            raise UnknownRole(name)
    names = tuple(dict.fromkeys(roles))
    hosts = {
        name: SimulatorHost(brain_of(name, settings, entropy), _host_settings(name, names, settings), clock, entropy, endpoints)
        for name in names
    }
    fleet = Fleet(hosts, settings.crm_system)
    if settings.direct and "pf" in hosts and "rm" in hosts:
        hosts["pf"].join(hosts["rm"])
    started = gatherResults([host.start() for host in hosts.values()], consumeErrors=True)
    return started.addCallbacks(lambda _: _introduce(fleet, settings), lambda reason: _call_off(fleet, reason))


def _call_off(fleet: Fleet, reason: Failure) -> Deferred[Any]:
    """One cannot start: the others stop, and why it could not is the outcome."""
    first = reason.value
    cause = first.subFailure if isinstance(first, FirstError) else reason
    return fleet.stop().addCallback(lambda _: cause)


def brain_of(name: str, settings: FleetSettings, entropy: Entropy) -> Brain:
    """A fresh brain by the simulator's name. Raises UnknownRole."""
    if name not in _BRAINS:
        raise UnknownRole(name)
    return _BRAINS[name](settings, entropy)


def _introduce(fleet: Fleet, settings: FleetSettings) -> Fleet:
    """Everybody listens: tell those of the fleet where the others are."""
    for host in fleet.hosts.values():
        for other, address in fleet.addresses.items():
            known = host.settings.peers.get(SYSTEMS[other])
            if known is not None and known.address is None and not settings.direct:
                host.reach(SYSTEMS[other], address)
    return fleet


def _host_settings(name: str, names: tuple[str, ...], settings: FleetSettings) -> HostSettings:
    own = settings.manners.get(name)
    crm = _peer(settings.crm_system, "CRM", settings.crm, settings)
    if own is not None:
        crm = replace(own, system=crm.system, role=crm.role, address=own.address or crm.address, session=crm.session)
    known = {settings.crm_system: crm}
    for other in dict.fromkeys((*names, *settings.elsewhere)):
        if other != name and _talk(name.upper(), other.upper()):
            peer = _peer(SYSTEMS[other], other.upper(), settings.elsewhere.get(other), settings)
            apart = _manner(own, settings) != _manner(settings.manners.get(other), settings)
            known[peer.system] = crm.beyond(peer.system, peer.role) if apart else peer
    return HostSettings(
        system=SYSTEMS[name],
        listen=settings.listen_at.get(name) or settings.listen.format(name=name),
        peers=known,
        layout=settings.layout if own is None else own.layout,
        session=settings.session,
        receipt_ms=settings.receipt_ms,
        layouts=settings.layouts,
    )


def _talk(one: str, other: str) -> bool:
    """Whether the interface has a message between these roles."""
    pair = {one, other}
    return any({route.sender, route.receiver} == pair for row in load().messages() for route in row.routes)


def _manner(one: PeerSettings | None, settings: FleetSettings) -> tuple[str, str]:
    """How somebody speaks with the CRM; two who speak with it alike can speak with each other."""
    return (settings.layout, "package") if one is None else (one.layout, one.envelope)


def _peer(system: str, role: str, address: str | None, settings: FleetSettings) -> PeerSettings:
    return PeerSettings(system, role, address, settings.layout, settings.charset, session=settings.session)


def _pf(settings: FleetSettings, entropy: Entropy) -> Brain:
    return PfBrain(entropy, settings.speed, shipped().alike(settings.families), settings.scripts.pf)


def _rm(settings: FleetSettings, entropy: Entropy) -> Brain:
    return RmBrain(settings.plant, settings.scale, settings.installed, settings.scripts.rm, settings.speed, settings.families)


def _bill(settings: FleetSettings, entropy: Entropy) -> Brain:
    return BillBrain(settings.installed, settings.scripts.bill, any_plan=bool(settings.families))


_BRAINS: dict[str, Callable[[FleetSettings, Entropy], Brain]] = {"pf": _pf, "rm": _rm, "bill": _bill}
