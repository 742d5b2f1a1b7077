"""``bssgw conformance load``: up to which rate a system answers in time (spec 07.6)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.conformance_reach import Reach, asked_of, tls_options
from gateway.cli.output import EXIT_HELP, CommandFailed, Exit, emit, table
from gateway.cli.settings import json_option

if TYPE_CHECKING:
    from conformance.pics import Pics


@click.command(epilog=EXIT_HELP)
@click.option("--sut", required=True, help="被测角色。The role under test: pf, rm, crm, bill.")
@click.option("--endpoint", required=True, metavar="tcp://HOST:PORT", help="被测方监听处。Where it listens.")
@click.option("--pics", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="问卷文件。The questionnaire.")
@click.option("--rates", default="10,20,50,100,200", show_default=True, help="每秒请求数，逐级。Requests a second, in steps.")
@click.option("--seconds", type=click.IntRange(1, 3600), default=5, show_default=True, help="每级时长。How long each step.")
@click.option("--limit", type=click.IntRange(1, 600_000), default=1000, show_default=True, help="p99 上限（毫秒）。p99, in ms.")
@click.option("--width", type=click.IntRange(1, 64), default=4, show_default=True, help="连接数。Connections.")
@tls_options
@json_option
def load(
    sut: str, endpoint: str, pics: Path | None, rates: str, seconds: int, limit: int, width: int, as_json: bool,
    tls: dict[str, str],
) -> None:  # fmt: skip
    """以逐级升高的速率发送链路测试，给出“在 N 个/秒内合格，p99”。只查询，不写入。

    Send link tests at rising rates: conformant up to N/s, p99. It only asks and writes nothing.

    \b
    例 Examples:
      bssgw conformance load --sut pf --endpoint tcp://192.0.2.7:7101 --rates 50,100,200,400 --limit 500
    """
    from twisted.internet import task

    from conformance.selection import ROLES

    if sut.lower() not in ROLES:
        there = " ".join(ROLES)
        raise CommandFailed(Exit.USAGE, f"未知角色 {sut}，可用 {there}", f"no role {sut}; there are {there}")
    steps = [int(text) for text in rates.split(",") if text.strip().isdigit() and int(text)]
    if len(steps) != len(rates.split(",")):
        raise CommandFailed(Exit.USAGE, "--rates 须为逗号分隔的正整数", "--rates is positive integers by commas")
    task.react(_main, (sut.upper(), endpoint, asked_of(pics, endpoint, tls), steps, seconds, limit, width, as_json))


def _main(reactor: Any, *asked: Any) -> Any:
    from twisted.internet.defer import Deferred

    return Deferred.fromCoroutine(_measure(reactor, *asked))


async def _measure(
    reactor: Any, sut: str, endpoint: str, pics: Pics, rates: list[int], seconds: int, limit: int, width: int, as_json: bool
) -> None:  # fmt: skip
    from twisted.internet.error import ConnectError

    from conformance.door import Door
    from conformance.load import Load, profile
    from conformance.paper import Paper
    from conformance.selection import peer_of
    from gateway.clock import Entropy, WallClock
    from schemas.loader import load as catalogue

    entropy = Entropy()
    paper = Paper(catalogue(), pics, sut, entropy.below(1_000_000_000), endpoint, entropy)
    clock = WallClock(reactor)
    reach = Reach(reactor, clock, pics.tls)
    measured = Load(paper, peer_of(sut), endpoint, clock, reach, width, limit, door=Door(paper, entropy))
    try:
        found = profile(await measured.run(rates, seconds))
    except ConnectError as fault:
        CommandFailed(Exit.UNREACHABLE, f"{endpoint} 连不上：{fault}", f"{endpoint} cannot be reached: {fault}").show()
        raise SystemExit(int(Exit.UNREACHABLE)) from fault
    emit(as_json, found, lambda: _show(found))
    if not found["up_to"]:
        raise SystemExit(int(Exit.FAILED))


def _show(found: dict[str, Any]) -> None:
    names = ("rate", "sent", "answered", "p50_ms", "p99_ms", "max_ms")
    rows = [(*(step[name] for name in names), step["fault"] or "✔") for step in found["steps"]]
    table("", ("每秒 rate", "发出 sent", "应答 answered", "p50 ms", "p99 ms", "max ms", ""), rows)
    if found["up_to"]:
        click.echo(f"在 {found['up_to']} 个/秒内合格 conformant up to {found['up_to']}/s · p99 {found['p99_ms']} ms")
    else:
        click.echo("最低一级也未达到 not even the lowest rate was held")
