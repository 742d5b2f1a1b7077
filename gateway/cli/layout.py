"""``bssgw layout``: header layouts of socket packets, shipped and one's own, explained byte by byte (spec 01.1.2)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.output import EXIT_HELP, CommandFailed, Exit, emit, say, table
from gateway.cli.settings import json_option

if TYPE_CHECKING:
    from schemas.model import LayoutRow

packet_option = click.option(
    "--packet",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="改用此文件中的字节（对端实际发来的报文）。Lay the bytes of this file (a peer's packet) against the ruler instead.",
)


@click.group(epilog=EXIT_HELP)
def layout() -> None:
    """报文头布局：列出、解释、检查。Header layouts: list, explain, check.

    \b
    例 Example:  bssgw layout show dc-64
    """


@layout.command("list", epilog=EXIT_HELP)
@json_option
def list_layouts(as_json: bool) -> None:
    """列出随产品提供的布局。List the layouts that ship.

    \b
    例 Example:  bssgw layout list
    """
    from adapters.wire.layout import Layout
    from gateway.onboarding.layout_ruler import traits
    from schemas.loader import load

    rows = load().layouts()
    found = [
        {"name": row.name, "zh": row.zh, "about": row.about, "header": row.header_size} | traits(Layout(row)) for row in rows
    ]
    columns = ("布局 layout", "名称 name", "包头 header", "文档 documents", "流水号 serial", "心跳 heartbeat", "分段 segments")
    emit(
        as_json,
        found,
        lambda: table(
            "",
            columns,
            (
                (
                    one["name"], one["zh"], one["header"], _yes(one["carries_documents"]), one["serial_width"] or "—",
                    _yes(one["heartbeats"]), "按需取 fetched" if one["fetches_segments"] else _yes(one["segments"]),
                )
                for one in found
            ),
        ),
    )  # fmt: skip


@layout.command(epilog=EXIT_HELP)
@click.argument("name")
@packet_option
@json_option
@click.pass_context
def show(ctx: click.Context, name: str, packet: Path | None, as_json: bool) -> None:
    """解释布局 NAME：字段、样例报文、十六进制标尺。Explain the layout NAME: fields, sample packets, hex ruler.

    \b
    例 Examples:
      bssgw layout show dc-64
      bssgw layout show ascii-145 --packet captured.bin
    """
    from schemas.loader import UnknownName, load

    try:
        row = load().layout(name)
    except UnknownName as fault:
        zh, _, en = str(fault).partition(" / ")
        raise CommandFailed(Exit.USAGE, zh, en) from fault
    _explain(ctx, row, packet, as_json)


@layout.command(epilog=EXIT_HELP)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@packet_option
@json_option
@click.pass_context
def check(ctx: click.Context, file: Path, packet: Path | None, as_json: bool) -> None:
    """检查布局文件 FILE 并解释：列出全部错误；正确时写出并读回样例。Check the layout in FILE and explain it: every fault,
    or samples written and read again. 配置 [gateway] layouts 指向放布局文件的文件夹即可使用。Put the file into the folder
    [gateway] layouts names to use it.

    \b
    例 Example:  bssgw layout check vendor-x.toml
    """
    from gateway.config.layouts import faults_of
    from schemas.rows import SchemaDataError, read_layout

    try:
        row = read_layout(file)
        faults = list(faults_of(row))
    except SchemaDataError as fault:
        row, faults = None, [(fault.where, fault.zh, fault.en)]
    if row is None or faults:
        found = [{"where": where, "zh": zh, "en": en} for where, zh, en in faults]
        emit(as_json, {"ok": False, "faults": found}, lambda: _show_faults(file, found))
        ctx.exit(Exit.FAILED)
    else:
        _explain(ctx, row, packet, as_json)


def _show_faults(file: Path, faults: list[dict[str, str]]) -> None:
    for fault in faults:
        click.echo(f"{file.name}: {fault['where']}: {fault['zh']} / {fault['en']}")


def _explain(ctx: click.Context, row: LayoutRow, packet: Path | None, as_json: bool) -> None:
    from adapters.wire.errors import FramingFault, LocalError
    from adapters.wire.layout import Layout
    from gateway.onboarding.layout_ruler import fields_of, round_trip, ruler, sample_packets, traits, verdict

    made = Layout(row)
    shown: list[dict[str, Any]] = []
    wrong: list[tuple[str, str]] = []
    pieces: dict[str, bytes] = {}
    if packet is not None:
        pieces[packet.name] = packet.read_bytes()
    else:
        for name, sample in sample_packets(made).items():
            try:
                pieces[name] = round_trip(made, sample)[0]
            except LocalError as fault:
                wrong.append((f"{name}: {fault.zh}", f"{name}: {fault.en}"))
            except FramingFault as fault:
                wrong.append((f"{name}: {fault.reason_zh}", f"{name}: {fault.reason_en}"))
    for name, data in pieces.items():
        said = verdict(made, data)
        wrong += [] if said is None else [said]
        fields, lines = fields_of(row, made, data), list(ruler(row, data))
        shown.append({"packet": name, "bytes": data.hex(), "fields": fields, "ruler": lines})
    faults = [{"where": row.name, "zh": zh, "en": en} for zh, en in wrong]
    value = {"ok": not faults, "name": row.name, "zh": row.zh, "about": row.about} | traits(made) | {"packets": shown}

    def people() -> None:
        for line in (f"{row.name} {row.zh}", row.about_zh, row.about, *_summary(row, traits(made))):
            say(" ".join(line.split()))
        for one in shown:
            cells = (
                (f["offset"], f["width"], f["field"], f["role"], f["kind"], f["value"], f["hex"], f["text"])
                for f in one["fields"]
            )
            columns = ("位置 at", "宽 width", "字段 field", "角色 role", "种类 kind", "值 value", "hex", "text")
            table(one["packet"], columns, cells)
            click.echo("\n".join(one["ruler"]) + "\n")
        for fault in faults:
            say(f"{fault['where']}: {fault['zh']} / {fault['en']}")

    emit(as_json, value | {"faults": faults}, people)
    if faults:
        ctx.exit(Exit.FAILED)


def _summary(row: LayoutRow, found: dict[str, Any]) -> tuple[str, str]:
    """What the row means for a conversation: what its length counts, and what it can."""
    counts = {"packet": ("整包", "the whole packet"), "body": ("报文体", "the body"), "rest": ("其后各字节", "what follows it")}
    zh, en = counts[row.length_counts]
    adds = f" {row.length_adds:+d}" if row.length_adds else ""
    named = [
        ("心跳", "heartbeats", found["heartbeats"]), ("先登记", "registers first", found["registers"]),
        ("分段", "segments", found["segments"]), ("逐包取", "packets fetched one by one", found["fetches_segments"]),
        ("包头自述", "the header says what it is", found["describes_itself"]),
    ]  # fmt: skip
    traits = ", ".join(f"{zh} {en}" for zh, en, has in named if has) or "—"
    return f"长度计 {zh}{adds} the length counts {en}{adds} · 流水号 serial {found['serial_width'] or '—'}", traits


def _yes(value: object) -> str:
    return "是 yes" if value else "—"
