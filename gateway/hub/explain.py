"""What would happen to a document, in plain words: peer, envelope, charset, schema, route, translation, bytes (spec 01.2).

Nothing is stored and nothing is sent; the rules are those of the running gateway.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from adapters.document import Document, DocumentRefused
from adapters.soap.partner import WsdlUnusable
from adapters.wire.errors import FramingFault, LocalError
from adapters.wire.framer import Framer
from adapters.wire.layout import Layout
from adapters.wire.outlet import Outlet
from adapters.wire.packet import Kind, Packet
from adapters.wire.segments import split
from adapters.wire.times import wire_time
from adapters.wire.unsaid import Unsaid
from adapters.xml.charset import Found
from adapters.xml.codec import Codec
from gateway.config.model import Config, Peer
from gateway.dispatch import IN_BOTH
from gateway.hub.explain_soap import comes_in, document_of, posted, taken
from gateway.hub.routing import Hub
from gateway.links.links import settings_of
from gateway.peers import PeerBook
from gateway.speech import SpeechBook
from schemas.loader import layouts_in, load

SEQUENCE = 1
"""Of the serial shown: the real one comes from the running gateway."""

ASCII = "ascii"
RULES = {
    "bom": ("依据字节顺序标记", "by its byte order mark"),
    "utf-8": ("字节符合 UTF-8，且非 ASCII 字符都是中日韩字符", "its bytes are valid as UTF-8, and all beyond ASCII is CJK"),
    ASCII: ("只有 ASCII 字符，各字符集写法相同", "it is all ASCII, which is the same in every charset"),
    "transport": ("依据报文头", "as its packet header says"),
    "declaration": ("依据 XML 声明", "as its XML declaration says"),
    "fallback": ("没有声明，按缺省", "nothing says, this is the default"),
}
"""How a charset was found, by the rule of ``adapters.xml.charset``."""


@dataclass(slots=True)
class Explained:
    """``steps`` are (step, Chinese, English); ``outgoing`` the bytes that would leave, with header; ``facts`` for programs."""

    steps: list[tuple[str, str, str]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    outgoing: bytes = b""
    text: str = ""
    refused: bool = False

    def say(self, step: str, zh: str, en: str, **facts: Any) -> None:
        """One more step."""
        self.steps.append((step, zh, en))
        self.facts |= facts


class Explainer:
    """Explains documents under one configuration; ``now`` (ms) is when they would leave."""

    def __init__(self, config: Config, now: int) -> None:
        self._config = config
        self._now = now
        self._codec = Codec(load())
        self._book = PeerBook(config)
        self._speeches = SpeechBook(self._codec, self._book, lambda: now)
        self._hub = Hub(config, self._book, self._speeches)
        self._layouts = {row.name: row for row in (*load().layouts(), *layouts_in(config.gateway.layouts))}

    def explain(self, raw: bytes, sender: str | None = None) -> Explained:
        """What would become of ``raw``: a document, a whole packet, a SOAP envelope. ``sender`` says whose it is where it does
        not."""
        told = Explained()
        try:
            read = self._heard(raw, sender, told)
        except DocumentRefused as refusal:
            self._refuse(told, refusal)
            return told
        if read is not None:
            self._decide(told, *read)
        return told

    def _heard(self, raw: bytes, sender: str | None, told: Explained) -> tuple[Document, Peer] | None:
        """The document and whose it is; None where nobody is known to have sent it. Raises DocumentRefused."""
        soap = taken(self._codec, raw)
        if soap is None:
            return self._bare(raw, sender, told)
        zh, en = soap.words()
        told.say("信封 envelope", zh, en, soap=soap.opened.version, operation=soap.opened.operation)
        if soap.text is not None:
            found = self._bare(soap.text.encode(), sender, told)
            if found is not None:
                self._at_listener(told, found[1])
            return found
        peer = self._book.get(sender or soap.opened.sender)
        if peer is None:
            self._nobody(told, sender or soap.opened.sender)
            return None
        self._named(told, peer)
        self._at_listener(told, peer)
        document = document_of(self._codec, soap, peer)
        self._read(told, document, soap.reading, soap.reading.data)
        return document, peer

    def _at_listener(self, told: Explained, peer: Peer) -> None:
        if not comes_in(self._config, peer):
            told.refused = True
            zh = f"{peer.id} 的 listen 不是 SOAP 监听：运行中会以 2004 拒绝"
            told.say("监听 listener", zh, f"{peer.id} does not listen at a SOAP listener: the running gateway refuses it, 2004")

    def _bare(self, raw: bytes, sender: str | None, told: Explained) -> tuple[Document, Peer] | None:
        """A document by itself, or a packet of the peer's layout. Raises DocumentRefused."""
        peer = self._peer(raw, sender, told)
        if peer is None:
            return None
        packet, expect = self._packet(raw, peer)
        document, reading = self._speeches.read(peer.id, packet, expect)
        self._read(told, document, reading, packet.body)
        return document, peer

    def _decide(self, told: Explained, document: Document, peer: Peer) -> None:
        """Where it goes, and in what form."""
        row = document.row
        decision = self._hub.decide(document, peer, served=row.command is not None)
        zh, en = decision.why
        if decision.refusal is not None:
            told.say("路由 route", zh, en)
            self._refuse(told, decision.refusal)
        elif not decision.to:
            command = row.command or "—"
            zh, en = f"{zh}；交给本系统 {command}", f"{en}; taken by {command}"
            told.say("路由 route", zh, en, decision="ours", command=row.command)
        else:
            told.say("路由 route", zh, en, decision="relay", to=decision.to)
            self._translate(told, document, decision.to)

    def _packet(self, raw: bytes, peer: Peer) -> tuple[Packet, dict[str, str] | None]:
        """The packet these bytes are in the peer's layout, and what its header says of the document; else one around them."""
        layout = Layout(self._layouts[peer.layout])
        bare = Packet(raw, charset="")
        if layout.header_size == 0 or peer.binding != "socket":
            return bare, None
        framer = Framer(layout, max(len(raw), layout.header_size), allow_unchecked=True)
        try:
            found = framer.feed(raw)
        except FramingFault:
            return bare, None
        if len(found) != 1 or framer.pending:
            return bare, None
        (packet,) = found
        Unsaid(layout, self._speeches.describe((peer,))).complete(packet)
        return packet, {name: getattr(packet, name) for name in IN_BOTH if layout.carries(name)}

    def _peer(self, raw: bytes, sender: str | None, told: Explained) -> Peer | None:
        peer = self._book.get(sender) if sender is not None else self._speeches.recognise(raw, self._book.all())
        if peer is None:
            self._nobody(told, sender)
            return None
        self._named(told, peer)
        return peer

    def _nobody(self, told: Explained, sender: str | None) -> None:
        told.refused = True
        who = sender or "—"
        zh = f"认不出发送方 {who}：用 --from 指明，或登记 [[peer]]"
        en = f"{who} is no known sender: use --from, or add a [[peer]]"
        told.say("对端 peer", zh, en, symbol="SENDER_UNKNOWN")

    def _named(self, told: Explained, peer: Peer) -> None:
        how = _manner(peer)
        told.say("对端 peer", f"{peer.id}（{peer.role}）{peer.name}，{how}", f"{peer.id} ({peer.role}), {how}",
                 peer=peer.id, role=peer.role, envelope=peer.envelope)  # fmt: skip

    def _read(self, told: Explained, document: Document, reading: Found, raw: bytes) -> None:
        rule = ASCII if reading.rule == "utf-8" and raw.isascii() else reading.rule
        by_zh, by_en = RULES[rule]
        zh, en = f"{reading.charset}：{by_zh}", f"{reading.charset}: {by_en}"
        if reading.wrong:
            zh, en = f"{zh}；声明 {'、'.join(reading.wrong)} 有误", f"{en}; declared wrongly as {', '.join(reading.wrong)}"
        told.say("字符集 charset", zh, en, charset=reading.charset, rule=rule, wrong=list(reading.wrong))
        header, row = document.header, document.row
        told.say("报文 document", f"{row.code} {row.zh} {document.element}，流水号 {header.serial}，符合模式 {header.version}",
                 f"{row.code} {document.element}, serial {header.serial}, valid by schema {header.version}", code=row.code,
                 element=document.element, serial=header.serial, sender=header.sender, receiver=header.receiver,
                 area=header.area)  # fmt: skip

    def _framed(self, packet: Packet, target: Peer) -> bytes:
        """All packets of the document, one after the other, under a serial of the header's width. Raises LocalError."""
        layout, settings = Layout(self._layouts[target.layout]), settings_of(target, self._book.own_id)
        room = Outlet(layout, settings).room
        dressed = Unsaid(layout, None).dress(packet)
        whole = len(dressed.body) <= room or not (layout.carries("more") and layout.carries("segment"))
        return b"".join(map(layout.encode, [dressed] if whole else split(dressed, room)))

    def _leaves(self, told: Explained, packet: Packet, target: Peer) -> None:
        """The bytes that would leave, and their text. Raises LocalError, LookupError, OSError, WsdlUnusable."""
        body, charset = packet.body, target.charset
        if target.binding == "socket":
            told.outgoing = self._framed(packet, target)
        else:
            post, zh, en = posted(self._codec, packet, target)
            told.say("发送 request", zh, en)
            told.outgoing = body = post.body
            charset = "UTF-8" if target.binding == "soap" else charset
        told.text = body.decode(charset, "replace")

    def _refuse(self, told: Explained, refusal: DocumentRefused) -> None:
        told.refused = True
        row = self._codec.catalogue.result(refusal.symbol)
        faults = [{"path": one.path, "rule": one.rule, "found": one.found, "text": one.text} for one in refusal.faults]
        zh, en = f"{row.code} {row.zh}", f"{row.code} {row.en}"
        told.say("拒绝 refused", zh, en, decision="refused", result=row.code, faults=faults)
        for fault in refusal.faults:
            told.say("错误 fault", f"{fault.path}：{fault.zh}", f"{fault.path}: {fault.en}")

    def _translate(self, told: Explained, document: Document, to: str) -> None:
        target = self._config.peer_of(to)
        if target is None:
            raise LookupError(to)
        own, header, row = self._book.own_id, document.header, document.row
        time = wire_time(self._now)
        serial = f"{own}{time}{SEQUENCE:010d}"
        head = replace(header, serial=serial, receiver=to, send_time=time, version=target.schema_version)
        kept = f"{header.serial} → {serial}"
        how = _manner(target)
        told.say("转换 translation", f"写成 {how}；流水号 {kept}，成对留存", f"written as {how}; serial {kept}, kept as a pair")
        try:
            body = self._speeches.of(to).envelope.encode(Document(row, document.element, head, document.body), target.charset)
            packet = Packet(
                body=body, kind=Kind.NOTIFICATION if row.pattern == "N" else Kind.REQUEST, code=row.code,
                sender=header.sender, receiver=to, area=header.area, serial=serial, send_time=time,
                mode="B" if row.pattern == "Q" else target.mode, charset=target.charset,
            )  # fmt: skip
            self._leaves(told, packet, target)
        except (LookupError, ValueError, OSError, LocalError, WsdlUnusable) as fault:
            told.refused = True
            zh, en = f"将转入异常单：{fault}", f"would be parked: {fault}"
            told.say("无法写出 unwritable", zh, en, decision="parked", why=str(fault))
            return
        told.facts |= {"outgoing": {"bytes": len(told.outgoing), "hex": told.outgoing.hex(), "text": told.text}}


def _manner(peer: Peer) -> str:
    """Envelope, what stands around it, charset."""
    around = peer.layout if peer.binding == "socket" else peer.binding
    return f"{peer.envelope}, {around}, {peer.charset}"
