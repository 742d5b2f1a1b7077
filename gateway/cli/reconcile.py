"""``bssgw reconcile``: the running gateway's rows against a peer's (spec 06.3)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gateway.cli.output import EXIT_HELP, Exit, emit, table
from gateway.cli.settings import configured, json_option, store_options

KINDS = {
    "only_left": "仅本方有 only here",
    "only_right": "仅对方有 only there",
    "state": "状态 state",
    "version": "版本 version",
    "amount": "金额 amount",
    "time": "时间 time",
    "duplicate": "重复 duplicate",
    "hash": "摘要 hash",
}
"""How people call a class of difference."""


@click.command(epilog=EXIT_HELP)
@click.argument("peer")
@click.option("--area", required=True, metavar="AREA", help="本地网，例如 025。Area, e.g. 025.")
@click.option("--from", "begin", required=True, help="起，yyyyMMddHHmmss（含）。Begin, included.")
@click.option("--to", "end", required=True, help="止，yyyyMMddHHmmss（不含）。End, excluded.")
@click.option("--detail", is_flag=True, help="摘要相同也比对明细。Compare the rows even where the digests agree.")
@store_options
@json_option
@click.pass_context
def reconcile(
    ctx: click.Context,
    peer: str,
    area: str,
    begin: str,
    end: str,
    detail: bool,
    config_path: Path | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """与 PEER（PF、RM、BILL）对账：先比汇总，不同再比明细；有差异退出码为 1。

    Reconcile with PEER (a PF, RM or BILL): the summaries first, the rows where they differ; exit code 1 on a difference.
    Orders count by their capture, charging facts by when they take effect, resources as they stand now.

    \b
    例 Example:  bssgw reconcile PF0001 --area 025 --from 20261121000000 --to 20261122000000
    """
    from gateway.cli import asking

    request = {"do": "reconcile", "peer": peer, "area": area, "begin": begin, "end": end, "detail": detail}
    reply = asking.ask(configured(config_path, data_dir), request)
    emit(as_json, reply, lambda: tell(peer, reply))
    ctx.exit(Exit.OK if reply["ok"] and reply["equal"] else Exit.FAILED)


def tell(peer: str, reply: dict[str, Any]) -> None:
    """The comparison, for people."""
    if not reply["ok"]:
        click.echo(f"{peer}: {reply.get('code', '')} {reply['zh']} / {reply['en']}")
        return
    own, theirs = ({one["name"]: one for one in reply[side]["totals"]} for side in ("own", "theirs"))
    none = {"count": 0, "amount": 0}
    sums = [(name, own.get(name, none), theirs.get(name, none)) for name in sorted({*own, *theirs})]
    table(
        f"{reply['pair']} {reply['area']}",
        ("合计 total", "本方笔数 count here", "对方笔数 there", "本方金额(分) amount here", "对方金额 there"),
        [(name, one["count"], other["count"], one["amount"], other["amount"]) for name, one, other in sums],
    )
    if reply["differences"]:
        columns = ("键 key", "差异 difference", "本方 here", "对方 there", "在途 under way")
        table("差异 differences", columns, [
            (row["key"], KINDS[row["kind"]], _side(row["own"]), _side(row["theirs"]), "是 yes" if row["under_way"] else "")
            for row in reply["differences"]
        ])  # fmt: skip
    click.echo("一致 / equal" if reply["equal"] else f"{len(reply['differences'])} 处差异 / differences")


def _side(row: dict[str, Any] | None) -> str:
    return "" if row is None else f"{row['state']} v{row['version']} {row['finish_time'] or ''}".strip()
