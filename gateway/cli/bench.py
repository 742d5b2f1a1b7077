"""``bssgw bench``: what this program does a second, on this machine, measured on real processes and sockets."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from gateway.cli.output import EXIT_HELP, CommandFailed, Exit, emit, table
from gateway.cli.settings import json_option

MEMORY_ORDERS = 100_000
OPEN_ORDERS = 100_000
AT_ONCE = 256
"""Orders a load keeps outstanding: two groups of the worker's are in work at a time, the rest is on its way (decision 020)."""
LIFECYCLES_AT_ONCE = {"plain": AT_ONCE, "mixed": 2 * AT_ONCE}
"""Orders somebody wants something of rest in the field meanwhile: more of them keep the gateway as busy."""

ledger_option = click.option(
    "--ledger",
    type=click.Path(path_type=Path, dir_okay=False),
    help="把结果追加到此 JSONL 文件。Append the figures to this JSONL file.",
)
seconds_option = click.option("--seconds", type=click.FloatRange(0.2, 3600), default=10.0, show_default=True,
                              help="每次测量的秒数。Seconds of a measurement.")  # fmt: skip


def rounds_option(default: int) -> Callable[[Any], Any]:
    """``--rounds``; medians count."""
    return click.option("--rounds", type=click.IntRange(1, 99), default=default, show_default=True,
                        help="测几轮，取中位数。Rounds; medians count.")  # fmt: skip


def window_option(default: int) -> Callable[[Any], Any]:
    """``--window``."""
    return click.option("--window", type=click.IntRange(1, 100_000), default=default, show_default=True,
                        help="同时未完成的定单数。Orders outstanding at a time.")  # fmt: skip


@click.group(epilog=EXIT_HELP)
def bench() -> None:
    """性能测量：真实进程、真实套接字、SQLite 全同步。Measure: real processes and sockets, SQLite in full synchronisation.

    \b
    例 Example:  bssgw bench intake --json
    """


@bench.command(epilog=EXIT_HELP)
@seconds_option
@rounds_option(3)
@window_option(AT_ONCE)
@ledger_option
@json_option
def intake(seconds: float, rounds: int, window: int, ledger: Path | None, as_json: bool) -> None:
    """每秒受理多少定单，并与最简流水线比较。Durable SubmitOrders a second, beside a bare pipeline on the same load.

    \b
    例 Example:  bssgw bench intake --seconds 10 --json
    """
    from gateway.bench.intake import measure

    _measured("intake", lambda: measure(seconds, rounds, window, _progress), ledger, as_json)


@bench.command(epilog=EXIT_HELP)
@seconds_option
@click.option("--orders", type=click.IntRange(1, 10_000_000), default=None,
              help="改为走完这么多定单。End after so many orders instead.")  # fmt: skip
@click.option("--profile", type=click.Choice(["plain", "mixed"]), default="plain", show_default=True,
              help="mixed：四成定单改单、撤单、待装、缓装、锁单或退单。mixed: of four in ten more is wanted.")  # fmt: skip
@click.option("--window", type=click.IntRange(1, 100_000), default=None,
              help="同时未完成的定单数，缺省 {plain}（mixed {mixed}）。Orders outstanding; default {plain} (mixed {mixed})."
              .format_map(LIFECYCLES_AT_ONCE))  # fmt: skip
@ledger_option
@json_option
def lifecycle(
    seconds: float, orders: int | None, profile: str, window: int | None, ledger: Path | None, as_json: bool
) -> None:
    """每秒走完多少定单（派单到计费）。Whole orders a second, from submission to billing, with simulated peers.

    \b
    例 Examples:
      bssgw bench lifecycle --json
      bssgw bench lifecycle --profile mixed --json
    """
    from gateway.bench.lifecycle import measure

    # An order never takes an hour: where a number of orders is asked for, it ends the measurement, not the time.
    limit = seconds if orders is None else orders * 3600.0
    most = window or LIFECYCLES_AT_ONCE[profile]
    _measured("lifecycle", lambda: measure(limit, most, _progress, orders, profile), ledger, as_json)


@bench.command(epilog=EXIT_HELP)
@click.option("--orders", type=click.IntRange(1, 10_000_000), default=OPEN_ORDERS, show_default=True,
              help="在途定单数。Open orders.")  # fmt: skip
@rounds_option(3)
@ledger_option
@json_option
def start(orders: int, rounds: int, ledger: Path | None, as_json: bool) -> None:
    """启动到就绪的时间：空库，以及有许多在途定单时。Start to ready, on an empty store and with many open orders.

    \b
    例 Example:  bssgw bench start --json
    """
    from gateway.bench.start import measure

    _measured("start", lambda: measure(orders, rounds, _progress), ledger, as_json)


@bench.command(epilog=EXIT_HELP)
@click.option("--orders", type=click.IntRange(1, 10_000_000), default=MEMORY_ORDERS, show_default=True,
              help="走完多少定单。Orders to do.")  # fmt: skip
@window_option(AT_ONCE)
@ledger_option
@json_option
def memory(orders: int, window: int, ledger: Path | None, as_json: bool) -> None:
    """走完许多定单时网关的最大内存。The most memory of a gateway while it does many whole orders.

    \b
    例 Example:  bssgw bench memory --orders 100000 --json
    """
    from gateway.bench.lifecycle import measure

    # As above: the number of orders ends it, not the time.
    _measured("memory", lambda: measure(orders * 3600.0, window, _progress, orders), ledger, as_json)


@bench.command(epilog=EXIT_HELP)
@click.option("--instances", type=click.IntRange(1, 90_000), default=10_000, show_default=True,
              help="割接的产品实例数（先由定单产生，不计时）。Instances, made by orders first, not timed.")  # fmt: skip
@ledger_option
@json_option
def cutover(instances: int, ledger: Path | None, as_json: bool) -> None:
    """割接大量实例的秒数：计划到全部应用、计费、告知客户。Seconds of a cutover, until applied, billed, and told.

    \b
    例 Example:  bssgw bench cutover --instances 10000 --json
    """
    from gateway.bench.cutover import measure

    _measured("cutover", lambda: measure(instances, _progress), ledger, as_json)


@bench.command("waiting-list", epilog=EXIT_HELP)
@click.option("--entries", type=click.IntRange(1, 10_000_000), default=100_000, show_default=True,
              help="等待条目数。Entries of the list.")  # fmt: skip
@click.option("--offers", type=click.IntRange(1, 100_000), default=1_000, show_default=True,
              help="释放多少资源。Resources that become free.")  # fmt: skip
@ledger_option
@json_option
def waiting_list(entries: int, offers: int, ledger: Path | None, as_json: bool) -> None:
    """待装队列很长时，登记、下一次通知与退出的毫秒数。Milliseconds of a long waiting list: register, next offer, leave.

    \b
    例 Example:  bssgw bench waiting-list --entries 100000 --json
    """
    from gateway.bench.waiting_list import measure

    _measured("waiting-list", lambda: measure(entries, offers, _progress), ledger, as_json)


@bench.command(epilog=EXIT_HELP)
@seconds_option
@rounds_option(3)
@click.option("--connections", type=click.IntRange(1, 10_000), default=AT_ONCE, show_default=True,
              help="连接数，每个连接一个未完成请求。Connections, one request each.")  # fmt: skip
@ledger_option
@json_option
def soap(seconds: float, rounds: int, connections: int, ledger: Path | None, as_json: bool) -> None:
    """每秒经 SOAP 受理多少定单，并与裸 twisted.web 和 spyne 比较。Durable SubmitOrders by SOAP a second, beside a bare
    twisted.web and spyne on the same document.

    \b
    例 Example:  bssgw bench soap --seconds 5 --json
    """
    from gateway.bench.soap import measure

    _measured("soap", lambda: measure(seconds, rounds, connections, _progress), ledger, as_json)


@bench.command(epilog=EXIT_HELP)
@click.option("--slow", type=click.IntRange(1, 20_000), default=2000, show_default=True,
              help="慢速客户端数。Clients that dribble.")  # fmt: skip
@ledger_option
@json_option
def slow(slow: int, ledger: Path | None, as_json: bool) -> None:
    """大量慢速客户端之下正常客户端的时延，以及慢速连接何时被关闭。A normal client beside many that dribble.

    \b
    例 Example:  bssgw bench slow --json
    """
    from gateway.bench.slow import measure

    _measured("slow", lambda: measure(slow, _progress), ledger, as_json)


@bench.command(epilog=EXIT_HELP)
@click.option("--layout", "layouts", multiple=True, help="只测此布局，可重复。Only this layout; may be repeated.")
@click.option("--envelope", "envelopes", multiple=True, help="只测此封装，可重复。Only this envelope; may be repeated.")
@click.option("--charset", "charsets", multiple=True, help="只测此字符集，可重复。Only this charset; may be repeated.")
@click.option("--seconds", type=click.FloatRange(0.001, 60), default=0.05, show_default=True,
              help="每个数字测多久。Seconds a figure.")  # fmt: skip
@ledger_option
@json_option
def codec(
    layouts: tuple[str, ...],
    envelopes: tuple[str, ...],
    charsets: tuple[str, ...],
    seconds: float,
    ledger: Path | None,
    as_json: bool,
) -> None:
    """每秒编码、解码多少文档：布局 × 封装 × 字符集；以及逐字节收 1 MiB 的 CPU 时间。Documents encoded and decoded a second:
    layout × envelope × charset; and the CPU of 1 MiB that comes byte by byte.

    \b
    例 Examples:
      bssgw bench codec --json
      bssgw bench codec --layout dc-64 --envelope package --seconds 1
    """
    from gateway.bench.codec import CHARSETS, DRIBBLE_LIMIT_S, measure
    from schemas.loader import UnknownName

    def people(figures: dict[str, Any]) -> None:
        names = ("layout", "envelope", "charset", "bytes", "encode_per_second", "decode_per_second")
        table("", names, ([row[name] for name in names] for row in figures["rates"]))
        table("µs", ("", ""), figures["native_us"].items())
        limit = f"1 MiB 逐字节 byte by byte: CPU s (< {DRIBBLE_LIMIT_S:g})"
        table(limit, ("layout", "CPU s"), figures["byte_by_byte_cpu_s"].items())

    try:
        figures = measure(layouts, envelopes, charsets or CHARSETS, seconds, _progress)
    except UnknownName as fault:
        zh, _, en = str(fault).partition(" / ")
        raise CommandFailed(Exit.USAGE, zh, en) from fault
    if ledger is not None:
        _remember(ledger, "codec", figures)
    emit(as_json, figures, lambda: people(figures))


def _measured(command: str, measure: Callable[[], dict[str, Any]], ledger: Path | None, as_json: bool) -> None:
    """Measure, remember, show. Raises CommandFailed when there is nothing to show."""
    from gateway.bench.rig import BenchFailed

    try:
        figures = measure()
    except BenchFailed as fault:
        raise CommandFailed(Exit.FAILED, f"测量未完成：{fault}", f"the measurement failed: {fault}") from fault
    if ledger is not None:
        _remember(ledger, command, figures)
    plain = [(name, value) for name, value in figures.items() if not isinstance(value, list)]
    emit(as_json, figures, lambda: table(f"bench {command}", ("", ""), plain))


def _remember(ledger: Path, command: str, figures: dict[str, Any]) -> None:
    """Append one line: when, which version of the source, what was measured."""
    from adapters.wire.times import wire_time
    from gateway.clock import wall_ms

    entry = {"date": wire_time(wall_ms()), "commit": _commit(), "command": command, "figures": figures}
    ledger.parent.mkdir(parents=True, exist_ok=True)
    with ledger.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(entry, ensure_ascii=False) + "\n")


def _commit() -> str:
    """The commit of the source this runs from; empty where there is no repository."""
    folder = Path(__file__).parent
    try:
        done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=folder, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip()


def _progress(line: str) -> None:
    click.echo(line, err=True)
