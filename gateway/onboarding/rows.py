"""Rows for a new peer as text with comments, to be completed by a person: what its envelope needs is there (spec 01.2, 05)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from gateway.config.faults import ConfigError
from gateway.config.file import parse
from schemas.loader import load
from schemas.model import EnvelopeRow

_OWN = "CRM001"
_AROUND = '[gateway]\nsystem_id = "CRM001"\nareas = ["025"]\n\n[[listen]]\nname = {listen}\naddress = "tcp://127.0.0.1:0"\n'


class RowsInvalid(ValueError):
    """The values given make no valid rows; the text lists every fault in both languages, ``rows`` has them one by one."""

    def __init__(self, rows: list[dict[str, str]]) -> None:
        self.rows = rows
        super().__init__("\n".join(f"{row['where']}: {row['zh']} / {row['en']}" for row in rows))


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is known of a peer before it has rows; ``connect`` and ``listen`` as the row says them, or None."""

    system: str
    role: str
    name: str = ""
    binding: str = "socket"
    layout: str = "ctif-128"
    envelope: str = "package"
    charset: str = "GB18030"
    connect: str | None = None
    listen: str | None = None


def peer_rows(wanted: Wanted) -> str:
    """The rows, valid as they stand (placeholders included). Raises RowsInvalid."""
    on_socket = wanted.binding == "socket"
    lines = [
        "# 对端 / peer: bssgw peer check 检查, bssgw peer test 测试",
        "[[peer]]",
        f"id = {quoted(wanted.system)}",
        f"role = {quoted(wanted.role)}",
        f"name = {quoted(wanted.name)}",
        *([] if on_socket else [f"binding = {quoted(wanted.binding)}"]),
        *([f"layout = {quoted(wanted.layout)}                 # bssgw layout list"] if on_socket else []),
        f"envelope = {quoted(wanted.envelope)}",
    ]
    if wanted.binding != "soap":
        about = "我们发出的 what we send; 收到的自行识别 what comes is recognised"
        lines.append(f"charset = {quoted(wanted.charset)}                # {about}")
    if wanted.connect is not None or wanted.listen is None:
        usual = _USUAL[wanted.binding]
        lines.append(f"connect = [{quoted(wanted.connect or usual)}]   # 先主用，后备用 primary first, then stand-by")
    if wanted.listen is not None:
        lines.append(f"listen = {quoted(wanted.listen)}                 # 它连接我们的地址 the [[listen]] it connects to")
    try:
        lines += _envelope_lines(load().envelope(wanted.envelope), wanted)
    except LookupError:
        lines.append("")
    text = "\n".join([*lines, *_binding_lines(wanted)]) + "\n"
    around = _AROUND.format(listen=quoted(wanted.listen or "socket"))
    around += f"layout = {quoted(wanted.layout)}\n" if on_socket else f"binding = {quoted(wanted.binding)}\n"
    try:
        parse(around + text, "", Path.cwd(), reach=True)
    except ConfigError as error:
        rows = [{"where": fault.subject.removesuffix(": "), "zh": fault.zh, "en": fault.en} for fault in error.faults]
        raise RowsInvalid(rows) from error
    return text


def quoted(value: str) -> str:
    """``value`` as a TOML string, whatever is in it: what JSON escapes TOML reads, and the one control character it leaves."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")


_USUAL = {"socket": "tcp://127.0.0.1:7200", "soap": "http://127.0.0.1:7280/soap", "http": "http://127.0.0.1:7280"}


def _binding_lines(wanted: Wanted) -> list[str]:
    """Who proves what to whom: login on sockets, credentials over HTTP, certificates on addresses with TLS."""
    lines: list[str] = []
    if wanted.binding == "socket":
        lines += [
            "",
            "# [peer.login]                      # 登录 LN01, where one side asks for it",
            '# user = "CRM001"                   # 我方登录用户 as whom we log in',
            "# required = true                   # 对端须先登录 it must log in first",
            '# secret_file = "secrets/peer"',
        ]
    else:
        text = wanted.binding == "soap" and wanted.envelope != "package"
        lines += [
            "",
            "[peer.http]",
            *(['operation = "exchange"             # 整个文档作为文本 the whole document as text'] if text else []),
            '# auth = "basic"                    # none | basic | digest | certificate',
            '# user = "crm"',
            '# password_file = "secrets/peer"',
        ]
        if wanted.binding == "soap":
            lines.append('# soap = "1.1"                      # 1.1 | 1.2')
    if wanted.connect is not None and wanted.connect.startswith(("tls://", "https://")):
        lines += [
            "",
            "[peer.tls]                          # 缺省信任系统的 CA unset: the system's authorities",
            '# ca_file = "secrets/peer-ca.pem"',
            '# certificate_file = "secrets/gateway.crt"   # 对方要证书时 where it asks for one',
            '# key_file = "secrets/gateway.key"',
        ]
    return lines


def _envelope_lines(row: EnvelopeRow, wanted: Wanted) -> list[str]:
    """What the envelope needs besides: names of systems, codes, a window of one where answers cannot be told apart."""
    if row.shape in ("native", "line"):
        return []
    lines: list[str] = []
    told = any(field.role == "serial" and field.on != "request" for field in row.fields) or row.inner == "package"
    layout = load().layout(wanted.layout)
    if wanted.binding == "socket" and not told and not any(field.role == "serial" for field in layout.fields):
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
        theirs = {_OWN: "6001030001", wanted.system: "6001030099"}
        lines += ["", "[peer.dialect.systems]              # 系统编码：我们的 = 它的 ours = theirs"]
        lines += [f'{quoted(ours)} = "{code}"' for ours, code in theirs.items()]
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
