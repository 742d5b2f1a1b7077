"""A link test beside the gateway over HTTP: one POST of LN03 as the peer's row says, SOAP or plain, every step told (02.1)."""

from __future__ import annotations

import base64
import http.client
import ssl
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from adapters.document import DocumentRefused
from adapters.soap.partner import WsdlUnusable
from adapters.wire.packet import Packet
from gateway.clock import wall_ms
from gateway.onboarding.link_test import Failed, LinkTrial, Result, client_context, tls_failed
from gateway.tls.faults import fault_of
from gateway.web.answers import Bare, BareAnswers
from gateway.web.gzip_coding import NAMES, NotGzip, UnpacksTooLong, unpacked
from gateway.web.intake import media_charset
from gateway.web.speech import Posted, asked_at, speech_of, target
from gateway.web.status import retry_after


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came back."""

    head: Bare
    retry_after: bytes
    media: bytes
    body: bytes


def post_test(trial: LinkTrial, text: str, timeout: float) -> Result:
    """The test at the first address where somebody is. Raises Failed."""
    try:
        packet, header = trial.question(text)
        speech = speech_of(trial.peer, trial.codec, trial.clock, trial.entropy)
        posted = speech.post(packet)
    except WsdlUnusable as fault:
        raise Failed(fault.zh, fault.en) from fault
    except (LookupError, ValueError, OSError) as fault:
        raise Failed(f"无法写出 LN03：{fault}", f"LN03 cannot be written: {fault}") from fault
    found = _first_answer(trial, posted, timeout)
    charset = media_charset(found.media)[1]
    bare = BareAnswers(trial.codec.catalogue)
    instead = bare.receipt(trial.codec, header, found.head) if found.head.status >= http.client.MULTIPLE_CHOICES else b""
    try:
        # as the gateway's links judge it: with these two statuses a Fault says itself whose it is (01.3)
        status = instead if found.head.status not in (400, 500) else b""
        package = speech.answer(found.body, charset, header, status)
        if instead:
            if package == status:
                raise DocumentRefused("NOT_WELL_FORMED", detail="a Fault in words")
            trial.voice.decode_answer(package, charset, header)  # a page of somebody's proxy is no answer of the peer's
    except DocumentRefused as refusal:
        raise _unread(bare, found, refusal) from refusal
    answer = Packet(body=package, code=header.code, sender=trial.peer.id, receiver=header.sender, serial=header.serial)
    answer.charset = "UTF-8" if trial.peer.binding == "soap" else charset or trial.peer.charset
    return trial.judged(answer, header, text)


def _unread(bare: BareAnswers, found: _Answer, refusal: DocumentRefused) -> Failed:
    """The end of a test at an answer without a document: what its status says, or where to look."""
    head = found.head
    if head.status >= http.client.MULTIPLE_CHOICES:
        zh, en = bare.words(head)
        wait = retry_after(found.retry_after, wall_ms()) // 1000
        return Failed(f"{zh}（{wait} 秒后再试）", f"{en} (try again in {wait} s)") if wait else Failed(zh, en)
    zh = f"HTTP {head.status}，正文不是应答：检查地址与 [peer.http]（{refusal}）"
    return Failed(zh, f"HTTP {head.status} without a readable answer: check address and [peer.http] ({refusal})")


def _first_answer(trial: LinkTrial, posted: Posted, timeout: float) -> _Answer:
    for address in trial.peer.connect:
        parts = urlsplit(address)
        connection = _connection(trial, parts)
        try:
            connection.connect()
        except ssl.SSLError as fault:
            raise tls_failed(fault_of(fault)) from fault
        except OSError as fault:
            trial.tell("connect", f"{address} 连不上：{fault}", f"{address} cannot be reached: {fault}")
            continue
        trial.tell("connect", f"已连接 {address}", f"connected to {address}")
        if isinstance(connection.sock, ssl.SSLSocket):
            trial.secured(connection.sock)
        connection.sock.settimeout(timeout)
        try:
            return _exchange(trial, connection, parts, posted)
        except TimeoutError as fault:
            raise Failed(f"{timeout:g} 秒内没有应答", f"no answer within {timeout:g} s") from fault
        except ssl.SSLError as fault:
            raise tls_failed(fault_of(fault)) from fault
        except http.client.IncompleteRead as fault:
            raise _broken_off() from fault
        except (http.client.RemoteDisconnected, ConnectionError) as fault:
            zh = "对端未应答就断开连接：看对端日志，核对地址、http 或 https"
            raise Failed(zh, "it closed the connection without an answer: see its log, check address, http or https") from fault
        except (OSError, http.client.HTTPException) as fault:
            raise Failed(f"那里说的不是 HTTP：{fault!r}", f"what answered there speaks no HTTP: {fault!r}") from fault
        except NotGzip as fault:
            raise Failed(f"应答的 {fault.zh}", f"the answer: {fault.en}") from fault
        except UnpacksTooLong as fault:
            raise _too_long(trial) from fault
        finally:
            connection.close()
    zh, en = "所有地址都连不上：检查地址、防火墙、对端是否在监听", "no address can be reached: check address and firewall"
    raise Failed(zh, en, unreachable=True)


def _connection(trial: LinkTrial, parts: SplitResult) -> http.client.HTTPConnection:
    host, limit = parts.hostname or "", trial.peer.timers.connect
    if parts.scheme != "https":
        return http.client.HTTPConnection(host, parts.port, timeout=limit)
    try:
        context = client_context(trial.peer.tls)
    except OSError as fault:
        raise Failed(f"证书文件不能使用：{fault}", f"a certificate file cannot be used: {fault}") from fault
    return http.client.HTTPSConnection(host, parts.port, timeout=limit, context=context)


def _broken_off(came: str = "") -> Failed:
    """The end of a test in the middle of an answer, of which ``came`` so much where that can be said."""
    return Failed("应答中途断开" + came, "the answer broke off" + came)


def _too_long(trial: LinkTrial) -> Failed:
    most = trial.peer.limits.max_document
    zh = f"应答超过 [peer.limits] max_document = {most} 字节"
    return Failed(zh, f"the answer is longer than [peer.limits] max_document = {most}")


def _exchange(trial: LinkTrial, connection: http.client.HTTPConnection, parts: SplitResult, posted: Posted) -> _Answer:
    headers = {"Content-Type": posted.media, "Accept-Encoding": "gzip"}
    if posted.action is not None:
        headers["SOAPAction"] = f'"{posted.action}"'
    http_row = trial.peer.http
    if http_row.auth == "basic":
        given = base64.b64encode(f"{http_row.user}:{http_row.password()}".encode()).decode()
        headers["Authorization"] = f"Basic {given}"
    path = target(parts, posted)
    connection.request("POST", path, posted.body, headers)
    trial.tell("→", f"POST {path}", f"POST {path}", text=posted.body.decode("utf-8", "replace"))
    response = connection.getresponse()
    most = trial.peer.limits.max_document
    body = response.read(most + 1)
    if len(body) > most:
        raise _too_long(trial)
    if response.length:  # how much of what was announced has not come
        raise _broken_off(f" ({len(body)}/{len(body) + response.length} B)")
    if response.headers.get("Content-Encoding", "").strip().lower().encode() in NAMES:
        body = unpacked(body, most)
    status = f"HTTP {response.status} {response.reason}"
    trial.tell("←", status, status, text=body.decode("utf-8", "replace"))
    said = {name: response.headers.get(name, "").encode("latin-1", "replace") for name in ("Retry-After", "Content-Type")}
    head = Bare(response.status, asked_at(parts, posted), response.headers.get("Location", ""))
    return _Answer(head, said["Retry-After"], said["Content-Type"], body)
