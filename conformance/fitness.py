"""What a case needs of the wire, and whether the questionnaire's binding, layout and envelope have it (spec 07.3).

A case that needs more than they carry is not applicable, and the reason says what is missing; everything else runs on every
binding and layout with the same lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from adapters.wire.layout import Layout
from conformance.exchange import INBOUND
from conformance.model import Case, Line
from conformance.paper import HEARTBEAT
from conformance.pics import SOAP, Pics, envelope_of
from schemas.loader import Catalogue, UnknownName
from schemas.model import EnvelopeRow

_BYTES = ("split", "pause", "cut", "hold", "patch")
"""What a line does to the bytes of a connection."""
_LINK = (HEARTBEAT, "heartbeat_reply", "closed", "connected")
_DERIVED = ("length", "false_labels", "kind", "code", "serial", "sender", "receiver", "area", "mode", "result", "send_time")
"""Of a packet that came: what its document says where its header does not."""
_CARRIED = ("ref_serial", "result_code", "serial")
"""Document header fields every envelope hands on in some way."""
_AROUND = re.compile(r"Package|<\\?\?xml|encoding=|\^|<(?:Body|Header)>")
_PLAIN = ("code", "text")


@dataclass(frozen=True, slots=True)
class Wire:
    """What the questionnaire offers."""

    pics: Pics
    catalogue: Catalogue
    layout: Layout
    envelope: EnvelopeRow

    @property
    def native(self) -> bool:
        """Whether documents stand in the envelope of spec 01.2."""
        return self.envelope.shape == "native"

    @property
    def matches(self) -> bool:
        """Whether an answer on a connection that carries several says which it is."""
        serial = self.envelope.playing("serial")
        inside = self.native or self.envelope.inner == "package" or (serial is not None and serial.on != "request")
        return inside or self.layout.carries("serial")


def wire_of(pics: Pics, catalogue: Catalogue) -> Wire:
    """For a questionnaire."""
    return Wire(pics, catalogue, Layout(catalogue.layout(pics.layout)), catalogue.envelope(envelope_of(pics, catalogue)))


def lacking(case: Case, wire: Wire) -> str:
    """What a case needs and the wire has not, as ``Chinese / English``; empty: it fits."""
    if HEARTBEAT in case.pics and (wire.pics.web or not wire.layout.heartbeats):
        return "此布局或绑定没有心跳 / this layout or binding has no heartbeat"
    for line in (*case.preamble, *case.lines, *case.postamble):
        found = next(iter(_of_line(line, wire)), "")
        if found:
            return found
    return ""


def _of_line(line: Line, wire: Wire) -> Iterable[str]:
    yield from _of_messages(line, wire)
    yield from _of_web(line, wire) if wire.pics.web else _of_socket(line, wire)
    if not wire.native:
        yield from _of_envelope(line, wire)


def _of_messages(line: Line, wire: Wire) -> Iterable[str]:
    """Messages that are not offered by this binding, or have no code in this envelope."""
    if line.do not in ("send", "expect"):
        return
    try:
        row = wire.catalogue.message(line.what)
    except UnknownName:
        return
    binding = wire.pics.binding
    if binding not in row.bindings:
        yield f"{row.code} 不经 {binding} 传送 / {row.code} does not travel by {binding}"
    if wire.envelope.lines and row.name not in [one.element for one in wire.envelope.lines]:
        yield f"封装 {wire.envelope.name} 不承载 {row.code} / envelope {wire.envelope.name} does not carry {row.code}"
    pattern = wire.envelope.code_pattern
    code = {**wire.envelope.codes, **wire.pics.codes}.get(row.code, row.code)
    if pattern and re.fullmatch(pattern, code) is None:
        name = wire.envelope.name
        yield f"封装 {name} 中没有 {row.code} 的编码，见问卷 [codes] / envelope {name} has no code for {row.code}: see [codes]"


def _of_web(line: Line, wire: Wire) -> Iterable[str]:
    """HTTP has no connection of one's own, no packet header and no heartbeat."""
    if line.do == "raw" or line.what in _LINK or any(name in line.args for name in _BYTES):
        yield "需要套接字连接 / it needs a socket"
    if line.do == "close" and line.on == INBOUND:
        yield "需要套接字连接 / it needs a socket"
    if line.do == "send" and "packet" in line.args:
        yield "HTTP 没有报文头 / there is no packet header over HTTP"
    yield from _unproven(line, wire)
    yield from _unsaid(line, ())
    if wire.pics.binding != SOAP:
        return
    if any(name in line.args for name in ("charset", "declare", "bytes")):
        yield "SOAP 只用 UTF-8 / SOAP is UTF-8"
    if any(_AROUND.search(old) for old, _ in line.args.get("edit", ())):
        yield "改动在 Header 与 Body 之外 / it changes what stands outside Header and Body"


def _unproven(line: Line, wire: Wire) -> Iterable[str]:
    """A line about accounts needs those of its party, shown as it says."""
    web, accounts = line.args.get("web", {}), wire.pics.accounts
    said = web.get("account", {})
    hows = str(said.get("how") or web.get("proven", "")).removeprefix("=")
    for role in (line.party, said.get("of")):
        how = hows.replace("|", "/")
        if role and hows and (role not in accounts or accounts[role].how not in hows.split("|")):
            yield f"问卷的 [accounts] 没有 {role} 的 {how} 账户 / [accounts] has no {how} account of {role}"


def _of_socket(line: Line, wire: Wire) -> Iterable[str]:
    layout = wire.layout
    name = layout.name
    if line.do == "send" and line.what != HEARTBEAT and not wire.matches:
        yield (
            f"布局 {name} 与封装 {wire.envelope.name} 的应答都不说所答何事"
            f" / neither layout {name} nor envelope {wire.envelope.name} say what an answer is about"
        )
    if "web" in line.args or line.what == "response":
        yield "需要 HTTP / it needs HTTP"
    if line.do == "close" and line.args.get("how") == "half" and wire.pics.secure:
        yield "TLS 没有半关闭 / TLS has no half connection"
    if line.what in (HEARTBEAT, "heartbeat_reply") and not layout.heartbeats:
        yield f"布局 {name} 没有心跳 / layout {name} has no heartbeat"
    if "cut" in line.args and (layout.pages or not (layout.carries("more") and layout.carries("segment"))):
        yield f"布局 {name} 不能任意分段 / layout {name} has no segments sent at will"
    if line.do == "send":
        for field in line.args.get("packet", {}):
            if field != "checksum" and not layout.carries(field):
                yield f"布局 {name} 的报文头没有 {field} / the header of layout {name} has no {field}"
    if "declare" in line.args and not layout.carries("charset"):
        yield f"布局 {name} 的报文头没有字符集 / the header of layout {name} has no charset"
    said = tuple(field for field in ("ttl", "checksum") if layout.carries(field))
    yield from _unsaid(line, said)


def _unsaid(line: Line, said: tuple[str, ...]) -> Iterable[str]:
    """Header fields that are judged, and nobody can say."""
    if line.do != "expect":
        return
    for field in line.args.get("packet", {}):
        if field not in (*_DERIVED, *said):
            yield f"报文头没有 {field} / no header says {field}"


def _of_envelope(line: Line, wire: Wire) -> Iterable[str]:
    """Lines that are about the native Package itself."""
    name = wire.envelope.name
    if "edit" in line.args or "bytes" in line.args:
        yield f"改动的是原生封装，不是 {name} / it changes the native envelope, not {name}"
    for field in line.args.get("header", {}):
        if field not in _CARRIED:
            yield f"封装 {name} 没有 {field} / envelope {name} has no {field}"
    told = {pair.partition("/")[0] for one in wire.envelope.lines for pair in one.pairs.values()}
    for field in line.args.get("body", {}) if wire.envelope.lines and line.do == "expect" else ():
        if field not in (*told, *_PLAIN):
            yield f"封装 {name} 不承载 {field} / envelope {name} does not carry {field}"
    if line.what in ("receipt", "refusal") and any(field not in _PLAIN for field in line.args.get("body", {})):
        yield f"封装 {name} 的应答只有结果与文字 / an answer in envelope {name} says a result and a text"
