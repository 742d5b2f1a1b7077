"""Documents over HTTP: what the suite posts and answers, and what comes back as packets (spec 01.3, 01.4).

A packet read from HTTP says what its document says; beside it stand the *facts* of the exchange (status, media type, Fault
code ...), which lines judge under ``web``.  Nothing of an answer is mended: one that is not as the specification has it is
handed on as it is, and fails for that.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from lxml import etree

from adapters.document import DocumentRefused, Header
from adapters.envelopes.form import MEDIA_TYPE as FORM
from adapters.soap.answers import package_of_answer
from adapters.soap.names import MEDIA, SoapVersion, action
from adapters.soap.reading import Opened, open_envelope, text_of, to_package
from adapters.soap.writing import Frame
from adapters.wire.packet import Kind, Packet
from adapters.xml.charset import read
from adapters.xml.codec import Codec
from conformance.accounts import BASIC
from conformance.identity import SHOWN_BASIC, SHOWN_TOKEN, Proof, Prover, discreet
from conformance.model import Difference, Line
from conformance.pics import SOAP, Pics
from conformance.speech import Oldest, Speech
from conformance.web import Message, chunked, gzipped, written
from schemas.loader import RECEIPT, RELEASE
from schemas.wsdl import service_namespace

FACT = "web."
"""Begins the names of facts among a packet's free fields."""
PROVEN = f"{FACT}proven"
"""The fact how a request has proven who asks, or why it has not; not there where nothing is demanded."""
_TEXT_MOST = 65_536
_REFERENCE = re.compile(rb"&#")
_TAKEN = ("ok", "accepted", "duplicate")
_UNPROVEN = 401
_CHALLENGE = ("WWW-Authenticate", 'Basic realm="suite", charset="UTF-8"')
_SOAP_ONLY = {"2003": (401,), "1008": (413,), "1002": (415,)}
"""Statuses a Fault may have besides 400 and 500: those that HTTP itself has for the same thing."""


class WebCarriage:
    """``target`` is the address of the system under test: ``http://host:port/path``; ``prover``: what our requests show."""

    def __init__(self, codec: Codec, speech: Speech, pics: Pics, target: str, prover: Prover | None = None) -> None:
        parts = urlsplit(target)
        self._codec = codec
        self._speech = speech
        self._pics = pics
        self._prover = prover
        self._asks = any(account.how == BASIC for account in pics.accounts.values())
        self._host = parts.netloc or "suite"
        self._path = "" if parts.scheme == "mem" else parts.path.rstrip("/")
        release = codec.catalogue.version(RELEASE)
        self._release = release
        self._frames: dict[str, Frame] = {version: Frame(version, release) for version in MEDIA}
        table = codec.catalogue.table("http_statuses").rows.values()
        self._statuses = {row.code: int(str(row.extra["status"])) for row in table}
        self._soap = pics.binding == SOAP

    # -- ours

    def request(self, packet: Packet, line: Line, now: int) -> bytes:
        """The request of a ``send`` line, as wrong as its ``web`` wants it. Raises ValueError, LookupError."""
        web: dict[str, Any] = line.args.get("web", {})
        name = self._codec.catalogue.message(line.what).name
        path, body, headers = self._posted(packet, name, web)
        wrong = web.get("account", {})
        proof = Proof() if self._prover is None else self._prover.proof(line.party, packet.serial, wrong, now)
        body, headers["Authorization"] = proof.beside(body), proof.header
        for old, new in web.get("edit", ()):
            body = _edited(body, old, new)
        body = str(web["body"]).encode() if "body" in web else body
        body += b" " * int(web.get("pad", 0))
        path = _path(path, str(web.get("path", "")))
        method = str(web.get("method", "POST"))
        if method != "POST":
            body = b""
        if web.get("coding") == "gzip":
            body = gzipped(body)
            headers["Content-Encoding"] = "gzip"
        if web.get("transfer") == "chunked":
            body = chunked(body)
            headers["Transfer-Encoding"] = "chunked"
        elif method == "POST":
            headers["Content-Length"] = str(len(body))
        headers |= {str(name): str(value) for name, value in web.get("headers", {}).items()}
        return written(f"{method} {path} HTTP/1.1", {"Host": self._host, **headers}.items(), body)

    def _posted(self, packet: Packet, name: str, web: dict[str, Any]) -> tuple[str, bytes, dict[str, str]]:
        """Path, body and headers of the message ``name``."""
        version = str(web.get("soap", self._pics.soap))
        if not self._soap:
            if not self._speech.native:
                media = FORM if self._speech.row.parts else f"application/xml; charset={packet.charset}"
                return self._path or "/if", packet.body, {"Content-Type": media}
            return f"{self._path}/if/{name}", packet.body, {"Content-Type": f"application/xml; charset={packet.charset}"}
        operation = str(web.get("operation", self._pics.operation))
        frame = self._frames[version]
        if operation == "document":
            body, act = frame.around(packet.body), action(self._release.message_namespace, name)
        else:
            space = service_namespace(RELEASE)
            text = read(packet.body, packet.charset).data.decode()
            body, act = frame.text_request(operation, space, text), action(space, operation)
        media = f"{MEDIA[_version(version)]}; charset=utf-8"
        if version == "1.2":
            return self._path or "/soap", body, {"Content-Type": f'{media}; action="{act}"'}
        return self._path or "/soap", body, {"Content-Type": media, "SOAPAction": f'"{act}"'}

    def answer(self, packet: Packet, asked: Packet) -> bytes:
        """The response with an answer of ours to what came as ``asked``."""
        code = packet.result
        status = self._statuses.get(code, 200)
        if not self._soap:
            form = bool(self._speech.row.parts)
            media = FORM if form else f"application/xml; charset={packet.charset}"
            return _response(status, media, packet.body)
        version = asked.extra.get(f"{FACT}soap") or self._pics.soap
        frame = self._frames[version]
        operation = asked.extra.get(f"{FACT}operation", "document")
        media = f"{MEDIA[_version(version)]}; charset=utf-8"
        if operation != "document":
            text = read(packet.body, packet.charset).data.decode()
            space = asked.extra.get(f"{FACT}namespace", "")
            return _response(200, media, frame.text_answer(operation, space, text))
        result = self._codec.catalogue.result(code)
        if result.category in _TAKEN:
            return _response(200, media, frame.around(packet.body))
        if not (status == _UNPROVEN and self._asks):
            status = 400 if version == "1.2" and not code.startswith("9") else 500
        return _response(status, media, frame.fault(packet.body, result))

    # -- theirs

    def answered(self, message: Message, asked: Packet) -> Packet:
        """The answer in a response to ``asked``."""
        facts = _facts(message)
        facts["status"] = message.first[1]
        packet = Packet(message.body, kind=Kind.RECEIPT, code=asked.code, receiver=asked.sender, serial=asked.serial,
                        charset=message.charset or "")  # fmt: skip
        try:
            if self._soap:
                packet.body, packet.charset = self._of_soap(message, facts, asked), "UTF-8"
            if packet.body:
                self._speech.complete(packet, lambda: asked)
        except DocumentRefused as refusal:
            facts["why"], packet.body = str(refusal), b""
        packet.extra |= {f"{FACT}{name}": value for name, value in facts.items()}
        return packet

    def _of_soap(self, message: Message, facts: dict[str, str], asked: Packet) -> bytes:
        """The Package of an envelope; empty for a Fault without Receipt. Raises DocumentRefused."""
        root = self._codec.parser.parse(self._codec.read(message.body, message.charset).data)
        opened = open_envelope(root)
        facts |= {"soap": opened.version, "element": opened.operation, "block": "yes" if opened.header is not None else "no"}
        if opened.operation != "Fault":
            if opened.operation.removesuffix("Response") != opened.operation:
                return text_of(opened).encode()
            return package_of_answer(self._codec, root, _header(asked))[0]
        facts |= _fault(opened)
        receipt = next(opened.content.iter(f"{{{self._release.message_namespace}}}{RECEIPT}"), None)
        if receipt is None:
            return b""
        if opened.header is None:
            return package_of_answer(self._codec, root, _header(asked))[0]
        opened.root[-1][:] = [receipt]
        return etree.tostring(to_package(opened, self._release), encoding="UTF-8", xml_declaration=True)

    def asked(self, message: Message, oldest: Oldest) -> Packet:
        """The message in a request."""
        facts = _facts(message) | {"path": message.first[1], "action": message.header("soapaction").strip('"')}
        packet = Packet(message.body, kind=Kind.REQUEST, charset=message.charset or "")
        shown = {SHOWN_BASIC: message.header("authorization")}
        try:
            if self._soap:
                packet.body, packet.charset = self._asked_by_soap(message, facts, shown), "UTF-8"
            self._speech.complete(packet, oldest)
        except DocumentRefused as refusal:
            facts["why"] = str(refusal)
        packet.extra |= {f"{FACT}{name}": value for name, value in facts.items()} | shown
        return packet

    def _asked_by_soap(self, message: Message, facts: dict[str, str], shown: dict[str, str]) -> bytes:
        root = self._codec.parser.parse(self._codec.read(message.body, message.charset).data)
        opened = open_envelope(root)
        space = etree.QName(opened.content).namespace or ""
        facts |= {"soap": opened.version, "element": opened.operation}
        if opened.security is not None:
            shown[SHOWN_TOKEN] = etree.tostring(opened.security, encoding="unicode")
        if opened.is_text:
            facts |= {"operation": opened.operation, "namespace": space}
            return text_of(opened).encode()
        return etree.tostring(to_package(opened, self._release), encoding="UTF-8", xml_declaration=True)

    # -- judged

    def disagreements(self, packet: Packet, code: str) -> list[Difference]:
        """Where status and Fault do not say what the Receipt says (01.3, 01.4)."""
        facts = facts_of(packet)
        status = facts.get("status", "")
        if not self._soap:
            wanted = [self._statuses.get(code, 200), *([400] if code in ("1002", "1003") else [])]
            return _unless(status in map(str, wanted), "web/status", " | ".join(map(str, wanted)), status)
        if self._codec.catalogue.result(code).category in _TAKEN or facts.get("element", "").endswith("Response"):
            return _unless(status == "200", "web/status", "200", status) + _unless(
                "fault" not in facts, "web/fault", "（无）/ (nothing)", facts.get("fault", "")
            )
        newer, theirs = facts.get("soap") == "1.2", code.startswith("9")
        names = {"Server", "Receiver"} if theirs else {"Client", "Sender", "MustUnderstand", "VersionMismatch"}
        usual = [400 if newer and not theirs and facts.get("fault") == "Sender" else 500, *_SOAP_ONLY.get(code, ())]
        found = _unless(facts.get("fault", "") in names, "web/fault", " | ".join(sorted(names)), facts.get("fault", "—"))
        return found + _unless(status in map(str, usual), "web/status", " | ".join(map(str, usual)), status)


def facts_of(packet: Packet) -> dict[str, str]:
    """What is known of the exchange a packet came in; empty on sockets."""
    return {name.removeprefix(FACT): value for name, value in packet.extra.items() if name.startswith(FACT)}


def refused(status: int) -> bytes:
    """The response to what is no message at all."""
    return _response(status, "text/plain; charset=utf-8", b"POST\n")


def _response(status: int, media: str, body: bytes) -> bytes:
    headers = (("Content-Type", media), ("Content-Length", str(len(body))), *((_CHALLENGE,) if status == _UNPROVEN else ()))
    return written(f"HTTP/1.1 {status} {'OK' if status == 200 else 'Refused'}", headers, body)


def _unless(holds: bool, path: str, expected: str, got: str) -> list[Difference]:
    return [] if holds else [Difference(path, expected, got)]


def _facts(message: Message) -> dict[str, str]:
    facts = {
        "type": message.header("content-type"), "media": message.media, "coding": message.header("content-encoding"),
        "interim": " ".join(message.interim), "text": discreet(message.body[:_TEXT_MOST]).decode("utf-8", "replace"),
        "references": "yes" if _REFERENCE.search(message.body) else "no",
        "length": str(len(message.body)), "lasts": "no" if message.header("connection").lower() == "close" else "yes",
    }  # fmt: skip
    shown = [(name.lower(), value) for name, value in message.headers if not name.lower().endswith("authorization")]
    return facts | {f"header.{name}": value for name, value in shown}


def _fault(opened: Opened) -> dict[str, str]:
    """Code and texts of a Fault."""
    local = {str(one.tag).rpartition("}")[2]: one for one in opened.content.iter() if isinstance(one.tag, str)}
    code = local.get("faultcode") if opened.version == "1.1" else local.get("Value")
    reason = local.get("faultstring") if opened.version == "1.1" else local.get("Text")
    shown = (code.text or "").strip() if code is not None else ""
    text = (reason.text or "").strip() if reason is not None else ""
    return {"fault": shown.rpartition(":")[2], "reason": text}


def _header(packet: Packet) -> Header:
    return Header(packet.code, packet.serial, packet.sender, packet.receiver, packet.area, packet.send_time, mode=packet.mode)


def _edited(body: bytes, old: str, new: str) -> bytes:
    """Text of the body replaced; ``~`` begins a pattern. Raises ValueError where it is not there."""
    text = body.decode("utf-8")
    changed = re.sub(old[1:], lambda _: new, text) if old.startswith("~") else text.replace(old, new)
    if changed == text:
        raise ValueError(f"请求体中没有 {old} / the body of the request has no {old}")
    return changed.encode()


def _path(usual: str, wanted: str) -> str:
    if wanted.startswith("?"):
        return usual + wanted
    return wanted or usual


def _version(text: str) -> SoapVersion:
    return "1.2" if text == "1.2" else "1.1"
