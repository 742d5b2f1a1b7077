"""``bssgw run``: a gateway in the foreground, with simulated peers and demo orders where asked for."""

from __future__ import annotations

import gc
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.output import EXIT_HELP, CommandFailed, Exit, cut_short, emit
from gateway.cli.settings import configured, json_option, store_options

if TYPE_CHECKING:
    from gateway.cli.serving import Serving
    from gateway.clock import Entropy, WallClock
    from gateway.config.model import Config
    from gateway.logs import Logs

ORDER_LIMIT_S = 120
"""How long one demo order may take at speed 1 before it counts as not reached."""


@click.command(epilog=EXIT_HELP)
@click.option("--with-simulators", is_flag=True, help="同时运行 PF、RM、BILL 模拟器。Run simulated PF, RM and BILL as well.")
@click.option("--demo", type=click.IntRange(0, 1000), default=0, metavar="N", help="提交 N 张演示定单。Submit N demo orders.")
@click.option(
    "--once", is_flag=True, help="演示结束即退出；全部达到预期才为 0。End after the demo; 0 only if all ended as expected."
)
@click.option(
    "--speed", type=click.FloatRange(0.01, 1000), default=1.0, show_default=True, help="模拟器快慢。Simulators' speed."
)
@click.option("--seed", type=int, help="模拟器的随机种子。Seed of the simulators.")
@store_options
@json_option
def run(
    with_simulators: bool,
    demo: int,
    once: bool,
    speed: float,
    seed: int | None,
    config_path: Path | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """在前台运行网关，直到 Ctrl-C。Run the gateway in the foreground until Ctrl-C.

    \b
    例 Examples:
      bssgw run --with-simulators --demo 20
      bssgw run --config bssgw.toml
    """
    if once and not demo:
        raise CommandFailed(Exit.USAGE, "--once 须与 --demo 同用", "--once needs --demo")
    gc.disable()  # until it serves: what is read at a start stays, and looking through it all again and again costs a tenth
    try:
        from twisted.internet import task

        from adapters.store.migration import upgrade
        from gateway.cli.stores import database_errors
        from gateway.data_directory import held

        config = configured(config_path, data_dir)
        if demo and config.gateway.products is not None:
            zh = "演示定单订的是示例产品，而 [gateway] products 另有目录：去掉其一"
            en = "the demo orders products of the sample catalogue, which [gateway] products replaces: leave out one of them"
            raise CommandFailed(Exit.USAGE, zh, en)
        with database_errors(config), held(config.data_dir):
            made = upgrade(config.database_url).stored is None
            task.react(_main, (Run(config, with_simulators, demo, once, speed, seed, as_json, made),))
    finally:
        gc.enable()


class Run:
    """What was asked for."""

    def __init__(
        self, config: Config, simulators: bool, demo: int, once: bool, speed: float, seed: int | None, as_json: bool, made: bool
    ) -> None:
        """``made``: there was no store, or an empty one, so this one begins with nothing."""
        self.config = config
        self.simulators = simulators
        self.demo = demo
        self.once = once
        self.speed = speed
        self.seed = seed
        self.as_json = as_json
        self.made = made


def _main(reactor: Any, asked: Run) -> Any:
    from twisted.internet.defer import Deferred

    return Deferred.fromCoroutine(_guarded(reactor, asked)).addErrback(cut_short, asked.as_json)


async def _guarded(reactor: Any, asked: Run) -> None:
    """The whole run with its logs open; a failure to start is one line and an exit code."""
    from gateway.cli.serving import ending, reopen_on_hangup
    from gateway.clock import WallClock
    from gateway.logs import Logs

    end, closed = await ending(reactor)
    clock = WallClock(reactor)
    try:
        logs = Logs(asked.config.log_dir, asked.config.gateway.log_level, clock)
    except OSError as fault:
        failed = CommandFailed(
            Exit.USAGE,
            f"日志目录 {asked.config.log_dir} 不可写（{fault.strerror}）：改正权限或换 --data-dir",
            f"log directory {asked.config.log_dir} cannot be written ({fault.strerror}): mend it or choose --data-dir",
        )
        failed.show()
        closed.callback(None)
        raise SystemExit(failed.exit_code) from fault
    reopen_on_hangup(reactor, logs)
    try:
        await _serve(reactor, asked, clock, logs, end)
    except CommandFailed as failed:
        failed.show()
        raise SystemExit(failed.exit_code) from failed
    finally:
        logs.close()
        closed.callback(None)


async def _serve(reactor: Any, asked: Run, clock: WallClock, logs: Logs, end: Any) -> None:
    import structlog

    from gateway.cli.serving import Serving, with_free_ports
    from gateway.cli.simulators_desk import open_desks
    from gateway.clock import Entropy

    log = structlog.get_logger()
    begun = clock.seconds()
    config = with_free_ports(asked.config) if asked.simulators else asked.config
    entropy = Entropy(asked.seed)
    simulators = await _start_simulators(config, asked, clock, entropy, reactor) if asked.simulators else []
    serving = Serving(config, reactor, clock, entropy)
    code = Exit.OK
    desks: list[Any] = []
    try:
        await serving.start()
        desks = await open_desks(simulators, config.data_dir, serving.endpoints)
        _tell_ready(serving, asked, clock.seconds() - begun, logs)
        log.info("gateway.started", system_id=config.gateway.system_id, data_dir=str(config.data_dir), new_store=asked.made)
        if asked.demo:
            code = await _demo(serving, asked, clock, end)
        if not asked.once:
            await end
        log.info("gateway.stopping", zh="不再受理，完成在办后关闭", en="takes nothing more, ends what is under way, closes")
    finally:
        for port in desks:
            await port.stopListening()
        await serving.stop()
        log.info("gateway.stopped")
        for host in simulators:
            await host.stop()
    if end.called and not asked.as_json:
        click.echo("已停止，未完的下次启动继续 / stopped; what is unfinished goes on at the next start")
    if asked.once and code is not Exit.OK:
        raise SystemExit(int(Exit.INTERRUPTED if end.called else code))


async def _start_simulators(config: Config, asked: Run, clock: WallClock, entropy: Entropy, reactor: Any) -> list[Any]:
    from twisted.internet.error import CannotListenError

    from gateway.cli.serving import cannot_listen
    from gateway.cli.simulate import hosts_of
    from gateway.links.endpoints import TcpEndpoints

    hosts = hosts_of(config, clock, entropy, TcpEndpoints(reactor), asked.speed)
    for host in hosts:
        try:
            await host.start()
        except CannotListenError as fault:
            raise cannot_listen(fault) from fault
    return hosts


def _tell_ready(serving: Serving, asked: Run, seconds: float, logs: Logs) -> None:
    config = serving.config
    where = {
        "data_dir": str(config.data_dir),
        "database": serving.engine.url.render_as_string(hide_password=True),
        "log": str(logs.path),
    }
    listening = {row.name: serving.address(row.name) for row in config.listen}
    if asked.as_json:
        ready = {"ready": True, "system_id": config.gateway.system_id, "listening": listening, "new_store": asked.made, **where}
        click.echo(json.dumps(ready, ensure_ascii=False))
        return
    listed = ", ".join(f"{name} {address}" for name, address in listening.items())
    click.echo(f"就绪 ready {seconds:.1f}s · {config.gateway.system_id} · 监听 listening {listed}")
    made = "（新建，空 new, empty）" if asked.made else ""
    click.echo(f"  数据 data {where['data_dir']} · 数据库 database {where['database']}{made} · 日志 log {where['log']}")


async def _demo(serving: Serving, asked: Run, clock: WallClock, end: Any) -> Exit:
    """Submits the demo orders and tells how they ended; ends early when the process is asked to stop."""
    from gateway.cli.channel import Channel
    from gateway.cli.demo import Demo, next_run, plan
    from gateway.cli.progress import Progress, results, tell
    from gateway.cli.serving import channel_peer
    from schemas.loader import layouts_in

    config, gateway = serving.config, serving.gateway
    counter = channel_peer(config)
    if any(row.tls is not None for row in config.listen if row.name == counter.listen):
        raise CommandFailed(
            Exit.USAGE,
            f"演示受理台不说 TLS：给 {counter.id} 一个没有 [listen.tls] 的 listen",
            f"the demo counter speaks no TLS: give {counter.id} a listen without [listen.tls]",
        )
    with serving.reader.connect() as connection:
        orders = plan(asked.demo, next_run(connection))
    areas, layouts = config.gateway.areas, layouts_in(config.gateway.layouts)
    channel = Channel(counter, config.gateway.system_id, gateway.codec, clock, areas[0], layouts)
    await channel.connect(serving.endpoints.client(serving.address(counter.listen or config.listen[0].name)))
    progress = Progress(silent=asked.as_json)
    limit_ms = round(ORDER_LIMIT_S * 1000 / min(1.0, asked.speed))
    demo = Demo(orders, channel, serving.reader.connect, gateway.codec.catalogue, clock, progress.update, limit_ms)
    end.addCallback(lambda _: demo.stop())
    try:
        await demo.run()
    finally:
        progress.close()
        channel.close()
    with serving.reader.connect() as connection:
        rows = results(connection, gateway.codec, orders)
    reached = all(row["reached"] for row in rows)
    emit(asked.as_json, {"orders": rows, "reached": reached}, lambda: tell(rows))
    if not asked.as_json:
        _tell_end(asked, serving, rows, reached)
    return Exit.OK if reached else Exit.FAILED


def _tell_end(asked: Run, serving: Serving, rows: list[dict[str, Any]], reached: bool) -> None:
    zh, en = ("全部达到预期", "all ended as expected") if reached else ("有定单未达到预期", "some did not end as expected")
    click.echo(f"{zh} / {en} · {sum(row['reached'] for row in rows)}/{len(rows)}")
    first = next((name for row in rows for name in row["service_orders"]), None)
    option = f" --data-dir {serving.config.data_dir}"
    if first is not None:
        click.echo(f"  看一张 look at one:  bssgw order show {first}{option}")
    click.echo(f"  看报文 see messages: bssgw message list{option}")
    if not asked.once:
        click.echo("继续服务，Ctrl-C 停止 / still serving, Ctrl-C stops")
