"""What every link test beside the gateway has: the question, the trace, the verdict of the answer (spec 02.1)."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from html import escape
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, quote_plus

from adapters.document import Document, DocumentRefused, Header
from adapters.packing import packed
from adapters.wire.packet import Kind, Packet
from adapters.wire.times import wire_time
from adapters.xml.codec import Codec
from gateway.answers import Verdict, judge
from gateway.clock import Entropy, wall_ms
from gateway.config.http import ClientTls
from gateway.config.model import Config, Peer
from gateway.links.logins import Logins
from gateway.peers import PeerBook
from gateway.speech import SpeechBook
from gateway.tls import certificates
from gateway.tls.context import CIPHERS
from gateway.tls.faults import TlsFault
from schemas.loader import load

Told = Callable[[dict[str, Any]], None]
Result = dict[str, Any]
_SHORTEST_SECRET = 4
"""Anything shorter might stand anywhere: it is not masked."""


class Failed(Exception):
    """The test ends here; ``unreachable`` where nobody was there at all."""

    def __init__(self, zh: str, en: str, *, unreachable: bool = False) -> None:
        super().__init__(f"{zh} / {en}")
        self.zh = zh
        self.en = en
        self.unreachable = unreachable


class LinkTrial:
    """One test of ``peer``; ``steps`` is everything that was told, with secrets masked."""

    def __init__(self, config: Config, peer: Peer, told: Told) -> None:
        self.config = config
        self.peer = peer
        self.codec = Codec(load())
        book = PeerBook(config.model_copy(update={"peer": (peer,)}))
        self.speeches = SpeechBook(self.codec, book, wall_ms)
        self.voice = self.speeches.of(peer.id).envelope
        self.entropy = Entropy()
        self.clock: Any = SimpleNamespace(now=wall_ms)  # a link test needs the time and no timers
        area = config.gateway.areas[0]
        self.logins = Logins(book, self.codec.catalogue, self.speeches.voice_of, self.clock, self.entropy, area)
        self.steps: list[dict[str, Any]] = []
        self._told = told
        self._began = wall_ms()
        secrets = (peer.login.secret(), peer.http.password(), peer.dialect.dialect("", "", "", "A").secret)
        spelled = {one for secret in secrets if len(secret) >= _SHORTEST_SECRET for one in _spelled(secret, peer.charset)}
        self._secrets = sorted(spelled, key=lambda one: (-len(one), one))

    def tell(self, what: str, zh: str, en: str, raw: bytes = b"", text: str = "") -> None:
        """One step, now."""
        for secret in self._secrets:
            raw = raw.replace(secret, b"*" * len(secret))
            text = text.replace(shown_text(secret, self.peer.charset), "*" * len(secret))
            text = text.replace(shown_text(secret, "UTF-8"), "*" * len(secret))
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
        return packed(header, raw, Kind.REQUEST, peer.charset), header

    def result(self, ok: bool, zh: str, en: str, *, unreachable: bool = False) -> Result:
        """The end of it, for people and programs."""
        steps = [{**step, "bytes": step["bytes"].hex()} for step in self.steps]
        return {"peer": self.peer.id, "ok": ok, "unreachable": unreachable, "zh": zh, "en": en, "steps": steps}

    def judged(self, packet: Packet, header: Header, text: str) -> Result:
        """The verdict of the answer to the question with ``header``."""
        shown = shown_text(packet.body, packet.charset or self.peer.charset)
        try:
            document = self.voice.decode_answer(packet.body, packet.charset, header)
        except DocumentRefused as refusal:
            why = "; ".join(fault.text for fault in refusal.faults) or str(refusal)
            self.tell("←", "应答读不懂", "the answer cannot be read", text=shown)
            return self.result(False, f"应答不合格：{why}", f"the answer is not acceptable: {why}")
        zh, en = f"应答 {document.element}，按 {self.peer.envelope} 解码", f"{document.element} by {self.peer.envelope}"
        self.tell("✓", zh, en, text=shown)
        if document.body.get("text") == text and document.element == document.row.answer:
            return self.result(True, "连通：文字原样返回", "the link works: the text came back unchanged")
        verdict = judge(self.codec.catalogue, packet, document)
        if verdict.category in ("ok", "accepted", "duplicate"):
            return self.result(False, *_differs(document, verdict))
        zh, en = _hint(verdict.symbol, self.peer)
        return self.result(False, f"被拒 {verdict.code} {verdict.zh}{zh}", f"refused {verdict.code} {verdict.en}{en}")

    def secured(self, wire: ssl.SSLSocket) -> None:
        """Tell of a TLS connection: version, cipher, whose certificate and how long it lasts."""
        cipher = (wire.cipher() or ("",))[0]
        shown = certificates.shown(wire.getpeercert(binary_form=True) or b"", f"peer {self.peer.id}")
        (found,) = certificates.report([shown], wall_ms())
        zh = f"{wire.version()} {cipher}，对方证书 {found['subject']}，{found['ends']} 到期 {found['zh']}"
        en = f"{wire.version()} {cipher}, their certificate {found['subject']} ends {found['ends']} {found['en']}"
        self.tell("tls", zh.rstrip(), en.rstrip())


def _differs(document: Document, verdict: Verdict) -> tuple[str, str]:
    """What an answer tells that is no refusal and does not bring the text back."""
    if document.element == document.row.answer:
        return "有应答，但文字不同：检查字符集", "answered, but the text differs: check the charset"
    zh = f"通道可用：对端收下了，以 {document.element} {verdict.code} 应答，但未按 LN03 返回文字，字符集未能核对"
    en = f"the link carries: it took the message and answered {document.element} {verdict.code}, but did not return the text"
    return zh, f"{en} as LN03 asks, so the charset could not be checked"


def _hint(symbol: str, peer: Peer) -> tuple[str, str]:
    """What to do about a refusal that has a cure in the row."""
    if symbol == "NOT_AUTHENTICATED" and peer.binding == "socket" and not peer.login.user:
        return "：要求登录，写 [peer.login] user 与 secret_file", ": it wants a login, write [peer.login] user and secret_file"
    if symbol == "NOT_AUTHENTICATED" and peer.binding != "socket":
        return "：核对 [peer.http] auth、user、password_file", ": check auth, user and password_file in [peer.http]"
    return "", ""


def _spelled(secret: str, charset: str) -> Iterator[bytes]:
    """The secret as it may stand on the wire: in either charset, as a text of XML, as the value of a form."""
    for text in (secret, escape(secret, quote=False), escape(secret)):
        for one in (text.encode(), text.encode(charset, "xmlcharrefreplace")):
            yield from (one, quote(one).encode(), quote_plus(one).encode())


def shown_text(body: bytes, charset: str) -> str:
    """Bytes as people may read them."""
    return body.decode(charset, "replace")


def client_context(tls: ClientTls) -> ssl.SSLContext:
    """TLS as the gateway's links speak it, for a plain socket. Raises OSError where a file cannot be used."""
    context = ssl.create_default_context(cafile=None if tls.ca_file is None else str(tls.ca_file))
    # from 3.13 on Python also asks for extensions that carriers' older authorities never wrote, and our links do not ask for
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    if tls.crl_file is not None:
        context.load_verify_locations(cafile=str(tls.crl_file))
        context.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF
    if tls.certificate_file is not None and tls.key_file is not None:
        context.load_cert_chain(str(tls.certificate_file), str(tls.key_file))
    return context


def tls_failed(fault: TlsFault) -> Failed:
    """The end of a test at a certificate, or where there is no TLS."""
    return Failed(f"TLS 未建立：{fault.zh}", f"no TLS: {fault.en}")
