"""Rows for a new peer as text with comments, to be completed by a person: what its envelope needs is there (spec 01.2, 05)."""

from __future__ import annotations

from pathlib import Path

from gateway.config_file import ConfigError, parse
from schemas.loader import load
from schemas.model import EnvelopeRow

_OWN = "CRM001"
_AROUND = '[gateway]\nsystem_id = "CRM001"\nareas = ["025"]\n\n[[listen]]\nname = "{listen}"\naddress = "tcp://127.0.0.1:0"\n'


class RowsInvalid(ValueError):
    """The values given make no valid rows; the text lists every fault in both languages."""


def peer_rows(
    system: str, role: str, name: str, layout: str, envelope: str, charset: str, connect: str | None, listen: str | None
) -> str:
    """The rows, valid as they stand (placeholders included). Raises RowsInvalid."""
    lines = [
        "# 对端 / peer: bssgw peer check 检查, bssgw peer test 测试",
        "[[peer]]",
        f'id = "{system}"',
        f'role = "{role}"',
        f'name = "{name}"',
        f'layout = "{layout}"                 # bssgw layout list',
        f'envelope = "{envelope}"',
        f'charset = "{charset}"                # 我们发出的 what we send; 收到的自行识别 what comes is recognised',
    ]
    if connect is not None or listen is None:
        lines.append(f'connect = ["{connect or "tcp://127.0.0.1:7200"}"]   # 先主用，后备用 primary first, then stand-by')
    if listen is not None:
        lines.append(f'listen = "{listen}"                 # 它连接我们的地址 the [[listen]] it connects to')
    try:
        lines += _envelope_lines(load().envelope(envelope), layout, system)
    except LookupError:
        lines.append("")
    text = "\n".join(lines) + "\n"
    around = _AROUND.format(listen=listen or "socket") + f'layout = "{layout}"\n'
    try:
        parse(around + text, "", Path.cwd())
    except ConfigError as error:
        shown = [f"  {fault.subject}{fault.zh} / {fault.en}" for fault in error.faults]
        raise RowsInvalid("\n".join(shown)) from error
    return text


def _envelope_lines(row: EnvelopeRow, layout: str, system: str) -> list[str]:
    """What the envelope needs besides: names of systems, codes, a window of one where answers cannot be told apart."""
    if row.shape in ("native", "line"):
        return []
    lines: list[str] = []
    told = any(field.role == "serial" and field.on != "request" for field in row.fields) or row.inner == "package"
    if not told and not any(field.role == "serial" for field in load().layout(layout).fields):
        lines.append("window = 1                          # 应答不带流水号，一次只能一问 answers carry no serial")
    lines += [
        "",
        "[peer.dialect]",
        f'# inner = "{row.inner}"                 # 内容：body 裸报文体 | package 整个 Package | json  what the content holds',
    ]
    if row.playing("secret") is not None or row.playing("sign") is not None:
        lines += [
            '# user = ""                         # 用户 the user, where the envelope has one',
            '# secret_file = "secrets/peer"      # 口令文件；收到的也据此核对 the password lies in a file; checked inward, too',
        ]
    if row.playing("sign") is not None:
        lines.append("# signed = true                     # 用口令对流水号与内容签名 digest over serial and content")
    sender = row.playing("sender")
    if sender is not None and row.serial:
        theirs = {_OWN: "6001030001", system: "6001030099"}
        lines += ["", "[peer.dialect.systems]              # 系统编码：我们的 = 它的 ours = theirs"]
        lines += [f'{ours} = "{code}"' for ours, code in theirs.items()]
    example = next(iter(row.codes.values()), "ASSIGN_RES")
    lines += [
        "",
        "[peer.dialect.codes]                # 报文编码：我们的 = 它的 message codes, ours = theirs",
        *(f'# {ours} = "{code}"' for ours, code in (row.codes or {"OH03": example}).items()),
        "",
        "[peer.dialect.results]              # 结果码：它的 = 我们的 result codes, theirs = ours",
        '# "E100" = "3009"',
        "",
        "# 报文体字段 a body under its names: our path = its name",
        "# [peer.dialect.bodies.AssignResource]",
        '# element = "ResAssignReq"',
        "# [peer.dialect.bodies.AssignResource.fields]",
        '# service_order_id = { name = "orderNo" }',
        '# "items/item/action" = { name = "opType", values = { install = "1", disconnect = "2" } }',
    ]
    return lines
