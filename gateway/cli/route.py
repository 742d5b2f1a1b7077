"""``bssgw route``: where documents for others go, and what would happen to one (spec 01.2)."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.output import EXIT_HELP, Exit, emit, say, table
from gateway.cli.settings import configured, json_option, store_options


@click.group(epilog=EXIT_HELP)
def route() -> None:
    """路由：列出、解释。Routes: list them, explain what becomes of a document.

    \b
    例 Example:  bssgw route explain order.xml --from PF0001
    """


@route.command("list", epilog=EXIT_HELP)
@store_options
@json_option
def list_(config_path: Path | None, data_dir: Path | None, as_json: bool) -> None:
    """列出 [[route]]，先匹配者先用；都不匹配时按报文的收方。

    List the rows of [[route]]: the first that matches decides; where none does, the receiver the document names.

    \b
    例 Example:  bssgw route list
    """
    config = configured(config_path, data_dir)
    rows = [row.model_dump() for row in config.route]
    names = ("sender", "receiver", "message", "area", "key")

    def show() -> None:
        columns = ("路由 route", "来自 from", "收方 receiver", "报文 message", "本地网 area", "键 key", "转往 to")
        cells = [[row["name"], *(" ".join(row[name]) or "*" for name in names), row["to"]] for row in rows]
        table("", columns, [*cells, ["（缺省 default）", "*", "*", "*", "*", "*", "报文的收方 the document's receiver"]])

    emit(as_json, {"routes": rows}, show)


@route.command(epilog=EXIT_HELP)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--from", "sender", metavar="PEER", help="发送方（报文没说时）。Whose document it is, if it does not say.")
@store_options
@json_option
@click.pass_context
def explain(
    ctx: click.Context, file: Path, sender: str | None, config_path: Path | None, data_dir: Path | None, as_json: bool
) -> None:
    """说明文件 FILE 中的报文、报文包或 SOAP 信封会怎样：对端、封装、字符集、模式、路由、转换、发出的字节。不发送，不存储。

    Say what would happen to the document in FILE, or the whole packet of --from PEER, or the SOAP envelope: peer, envelope,
    charset, schema, route, translation, outgoing bytes. Nothing is sent, nothing is stored.

    \b
    例 Example:  bssgw route explain order.xml --from PF0001
    """
    from gateway.cli.message import hex_lines
    from gateway.clock import wall_ms
    from gateway.hub.explain import Explainer

    told = Explainer(configured(config_path, data_dir), wall_ms()).explain(file.read_bytes(), sender)

    def show() -> None:
        for step, zh, en in told.steps:
            click.echo(step)
            say(zh, 2)
            say(en, 2)
        if told.outgoing:
            click.echo(f"发出的字节 outgoing bytes ({len(told.outgoing)})")
            click.echo(hex_lines(told.outgoing[:512]))
            if len(told.outgoing) > 512:
                click.echo(f"…  +{len(told.outgoing) - 512}")
            click.echo(told.text)

    steps = [{"step": step, "zh": zh, "en": en} for step, zh, en in told.steps]
    emit(as_json, {"steps": steps, **told.facts}, show)
    ctx.exit(int(Exit.FAILED if told.refused else Exit.OK))
