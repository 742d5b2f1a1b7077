"""``bssgw message``: the message log, raw and decoded; messages skipped and resumed, keys held and released by a person."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Any

import click

from gateway.cli.asking import ask
from gateway.cli.choosing import MESSAGE_STATE
from gateway.cli.output import EXIT_HELP, CommandFailed, Exit, emit, table, when
from gateway.cli.settings import configured, json_option, limit_option, operator_option, store_options

Row = dict[str, Any]
HEX_WIDTH = 16


@click.group(epilog=EXIT_HELP)
def message() -> None:
    """报文：查看、跳过、恢复、按定单扣留。Messages: look, skip, resume, hold what belongs together.

    \b
    例 Examples:
      bssgw message list --state UNKNOWN
      bssgw message show 42
    """


@message.command("list", epilog=EXIT_HELP)
@click.option("--code", help="报文编码，例如 OH01。Message code.")
@click.option("--peer", help="对端系统标识，例如 PF0001。The peer's system id.")
@click.option("--state", type=MESSAGE_STATE, help="状态，例如 UNKNOWN。State.")
@click.option("--order", "order_key", help="服务定单，或产品实例。Service order, or an instance.")
@click.option("--direction", type=click.Choice(["in", "out"]), help="方向。Direction.")
@limit_option()
@click.option("--after", type=click.IntRange(0, 2**63 - 1), metavar="ID",
              help="从此编号之后继续（翻页）。Go on behind this id.")
@store_options
@json_option
def list_(
    code: str | None,
    peer: str | None,
    state: str | None,
    order_key: str | None,
    direction: str | None,
    limit: int,
    after: int | None,
    config_path: Path | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """列出报文，新的在前。List messages, newest first.

    \b
    例 Example:  bssgw message list --peer PF0001 --state UNKNOWN
    """
    from adapters.store import queries
    from gateway.cli.stores import reading

    with reading(configured(config_path, data_dir)) as connection:
        rows = queries.messages(
            connection,
            code=code,
            peer=peer,
            state=state,
            order_key=order_key,
            direction=direction,
            after=after,
            limit=limit,
        )

    def show() -> None:
        columns = ("编号 id", "时间 at", "方向 direction", "对端 peer", "报文 message", "流水号 serial", "定单 order",
                   "状态 state", "结果 result", "次数 tries")  # fmt: skip
        table("", columns, [_list_row(row) for row in rows], none="放宽条件 / widen the filter")
        if len(rows) == limit:
            click.echo(f"更多 more: bssgw message list --after {rows[-1]['id']}")

    emit(as_json, {"messages": rows, "next": rows[-1]["id"] if len(rows) == limit else None}, show)


def _list_row(row: Row) -> tuple[object, ...]:
    return (row["id"], when(row["first_seen"]), row["direction"], row["peer"], f"{row['code']} {row['element']}",
            row["serial"], row["order_key"], row["state"], row["result_code"], row["tries"])  # fmt: skip


@message.command(epilog=EXIT_HELP)
@click.argument("name")
@click.option("--raw", "raw_only", is_flag=True, help="把原始字节写到标准输出。Write the raw bytes to standard output.")
@store_options
@json_option
def show(name: str, raw_only: bool, config_path: Path | None, data_dir: Path | None, as_json: bool) -> None:
    """显示报文 NAME（编号或流水号）：原始字节、解码内容、发送记录、历史。

    Show message NAME, an id or a serial: raw bytes with offsets, the decoded document, attempts, history.

    \b
    例 Example:  bssgw message show 42
    """
    from adapters.store import queries
    from gateway.cli.stores import reading

    with reading(configured(config_path, data_dir)) as connection:
        found = queries.message(connection, name)
    if found is None:
        raise CommandFailed(
            Exit.FAILED, f"没有报文 {name}：用 bssgw message list 查看", f"no message {name}: see bssgw message list"
        )
    body = found["body"]
    raw = bytes(body["raw"]) if body is not None else b""
    if raw_only:
        click.echo(raw, nl=False)
        return
    answer = _answer(found)
    charset = None if body is None else body["charset"]
    decoded = pretty_xml(raw, charset) if raw else ""
    decoded_answer = (pretty_xml(answer, charset) or readable(answer)) if answer else ""
    emit(
        as_json,
        {**found, "decoded": decoded, "decoded_answer": decoded_answer},
        lambda: _tell(found, raw, decoded, decoded_answer),
    )


def _answer(found: Row) -> bytes:
    """What was answered: by us to what came in, by the peer to what left."""
    if found["direction"] == "in":
        return bytes(found["body"]["answer"] or b"") if found["body"] is not None else b""
    return next((bytes(one["reply"]) for one in reversed(found["attempts"]) if one["reply"]), b"")


def _leg(leg: Row) -> str:
    """The other leg of a message handed on, in a line."""
    words = "转发自 handed on for message {} ←" if leg["direction"] == "in" else "转发为 handed on as message {} →"
    return (
        f"  {words.format(leg['id'])} {leg['peer']} · 流水号 serial {leg['serial']} · 状态 state {leg['state']}"
        f" · 结果 result {leg['result_code'] or '—'}"
    )


def readable(raw: bytes) -> str:
    """Text of an answer that is no XML, as a line or a form; empty where it is none."""
    for charset in ("utf-8", "gb18030"):
        try:
            text = raw.decode(charset).rstrip()
        except UnicodeDecodeError:
            continue
        return text if text.isprintable() else ""
    return ""


def _tell(found: Row, raw: bytes, decoded: str, answer: str) -> None:
    arrow = "→" if found["direction"] == "out" else "←"
    click.echo(f"报文 message {found['id']} · {found['code']} {found['element']} {arrow} {found['peer']}"
               + (f" · 通道 binding {found['binding']}" if found["binding"] else ""))
    click.echo(
        f"  流水号 serial {found['serial']}" + (f" · 应答 refers to {found['ref_serial']}" if found["ref_serial"] else "")
    )
    click.echo(
        f"  状态 state {found['state']} · 结果 result {found['result_code'] or '—'} · 次数 tries {found['tries']}"
        f" · {when(found['first_seen'])}"
    )
    for leg in found["legs"]:
        click.echo(_leg(leg))
    if found["attempts"]:
        table(
            "发送 attempts",
            ("次 n", "发出 sent", "字节 bytes", "应答 reply", "类别 class", "结果 result"),
            [
                (a["n"], when(a["sent_at"]), a["bytes_out"], when(a["reply_at"]), a["result_class"], a["result_code"])
                for a in found["attempts"]
            ],
        )
    if found["history"]:
        table(
            "历史 history",
            ("时间 at", "输入 input", "从 from", "到 to", "谁 actor", "说明 detail"),
            [(when(h["at"]), h["input"], h["state_from"], h["state_to"], h["actor"], h["detail"]) for h in found["history"]],
        )
    if raw:
        click.echo(f"原始字节 raw bytes ({len(raw)})")
        click.echo(hex_lines(raw))
    if decoded:
        click.echo("内容 document")
        click.echo(decoded)
    elif found["document"] is not None:
        click.echo("内容 document（尚未发送 not sent yet）")
        click.echo(str(found["document"]["document"]))
    if answer:
        click.echo("应答 answer")
        click.echo(answer)


def hex_lines(raw: bytes) -> str:
    """Offset, hexadecimal and printable ASCII, sixteen bytes a line."""
    lines = []
    for offset in range(0, len(raw), HEX_WIDTH):
        part = raw[offset : offset + HEX_WIDTH]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        lines.append(f"{offset:08x}  {part.hex(' '):<{HEX_WIDTH * 3}} {text}")
    return "\n".join(lines)


def pretty_xml(raw: bytes, charset: str | None) -> str:
    """The document inside ``raw`` (a packet's header may stand before it) indented; empty where there is none."""
    from lxml import etree

    from adapters.document import DocumentRefused
    from adapters.xml.charset import Undecodable, read
    from adapters.xml.parser import SafeParser

    start = raw.find(b"<")
    if start < 0:
        return ""
    try:
        root = SafeParser().parse(read(raw[start:], charset).data)
    except (DocumentRefused, Undecodable):
        return ""
    etree.indent(root)
    return etree.tostring(root, encoding="unicode")


def _act(action: str, metavar: str, text: str) -> click.Command:
    @click.argument("name", metavar=metavar)
    @click.option("--reason", required=True, help="原因。Why.")
    @operator_option
    @store_options
    @json_option
    @click.pass_context
    def act(
        ctx: click.Context,
        name: str,
        reason: str,
        operator: str | None,
        config_path: Path | None,
        data_dir: Path | None,
        as_json: bool,
    ) -> None:
        request = {"do": "message", "action": action, "name": name, "reason": reason, "operator": operator or getpass.getuser()}
        reply = ask(configured(config_path, data_dir), request)
        state = f" · {reply['state']}" if reply.get("state") else ""
        words = f"{name}: {reply.get('code', '')} {reply['zh']} / {reply['en']}{state}"
        emit(as_json, reply, lambda: click.echo(words))
        ctx.exit(Exit.OK if reply["ok"] else Exit.FAILED)

    named = "SO000000000001" if metavar == "KEY" else "CRM001202611230035340000000028"
    shown = f"{text}\n\n\b\n例 Example:  bssgw message {action} {named} --reason 维护"
    return click.command(action, help=shown, epilog=EXIT_HELP)(act)


@message.command(epilog=EXIT_HELP)
@store_options
@json_option
def held(config_path: Path | None, data_dir: Path | None, as_json: bool) -> None:
    """列出扣留的定单（键）与原因。List the keys that are held, and why.

    \b
    例 Example:  bssgw message held
    """
    rows = ask(configured(config_path, data_dir), {"do": "status"})["held_keys"]
    none = "bssgw message hold KEY 扣留 / bssgw message hold KEY holds some"
    cells = [(row["key"], row["reason"]) for row in rows]
    emit(as_json, {"held_keys": rows}, lambda: table("", ("键 key", "原因 reason"), cells, none=none))


for _action, _metavar, _text in (
    ("skip", "NAME", "跳过未送达的报文 NAME（编号或流水号），其后的报文继续。Skip an open message; those behind it go on."),
    ("resume", "NAME", "立即重试等待中的报文，或重发跳过的报文。Try a waiting message now, or send a skipped one."),
    ("hold", "KEY", "扣留键 KEY（如定单号）的全部报文。Hold every message of KEY, for example an order."),
    ("release", "KEY", "释放键 KEY 的报文。Release the messages of KEY."),
):
    message.add_command(_act(_action, _metavar, _text))
