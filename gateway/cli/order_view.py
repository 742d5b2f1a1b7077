"""One order told on the terminal: head, items, stages, clocks, billing, fallout, history, messages, sequence."""

from __future__ import annotations

from typing import Any

import click

from gateway.cli.inquiring import tell_answers
from gateway.cli.output import columns, say, table, when
from gateway.cli.sequence import draw_text, steps

Row = dict[str, Any]

CLOCKS = (
    ("captured_at", "受理 captured"),
    ("dispatched_at", "派发 dispatched"),
    ("accepted_at", "签收 accepted"),
    ("expected_finish", "预计完工 expected"),
    ("required_finish", "要求完工 required"),
    ("ended_at", "结束 ended"),
)


def tell_order(us: str, row: Row) -> None:
    """Prints everything about one order; ``us`` is our system id."""
    _head(row)
    table(
        "订单项 items",
        (
            "项 item",
            "版本 version",
            "动作 action",
            "产品 product",
            "实例 instance",
            "号码 number",
            "进度 progress",
            "结果 result",
        ),
        [
            (
                i["item_id"],
                i["version"],
                i["action"],
                i["product"],
                i["instance_id"],
                i["access_number"],
                _progress(i),
                " ".join(f"{name}={value}" for name, value in (i["result_attrs"] or {}).items()),
            )
            for i in row["items"]
        ],
    )
    if row["stages"]:
        table(
            "环节 stages",
            ("序号 seq", "环节 stage", "名称 name", "状态 state", "时间 at", "工单 work order"),
            [(s["report_seq"], s["stage"], s["name"], s["state"], when(s["at"]), s["work_order_id"]) for s in row["stages"]],
        )
    if row["billing"]:
        table(
            "计费 billing",
            ("实例 instance", "种类 kind", "生效 effective", "状态 state", "流水号 serial"),
            [(b["instance_id"], b["kind"], when(b["effective_at"]), b["state"], b["serial"]) for b in row["billing"]],
        )
    if row["fallouts"]:
        table(
            "异常单 fallout",
            ("编号 id", "状态 state", "代码 symbol", "原因 cause"),
            [(f["id"], f["state"], f["symbol"], f"{f['zh']} / {f['en']}") for f in row["fallouts"]],
        )
    tell_answers(row["details"] or {})
    _history_and_messages(us, row)


def _progress(item: Row) -> str:
    overlays = [name for name in ("amending", "cancelling", "fallout") if item[name]]
    return " ".join([item["progress"], *overlays])


def _head(row: Row) -> None:
    customer = row["customer"] or {"id": row["customer_id"], "name": ""}
    say(f"服务定单 service order {row['id']} · 客户定单 customer order {row['customer_order_id']}")
    say(
        f"{row['action']} · {row['state']}{' · ' + row['stage'] if row['stage'] else ''}"
        f" · 自 since {when(row['since'])} · 版本 version {row['version']}",
        2,
    )
    say(f"客户 customer {customer['id']} {customer['name']} · 本地网 area {row['area']} · PF {row['pf_system'] or '—'}", 2)
    clocks = [f"{label} {when(row[name])}" for name, label in CLOCKS if row[name] is not None]
    say(" · ".join(clocks), 2)
    if row["reason"]:
        say(f"原因 reason: {row['reason'].get('text', '')}", 2)


def _history_and_messages(us: str, row: Row) -> None:
    table(
        "历史 history",
        ("时间 at", "输入 input", "从 from", "到 to", "谁 actor", "流水号 serial"),
        [(when(h["at"]), h["input"], h["state_from"], h["state_to"], h["actor"], h["serial"]) for h in row["history"]],
    )
    table(
        "报文 messages",
        ("编号 id", "时间 at", "方向 direction", "对端 peer", "报文 message", "状态 state", "结果 result", "次数 tries"),
        [
            (
                m["id"],
                when(m["sent_at"] or m["first_seen"]),
                m["direction"],
                m["peer"],
                f"{m['code']} {m['element']}",
                m["state"],
                m["result_code"],
                m["tries"],
            )
            for m in row["messages"]
        ],
    )
    drawing = draw_text(us, steps(us, row["messages"]), columns())
    if drawing:
        click.echo("时序 sequence")
        click.echo(drawing)
