"""``bssgw peer``: rows for a new peer, what is wrong with them, state of links, a link test with its trace (spec 01, 02.1)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.output import EXIT_HELP, CommandFailed, Exit, Faults, emit, table
from gateway.cli.settings import configured, json_option, store_options

if TYPE_CHECKING:
    from gateway.config.model import Config, Peer


@click.group(epilog=EXIT_HELP)
def peer() -> None:
    """对端：新建、检查、列出、测试。Peers: new rows, checks, a list, a link test.

    \b
    例 Examples:
      bssgw peer new RM0002 --role RM --envelope root-cdata --layout ascii-len-8 --charset GBK --connect tcp://10.0.0.5:7200
      bssgw peer new PF0002 --role PF --binding soap --connect https://pf.example/services/crm
      bssgw peer check RM0002 --config bssgw.toml
      bssgw peer test RM0002 --config bssgw.toml
    """


@peer.command("list", epilog=EXIT_HELP)
@store_options
@json_option
def list_(config_path: Path | None, data_dir: Path | None, as_json: bool) -> None:
    """列出对端、说法与链路状态（网关未运行时为 —）。

    List peers, how they speak, and live link state (— while no gateway runs).

    \b
    例 Example:  bssgw peer list
    """
    config = configured(config_path, data_dir)
    live = _live(config)
    rows = [
        {"peer": one.id, "role": one.role, "name": one.name, "binding": one.binding, "layout": one.layout,
         "envelope": one.envelope, "charset": one.charset, "state": live.get(one.id, "—"),
         "addresses": list(one.connect), "listen": one.listen}
        for one in config.peer
    ]  # fmt: skip

    def show() -> None:
        columns = ("对端 peer", "角色 role", "名称 name", "通道 binding", "包头 layout", "封装 envelope", "字符集 charset",
                   "链路 link", "地址 addresses")  # fmt: skip
        names = ("peer", "role", "name", "binding", "layout", "envelope", "charset", "state")
        cells = zip(rows, config.peer, strict=True)
        shown = [[*(row[name] for name in names), " ".join(one.connect) or one.listen] for row, one in cells]
        table("", columns, shown, none="bssgw peer new 写出一行 [[peer]] / bssgw peer new writes a [[peer]] row")

    emit(as_json, {"peers": rows}, show)


def _live(config: Config) -> dict[str, str]:
    """State of each link of the running gateway; nothing where none runs."""
    from gateway import control

    try:
        reply = control.ask(config.data_dir, {"do": "status"}, timeout=5.0)
    except (control.ControlUnreachable, control.ControlSilent):
        return {}
    return {row["peer"]: row["state"] for row in reply["links"]}


@peer.command(epilog=EXIT_HELP)
@click.argument("system")
@click.option("--role", required=True, help="角色，例如 RM。Role.")
@click.option("--name", default="", help="名称。Name.")
@click.option(
    "--binding",
    type=click.Choice(["socket", "soap", "http"]),
    default="socket",
    show_default=True,
    help="通道。How it is reached.",
)
@click.option("--layout", default="ctif-128", show_default=True, help="报文头格式。Header layout: bssgw layout list.")
@click.option("--envelope", default="package", show_default=True, help="报文封装。Envelope.")
@click.option("--charset", default="GB18030", show_default=True, help="字符集。Charset we send.")
@click.option("--connect", help="它的监听地址。Where it listens.")
@click.option("--listen", help="它连接的 [[listen]] 名称。The [[listen]] it connects to.")
@json_option
def new(
    system: str,
    role: str,
    name: str,
    binding: str,
    layout: str,
    envelope: str,
    charset: str,
    connect: str | None,
    listen: str | None,
    as_json: bool,
) -> None:
    """打印对端 SYSTEM 的配置行，带说明；检查后接到配置文件末尾即可。

    Print the rows of a new peer SYSTEM with comments: append them to the configuration, then bssgw peer check.

    \b
    例 Example:  bssgw peer new RM0002 --role RM --connect tcp://10.0.0.5:7200 >> bssgw.toml
    """
    import tomllib

    from gateway.onboarding.rows import RowsInvalid, Wanted, peer_rows

    try:
        text = peer_rows(Wanted(system, role, name, binding, layout, envelope, charset, connect, listen))
    except RowsInvalid as fault:
        zh, en = f"不能生成，请改正以下 {len(fault.rows)} 处", f"these values make no valid rows, mend these {len(fault.rows)}"
        raise Faults(zh, en, fault.rows) from fault
    emit(as_json, {"peer": system, "text": text, "row": tomllib.loads(text)["peer"][0]}, lambda: click.echo(text, nl=False))


@peer.command(epilog=EXIT_HELP)
@click.argument("systems", nargs=-1, metavar="[SYSTEM]...")
@store_options
@json_option
@click.pass_context
def check(ctx: click.Context, systems: tuple[str, ...], config_path: Path | None, data_dir: Path | None, as_json: bool) -> None:
    """检查对端行（缺省全部）：配置错误带行号；再把它角色的每种报文写一遍、读一遍；证书将到期的予以提醒。

    Check peers (default: all): faults of the file with their lines, then every message of its role written and read back;
    certificates that end soon are warned of.

    \b
    例 Example:  bssgw peer check RM0002 --config bssgw.toml
    """
    from gateway.clock import wall_ms
    from gateway.onboarding.check import PeerCheck

    config = configured(config_path, data_dir, reach=True)
    checked = PeerCheck(config, wall_ms())
    wanted = [_peer(config, one) for one in systems] or list(config.peer)
    found = [checked.report(one) for one in wanted]

    def show() -> None:
        for one in found:
            click.echo(f"{one['peer']} {one['role']}：{one['good']}/{one['messages']} 种报文 messages")
            for fault in one["faults"]:
                click.echo(f"  {fault['message']}: {fault['text']}")
            for note in one["notes"]:
                click.echo(f"  注意 note {note['message']}: {note['text']}")
            for warned in one["certificates"]:
                if warned["state"] != "ok":
                    click.echo(f"  {warned['file']} ({warned['ends']}): {warned['zh']} / {warned['en']}")

    emit(as_json, {"peers": found}, show)
    ctx.exit(int(Exit.FAILED if any(one["faults"] for one in found) else Exit.OK))


@peer.command(epilog=EXIT_HELP)
@click.argument("system")
@click.option("--text", default="连通测试 link test 生僻字㐀𠮷", show_default=True, help="测试文字。What must come back.")
@click.option("--timeout", type=click.FloatRange(0.1, 600), default=15.0, show_default=True, help="等待秒数。Seconds to wait.")
@store_options
@json_option
@click.pass_context
def test(
    ctx: click.Context,
    system: str,
    text: str,
    timeout: float,
    config_path: Path | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """向对端 SYSTEM 发一个 LN03 连通测试（单独的连接，不经过网关；要求登录的先以 LN01 登录），逐步显示字节与内容。

    Send LN03 to SYSTEM on a connection of its own, beside the gateway, after LN01 where its row has a login, and show the
    exchange as it happens; sockets, TLS, SOAP and HTTP alike.

    \b
    例 Example:  bssgw peer test RM0002 --config bssgw.toml
    """
    from gateway.onboarding.exchange import run_test

    config = configured(config_path, data_dir, reach=True)
    row = _peer(config, system)
    if not row.connect:
        raise CommandFailed(
            Exit.USAGE,
            f"{system} 没有可连接的地址：它自己连过来时用 bssgw peer list 看链路",
            f"{system} has no address to connect to: where it connects to us, see bssgw peer list",
        )
    try:
        found = run_test(config, row, text, timeout, (lambda step: None) if as_json else _trace)
    except OSError as fault:
        raise CommandFailed(
            Exit.USAGE,
            f"{system} 的密钥文件读不出（{fault}）：改正权限或路径",
            f"a secret file of {system} cannot be read ({fault}): mend its path or permissions",
        ) from fault
    emit(as_json, found, lambda: click.echo(f"{found['zh']} / {found['en']}"))
    ctx.exit(int(Exit.OK if found["ok"] else Exit.UNREACHABLE if found["unreachable"] else Exit.FAILED))


def _trace(step: dict[str, Any]) -> None:
    """One step of the exchange as it happens."""
    from gateway.cli.message import hex_lines

    click.echo(f"{step['at_ms']:>6} ms  {step['what']}  {step['zh']} / {step['en']}")
    if step["bytes"]:
        click.echo(hex_lines(step["bytes"]))
    if step["text"]:
        click.echo(step["text"])


def _peer(config: Config, system: str) -> Peer:
    found = config.peer_of(system)
    if found is None:
        listed = " ".join(one.id for one in config.peer)
        raise CommandFailed(Exit.USAGE, f"没有对端 {system}；现有：{listed}", f"no peer {system}; there are: {listed}")
    return found
