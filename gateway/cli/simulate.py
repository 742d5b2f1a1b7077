"""``bssgw simulate``: simulated provisioning, resource management and billing as real listening peers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.choosing import SIMULATED
from gateway.cli.output import EXIT_HELP, CommandFailed, Exit, cut_short
from gateway.cli.settings import configured, json_option, store_options

if TYPE_CHECKING:
    from gateway.clock import Clock, Entropy
    from gateway.config.model import Config, Peer
    from gateway.links.endpoints import AddressInvalid
    from simulators.fleet import Fleet, FleetSettings
    from simulators.host import SimulatorHost
    from simulators.ports import Endpoints
    from simulators.scripts import Scripts
    from simulators.settings import PeerSettings


@click.command(epilog=EXIT_HELP)
@click.argument("names", nargs=-1, required=True, metavar="NAME...", type=SIMULATED)
@click.option("--seed", type=int, help="随机种子：相同种子与时钟，行为相同。The same seed and clock, the same behaviour.")
@click.option(
    "--speed",
    type=click.FloatRange(0, 10_000),
    default=1.0,
    show_default=True,
    help="环节快慢的倍数，0 为立即完成。How many times as fast stages are done; 0: at once.",
)
@click.option("--crm", metavar="ADDRESS", help="CRM 的监听地址。Where the CRM listens; default: the configuration's.")
@click.option(
    "--listen-base",
    metavar="ADDRESS",
    help="起始监听地址，端口依次加一，端口 0 为任意空闲端口；缺省取自配置。"
    "First address to listen at, one port further each; port 0: any free one. Default: the configuration's.",
)
@click.option(
    "--script",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="脚本：哪些定单退单、缺资源、变慢等。Script (TOML): which orders are returned, lack resources, are slow...",
)
@click.option("--direct", is_flag=True, help="PF 与 RM 在进程内直接传递。PF and RM hand over in the process, not by socket.")
@store_options
@json_option
def simulate(
    names: tuple[str, ...],
    seed: int | None,
    speed: float,
    crm: str | None,
    listen_base: str | None,
    script: Path | None,
    direct: bool,
    config_path: Path | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """启动模拟器 NAME（pf rm bill），打印各自的监听地址，直到 Ctrl-C。

    Run the simulators NAME (pf rm bill), print where each listens, serve until Ctrl-C.

    \b
    例 Examples:
      bssgw simulate pf rm bill
      bssgw simulate pf rm bill --script story.toml
      bssgw simulate pf --speed 20 --seed 7 --crm tcp://127.0.0.1:7100 --listen-base tcp://127.0.0.1:0
    """
    from dataclasses import replace

    from twisted.internet import task

    from gateway.links.endpoints import AddressInvalid, parse_address

    config = configured(config_path, data_dir)
    _on_sockets(config, names)
    settings = replace(_settings(config, crm, _factor(speed)), direct=direct, scripts=_scripts(script))
    try:
        parse_address(settings.crm or "")
        at = _addresses(config, names, listen_base)
    except AddressInvalid as fault:
        raise _no_address(fault) from fault
    elsewhere = {} if listen_base else _elsewhere(config, names)
    desk = config.data_dir if data_dir is not None or config.data_dir.is_dir() else None
    task.react(_main, (names, replace(settings, listen_at=at, elsewhere=elsewhere), seed, desk, as_json))


def _no_address(fault: AddressInvalid) -> CommandFailed:
    return CommandFailed(Exit.USAGE, f"地址 {fault.address} {fault.zh}", f"address {fault.address} {fault.en}")


def _scripts(path: Path | None) -> Scripts:
    """The scripts in a file, or none."""
    from simulators.pf.script import ScriptInvalid
    from simulators.scripts import Scripts, scripts_of

    if path is None:
        return Scripts()
    try:
        return scripts_of(path)
    except (ScriptInvalid, OSError) as fault:
        zh, _, en = str(fault).partition(" / ")
        raise CommandFailed(Exit.USAGE, zh, en or zh) from fault


def hosts_of(config: Config, clock: Clock, entropy: Entropy, endpoints: Endpoints, speed: float) -> list[SimulatorHost]:
    """Hosts for every peer of the configuration that can be simulated, at the addresses it names; not started yet.

    ``speed`` is how many times as fast stages are done, 0 = at once.
    """
    from simulators.fleet import brain_of
    from simulators.host import SimulatorHost

    rows = _simulated(config)
    _on_sockets(config, tuple(rows))
    settings = _settings(config, None, _factor(speed))
    return [
        SimulatorHost(brain_of(name, settings, entropy), _host_settings(config, name, rows), clock, entropy, endpoints)
        for name in rows
    ]


def _factor(speed: float) -> float:
    """What durations are multiplied with."""
    return 1 / speed if speed else 0.0


def _simulated(config: Config) -> dict[str, Peer]:
    """Peers there is a simulator for, by its name; the first of a role counts. Raises CommandFailed for one on TLS."""
    from simulators.fleet import SYSTEMS

    rows: dict[str, Peer] = {}
    for peer in config.peer:
        if peer.role.lower() in SYSTEMS and peer.connect:
            rows.setdefault(peer.role.lower(), peer)
    for peer in rows.values():
        if peer.connect[0].startswith("tls://") or _crm_row(config, peer).tls is not None:
            raise CommandFailed(
                Exit.USAGE,
                f"模拟器不说 TLS，而 {peer.id} 要求 TLS：试用时写 tcp://，并去掉 [listen.tls]",
                f"simulators speak no TLS and {peer.id} asks for it: to try things out write tcp:// and leave [listen.tls] out",
            )
    return rows


def _on_sockets(config: Config, names: tuple[str, ...]) -> None:
    """Simulators speak over sockets. Raises CommandFailed where one of ``names`` is a peer on HTTP."""
    rows = _simulated(config)
    others = " ".join(name for name, row in rows.items() if row.binding == "socket")
    for name in names:
        row = rows.get(name)
        if row is not None and row.binding != "socket":
            zh = f"模拟器只走套接字，而 {row.id} 用 {row.binding}：请用对端自己的系统"
            en = f"simulators speak over sockets and {row.id} over {row.binding}: use the peer's own system"
            line = f"bssgw simulate {others}"
            raise CommandFailed(Exit.USAGE, *((f"{zh}，其余 {line}", f"{en}, for the others {line}") if others else (zh, en)))


def _crm_row(config: Config, peer: Peer | None) -> Any:
    """The listener a peer connects to."""
    named = [row for row in config.listen if peer is not None and row.name == peer.listen]
    return (named or list(config.listen))[0]


def _host_settings(config: Config, name: str, rows: dict[str, Peer]) -> Any:
    from schemas.loader import layouts_in
    from simulators.settings import HostSettings, PeerSettings

    own = rows[name]
    listen = _crm_row(config, own)
    crm = config.gateway.system_id
    to_crm = _manner(config, own, listen.address, listen.layout)
    peers = {crm: to_crm}
    for other, row in rows.items():
        if other != name and _same_manner(own, row):
            peers[row.id] = PeerSettings(row.id, row.role, row.connect[0], row.layout, row.charset)
        elif other != name:  # they could not read each other: what they say goes through the gateway
            peers[row.id] = to_crm.beyond(row.id, row.role)
    return HostSettings(own.id, own.connect[0], peers, own.layout, layouts=layouts_in(config.gateway.layouts))


def _same_manner(one: Peer, other: Peer) -> bool:
    """Whether two peers can understand each other without anybody between them."""
    return (one.layout, one.envelope, one.dialect) == (other.layout, other.envelope, other.dialect)


def _settings(config: Config, crm: str | None, factor: float) -> FleetSettings:
    from dataclasses import replace

    from gateway.config.products import families_of
    from schemas.loader import layouts_in
    from simulators.fleet import FleetSettings

    first = _crm_row(config, None)
    manners = {}
    logged_in = any(row.login.required or row.login.user for row in _simulated(config).values())
    for name, row in _simulated(config).items():
        listen = _crm_row(config, row)
        elsewhere = crm is None and listen.address != first.address
        if logged_in or elsewhere or (row.envelope, row.layout) != ("package", first.layout):
            manners[name] = _manner(config, row, listen.address if crm is None else crm, listen.layout)
        if row.binding != "socket":  # nobody here speaks so: it is reached through the gateway
            manners[name] = replace(_manner(config, row, "", listen.layout), layout=row.binding)
    return FleetSettings(
        speed=factor, crm=crm or first.address, crm_system=config.gateway.system_id, layout=first.layout, manners=manners,
        layouts=layouts_in(config.gateway.layouts), families=families_of(config.gateway.products),
    )  # fmt: skip


def _manner(config: Config, row: Peer, address: str, layout: str) -> PeerSettings:
    """How the simulated system of a peer row speaks with the CRM: as the row says, seen from its side."""
    from adapters.envelopes.dialect import mirrored
    from simulators.settings import LoginSettings, PeerSettings

    crm = config.gateway.system_id
    dialect = mirrored(row.dialect.dialect(row.id, crm, row.schema_version, row.mode))
    login = LoginSettings()
    if row.login.required or row.login.user:
        user = (row.login.peer_user or row.id) if row.login.required else ""
        login = LoginSettings(user, row.login.secret(), bool(row.login.user), row.login.user)
    return PeerSettings(
        crm, "CRM", address, layout, row.charset, row.mode, row.long, login=login, envelope=row.envelope, dialect=dialect
    )


def _addresses(config: Config, names: tuple[str, ...], base: str | None) -> dict[str, str]:
    """Where each listens. Raises AddressInvalid."""
    from gateway.links.endpoints import parse_address

    if base is None:
        return {name: row.connect[0] for name, row in _simulated(config).items() if name in names}
    first = parse_address(base)
    head, _, _ = base.rpartition(":")
    return {name: f"{head}:{first.port + n if first.port else 0}" for n, name in enumerate(dict.fromkeys(names))}


def _elsewhere(config: Config, names: tuple[str, ...]) -> dict[str, str]:
    """Simulators the configuration knows that are not asked for: they run in another process."""
    return {name: row.connect[0] for name, row in _simulated(config).items() if name not in names}


def _main(
    reactor: Any, names: tuple[str, ...], settings: FleetSettings, seed: int | None, desk: Path | None, as_json: bool
) -> Any:
    from twisted.internet.defer import Deferred

    return Deferred.fromCoroutine(_serve(reactor, names, settings, seed, desk, as_json)).addErrback(cut_short, as_json)


async def _serve(
    reactor: Any, names: tuple[str, ...], settings: FleetSettings, seed: int | None, desk: Path | None, as_json: bool
) -> None:
    """``desk``: the data directory beside whose gateway people at the simulated systems can be asked for things."""
    from twisted.internet.error import CannotListenError

    from gateway.cli.serving import cannot_listen, ending
    from gateway.cli.simulators_desk import open_desks
    from gateway.clock import Entropy, WallClock
    from gateway.links.endpoints import AddressInvalid, TcpEndpoints
    from simulators.fleet import start_fleet

    asked, closed = await ending(reactor)
    try:
        endpoints = TcpEndpoints(reactor)
        fleet = await start_fleet(names, settings, WallClock(reactor), Entropy(seed), endpoints)
        desks = [] if desk is None else await open_desks(fleet.hosts.values(), desk, endpoints)
        _tell(fleet, as_json)
        await asked
        for port in desks:
            await port.stopListening()
        await fleet.stop()
        if not as_json:
            click.echo("已停止 / stopped")
    except CannotListenError as fault:
        failed = cannot_listen(fault)
        failed.show()
        raise SystemExit(failed.exit_code) from fault
    except AddressInvalid as fault:
        failed = _no_address(fault)
        failed.show()
        raise SystemExit(failed.exit_code) from fault
    finally:
        closed.callback(None)


def _crm_of(fleet: Fleet, name: str) -> str | None:
    """Where a simulator connects to the CRM."""
    return fleet.hosts[name].settings.peers[fleet.crm_system].address


def _tell(fleet: Fleet, as_json: bool) -> None:
    """Where each listens: one line each, or one JSON object in one line."""
    if as_json:
        click.echo(json.dumps({"listening": fleet.addresses, "crm": {name: _crm_of(fleet, name) for name in fleet.hosts}}))
        return
    for name, address in fleet.addresses.items():
        click.echo(f"{name}  {fleet.hosts[name].settings.system}  监听 listening {address}  → CRM {_crm_of(fleet, name)}")
    click.echo("Ctrl-C 停止 / stops")
