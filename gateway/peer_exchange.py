"""A link test beside the gateway: one connection, one LN03, every step told as it happens (spec 02.1).

Framing, envelope and charset are the peer row's; the session machine is the gateway's own, driven here by a plain socket.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from adapters.document import Document, DocumentRefused, Header
from adapters.wire.events import Answered, Close, Ready, Unmatched
from adapters.wire.layout import Layout
from adapters.wire.packet import Kind, Packet
from adapters.wire.session import LocalError, Session
from adapters.wire.times import wire_time
from adapters.xml.codec import Codec
from gateway.answers import judge
from gateway.clock import wall_ms
from gateway.config import Config, Peer
from gateway.endpoints import parse_address
from gateway.links import settings_of
from gateway.peers import PeerBook
from gateway.speech import SpeechBook
from schemas.loader import layouts_in, load

Told = Callable[[dict[str, Any]], None]
_TURN_S = 0.05
_READ = 65536


class _Test:
    """One exchange; ``steps`` is everything that was told."""

    def __init__(self, config: Config, peer: Peer, told: Told) -> None:
        self.config = config
        self.peer = peer
        self.codec = Codec(load())
        self.speeches = SpeechBook(self.codec, PeerBook(config), wall_ms)
        self.voice = self.speeches.of(peer.id).envelope
        self.steps: list[dict[str, Any]] = []
        self._told = told
        self._began = wall_ms()

    def tell(self, what: str, zh: str, en: str, raw: bytes = b"", text: str = "") -> None:
        """One step, now."""
        step = {"at_ms": wall_ms() - self._began, "what": what, "zh": zh, "en": en, "bytes": raw, "text": text}
        self.steps.append(step)
        self._told(step)

    def question(self, text: str) -> tuple[Packet, Header]:
        """LN03 as the peer's row writes it."""
        row, now = self.codec.catalogue.by_element("LinkTest"), wall_ms()
        own, peer = self.config.gateway.system_id, self.peer
        area = peer.areas[0] if peer.areas else self.config.gateway.areas[0]
        serial = f"{own:<6}{wire_time(now)}7{now % 1_000_000_000:09d}"
        header = Header(row.code, serial, own, peer.id, area, wire_time(now), peer.schema_version, "B")
        raw = self.voice.encode(Document(row, row.name, header, {"text": text}), peer.charset)
        packet = Packet(
            body=raw, kind=Kind.REQUEST, code=row.code, sender=own, receiver=peer.id, area=area, serial=serial,
            send_time=wire_time(now), mode="B", charset=peer.charset,
        )  # fmt: skip
        return packet, header

    def result(self, ok: bool, zh: str, en: str, *, unreachable: bool = False) -> dict[str, Any]:
        """The end of it, for people and programs."""
        steps = [{**step, "bytes": step["bytes"].hex()} for step in self.steps]
        return {"peer": self.peer.id, "ok": ok, "unreachable": unreachable, "zh": zh, "en": en, "steps": steps}


def run_test(config: Config, peer: Peer, text: str, timeout: float, told: Told) -> dict[str, Any]:
    """The test of ``peer``; ``told`` hears each step. The result says ``ok``, texts in both languages and all steps."""
    test = _Test(config, peer, told)
    try:
        packet, header = test.question(text)
    except (LookupError, ValueError) as fault:
        return test.result(False, f"无法写出 LN03：{fault}", f"LN03 cannot be written: {fault}")
    for address in peer.connect:
        where = parse_address(address)
        try:
            with socket.create_connection((where.host, where.port), timeout=peer.timers.connect) as wire:
                test.tell("connect", f"已连接 {address}", f"connected to {address}")
                return _converse(test, wire, packet, header, text, timeout)
        except OSError as fault:
            test.tell("connect", f"{address} 连不上：{fault}", f"{address} cannot be reached: {fault}")
    zh, en = "所有地址都连不上：检查地址、防火墙、对端是否在监听", "no address can be reached: check address and firewall"
    return test.result(False, zh, en, unreachable=True)


def _converse(
    test: _Test, wire: socket.socket, packet: Packet, header: Header, text: str, timeout: float
) -> dict[str, Any]:
    rows = {row.name: row for row in (*load().layouts(), *layouts_in(test.config.gateway.layouts))}
    settings = replace(settings_of(test.peer, test.config.gateway.system_id), dialled=True)
    session = Session(Layout(rows[test.peer.layout]), settings, wall_ms(), test.speeches.describe((test.peer,)))
    end, sent = wall_ms() + int(timeout * 1000), False
    wire.settimeout(_TURN_S)
    while wall_ms() < end and not session.over:
        if not sent and session.registered:
            try:
                session.send(packet, wall_ms(), end)
            except LocalError as fault:
                return test.result(False, f"不能发送：{fault.zh}", f"cannot be sent: {fault.en}")
            sent = True
        out = session.to_send()
        if out:
            wire.sendall(out)
            test.tell("→", f"发出 {len(out)} 字节", f"{len(out)} bytes out", out, _text(packet.body, test.peer.charset))
        try:
            data = wire.recv(_READ)
        except TimeoutError:
            session.timeout(wall_ms())
            continue
        if data:
            test.tell("←", f"收到 {len(data)} 字节", f"{len(data)} bytes in", data)
        for event in session.receive(data, wall_ms()) if data else session.closed(wall_ms()):
            if isinstance(event, Answered | Unmatched):
                return _judged(test, event.packet, header, text)
            if isinstance(event, Close):
                test.tell("×", event.zh, event.en)
            elif isinstance(event, Ready):
                test.tell("·", "对端已就绪", "the peer is ready")
        if not data:
            zh, en = "对端未应答即断开：检查包头格式、封装、口令", "closed without an answer: check layout, envelope, login"
            return test.result(False, zh, en)
    return test.result(False, f"{timeout:g} 秒内没有应答", f"no answer within {timeout:g} s")


def _judged(test: _Test, packet: Packet, header: Header, text: str) -> dict[str, Any]:
    shown = _text(packet.body, packet.charset or test.peer.charset)
    try:
        document = test.voice.decode_answer(packet.body, packet.charset, header)
    except DocumentRefused as refusal:
        why = "; ".join(fault.text for fault in refusal.faults) or str(refusal)
        test.tell("←", "应答读不懂", "the answer cannot be read", text=shown)
        return test.result(False, f"应答不合格：{why}", f"the answer is not acceptable: {why}")
    zh, en = f"应答 {document.element}，按 {test.peer.envelope} 解码", f"{document.element} by {test.peer.envelope}"
    test.tell("✓", zh, en, text=shown)
    verdict = judge(test.codec.catalogue, packet, document)
    if document.body.get("text") == text and document.element == document.row.answer:
        return test.result(True, "连通：文字原样返回", "the link works: the text came back unchanged")
    if verdict.category in ("ok", "accepted", "duplicate"):
        return test.result(False, "有应答，但文字不同：检查字符集", "answered, but the text differs: check the charset")
    return test.result(False, f"被拒 {verdict.code} {verdict.zh}", f"refused {verdict.code} {verdict.en}")


def _text(body: bytes, charset: str) -> str:
    return body.decode(charset, "replace")
