"""A link test beside the gateway over HTTP: one POST of LN03 as the peer's row says, SOAP or plain, every step told (02.1)."""

from __future__ import annotations

import base64
import http.client
import ssl
import zlib
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from adapters.document import DocumentRefused
from adapters.soap.partner import WsdlUnusable
from adapters.wire.packet import Packet
from gateway.http_intake import media_charset
from gateway.http_speech import Posted, speech_of
from gateway.peer_test import Failed, LinkTrial, Result, client_context, tls_failed
from gateway.tls_faults import fault_of

_GZIP = 31


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came back."""

    status: int
    reason: str
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
    try:
        package = speech.answer(found.body, charset, header)
        if found.status >= http.client.MULTIPLE_CHOICES:
            trial.voice.decode_answer(package, charset, header)  # a page of somebody's proxy is no answer of the peer's
    except DocumentRefused as refusal:
        zh = f"HTTP {found.status} {found.reason}，正文不是应答：检查地址与 [peer.http]（{refusal}）"
        en = f"HTTP {found.status} {found.reason} without a readable answer: check address and [peer.http] ({refusal})"
        raise Failed(zh, en) from refusal
    answer = Packet(body=package, code=header.code, sender=trial.peer.id, receiver=header.sender, serial=header.serial)
    answer.charset = "UTF-8" if trial.peer.binding == "soap" else charset or trial.peer.charset
    return trial.judged(answer, header, text)


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
            return _exchange(trial, connection, parts.path + posted.path, posted)
        except TimeoutError as fault:
            raise Failed(f"{timeout:g} 秒内没有应答", f"no answer within {timeout:g} s") from fault
        except ssl.SSLError as fault:
            raise tls_failed(fault_of(fault)) from fault
        except (OSError, http.client.HTTPException, zlib.error) as fault:
            raise Failed(f"对端未给出 HTTP 应答：{fault!r}", f"no HTTP answer came: {fault!r}") from fault
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


def _exchange(trial: LinkTrial, connection: http.client.HTTPConnection, path: str, posted: Posted) -> _Answer:
    headers = {"Content-Type": posted.media, "Accept-Encoding": "gzip"}
    if posted.action is not None:
        headers["SOAPAction"] = f'"{posted.action}"'
    http_row = trial.peer.http
    if http_row.auth == "basic":
        given = base64.b64encode(f"{http_row.user}:{http_row.password()}".encode()).decode()
        headers["Authorization"] = f"Basic {given}"
    connection.request("POST", path or "/", posted.body, headers)
    trial.tell("→", f"POST {path}", f"POST {path}", text=posted.body.decode("utf-8", "replace"))
    response = connection.getresponse()
    body = response.read(trial.peer.limits.max_document)
    if response.headers.get("Content-Encoding", "").lower() in ("gzip", "x-gzip"):
        body = zlib.decompressobj(_GZIP).decompress(body, trial.peer.limits.max_document)
    status = f"HTTP {response.status} {response.reason}"
    trial.tell("←", status, status, text=body.decode("utf-8", "replace"))
    return _Answer(response.status, response.reason, response.headers.get("Content-Type", "").encode(), body)
