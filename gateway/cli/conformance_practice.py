"""``bssgw conformance practice``: a system to try the suite on, right or with a fault of one's choice (spec 07.7).

The simulator knows the suite where the questionnaire says that it listens, so that a run needs nothing but its endpoint.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.conformance import questionnaire
from gateway.cli.conformance_reach import check_address
from gateway.cli.output import EXIT_HELP, CommandFailed, Exit, emit, table
from gateway.cli.settings import json_option

if TYPE_CHECKING:
    from conformance.pics import Pics
    from simulators.defects.flaw import Defect
    from simulators.settings import HostSettings

SUITES = {"pf": "provisioning", "rm": "provisioning", "bill": "billing"}
"""Simulator -> the suite about its own interfaces."""
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_EVERYWHERE = "//0.0.0.0:"


@click.command(epilog=EXIT_HELP)
@click.argument("role", type=click.Choice(tuple(SUITES)))
@click.option("--defect", metavar="NAME", help="带上此缺陷，见 --list。With this fault built in; --list names them.")
@click.option(
    "--list", "listed", is_flag=True, help="列出可选的缺陷与应当发现它的条款。List the faults there are, and their clauses."
)
@click.option("--pics", type=_FILE, help="问卷文件：本套件在何处监听。The questionnaire: where the suite listens.")
@click.option(
    "--listen", metavar="tcp://HOST:PORT", help="监听地址，端口 0 为任意空闲端口。Where it listens; port 0: any free one."
)
@click.option("--seed", type=int, help="随机种子。Seed.")
@json_option
def practice(
    role: str, defect: str | None, listed: bool, pics: Path | None, listen: str | None, seed: int | None, as_json: bool
) -> None:
    """启动一个供练习判定的系统（pf、rm、bill 之一），可带一个缺陷，直到 Ctrl-C；并打印判定它的命令。

    Run a system to practise on (pf, rm or bill), with a fault built in where asked for, until Ctrl-C; prints the command
    that judges it.

    \b
    例 Examples:
      bssgw conformance practice pf
      bssgw conformance practice pf --list
      bssgw conformance practice pf --defect pf-completes-twice
    """
    from twisted.internet import task

    if listed:
        rows = [
            {"name": one.name, "clause": one.clause, "suite": one.suite, "zh": one.zh, "en": one.en} for one in choices(role)
        ]
        cells = [(row["name"], row["clause"], f"{row['zh']}\n{row['en']}") for row in rows]
        heads = ("缺陷 defect", "条款 clause", "错在何处 what is wrong")
        emit(as_json, rows, lambda: table(f"{len(rows)} 个缺陷 defects", heads, cells))
        return
    asked = questionnaire(pics)
    fault = _chosen(role, defect)
    address = listen or asked.listen[role.upper()].replace(_EVERYWHERE, "//127.0.0.1:")
    check_address(address)
    if asked.web:
        zh, en = "练习用的系统只说套接字绑定", "the system to practise on speaks the socket binding only"
        raise CommandFailed(Exit.USAGE, f"{pics}: {zh}", f"{pics}: {en}")
    settings = host_settings(role, asked, address, (defect,) if defect else ())
    task.react(_main, (role, settings, seed, fault, pics, as_json))


def choices(role: str) -> list[Defect]:
    """The faults this simulator can be given."""
    from simulators.defects.flaw import EVERYBODY
    from simulators.defects.seeded import DEFECTS

    return [one for one in DEFECTS.values() if one.system in (role, EVERYBODY) and not one.spoken]


def _chosen(role: str, name: str | None) -> Defect | None:
    """The fault asked for. Raises CommandFailed."""
    from gateway.cli.mistakes import near

    known = {one.name: one for one in choices(role)}
    if name is None or name in known:
        return known[name] if name else None
    meant = near(name, list(known))
    zh, en = (f"，是否指 {meant}？", f"; did you mean {meant}?") if meant else ("", "")
    then = {"try": f"bssgw conformance practice {role} --list"}
    raise CommandFailed(Exit.USAGE, f"{role} 没有缺陷 {name}{zh}", f"{role} has no defect {name}{en}", then=then)


def host_settings(role: str, pics: Pics, address: str, defects: tuple[str, ...]) -> HostSettings:
    """The simulator as a system under test: every other role is the suite, where the questionnaire says it listens."""
    from simulators.fleet import SYSTEMS
    from simulators.settings import HostSettings, LoginSettings, PeerSettings

    system = SYSTEMS[role]
    peers = {
        pics.systems[party]: PeerSettings(
            pics.systems[party], party, place.replace(_EVERYWHERE, "//127.0.0.1:"), pics.layout, pics.charset
        )
        for party, place in pics.listen.items()
        if pics.systems[party] != system
    }
    login = LoginSettings(secret=pics.values["login_secret"], required=True, peer_user=pics.values["login_user"])
    stranger = pics.values["login_system"]
    peers[stranger] = PeerSettings(stranger, "CS", None, pics.layout, pics.charset, login=login)
    return HostSettings(system, address, peers, pics.layout, defects=defects)


def _main(
    reactor: Any, role: str, settings: HostSettings, seed: int | None, fault: Defect | None, pics: Path | None, as_json: bool
) -> Any:
    from twisted.internet.defer import Deferred

    return Deferred.fromCoroutine(_serve(reactor, role, settings, seed, fault, pics, as_json))


async def _serve(
    reactor: Any, role: str, settings: HostSettings, seed: int | None, fault: Defect | None, pics: Path | None, as_json: bool
) -> None:
    from twisted.internet.error import CannotListenError

    from gateway.cli.serving import cannot_listen, ending
    from gateway.clock import Entropy, WallClock
    from gateway.links.endpoints import TcpEndpoints
    from simulators.fleet import FleetSettings, brain_of
    from simulators.host import SimulatorHost

    asked, closed = await ending(reactor)
    try:
        brain = brain_of(role, FleetSettings(), Entropy(seed))
        host = SimulatorHost(brain, settings, WallClock(reactor), Entropy(seed), TcpEndpoints(reactor))
        _tell(role, settings.system, await host.start(), fault, pics, as_json)
        await asked
        await host.stop()
    except CannotListenError as taken:
        failed = cannot_listen(taken)
        failed.show()
        raise SystemExit(failed.exit_code) from taken
    finally:
        closed.callback(None)


def _tell(role: str, system: str, address: str, fault: Defect | None, pics: Path | None, as_json: bool) -> None:
    """Where it listens and how it is judged: lines, or one JSON object in one line."""
    import json

    suite, only = (fault.suite, f" --only {fault.clause}") if fault else (SUITES[role], "")
    given = f" --pics {pics}" if pics else ""
    command = f"bssgw conformance run --suite {suite} --sut {role} --endpoint {address}{given}{only} --report out"
    if as_json:
        told = {"system": system, "listening": address, "defect": fault.name if fault else "", "run": command}
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    said = f"缺陷 defect {fault.name}：{fault.zh} / {fault.en}" if fault else "没有缺陷 no defect"
    click.echo(f"{role}  {system}  监听 listening {address}  {said}")
    click.echo(f"在另一终端 in another terminal:\n  {command}\nCtrl-C 停止 / stops")
