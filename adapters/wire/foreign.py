"""Beginnings of other protocols: who comes to the wrong port hears what it speaks and what is wanted (spec 01.1.3 rule 2)."""

from __future__ import annotations

from adapters.wire.errors import FramingFault

REACH = 8
"""How many bytes of the beginning are looked at."""

_HTTP = (
    '这是 HTTP：对方应连接 binding = "http" 的监听端口',
    'this is HTTP: the other side must connect to the port of a listener with binding = "http"',
)
_BEGINNINGS: tuple[tuple[bytes, tuple[str, str]], ...] = (
    (
        b"\x16\x03",
        (
            "这是 TLS 握手：对方改用 tcp://，或给本监听加 [listen.tls]",
            "this is how TLS begins: the other side must use tcp://, or this listener needs [listen.tls]",
        ),
    ),
    *((f"{verb} ".encode(), _HTTP) for verb in ("GET", "POST", "PUT", "HEAD", "OPTIONS")),
    (b"HTTP/1.", ("这是 HTTP 应答：connect 所指是 HTTP 服务", "this is an HTTP answer: connect names an HTTP server")),
    (b"SSH-", ("这是 SSH：端口不对", "this is SSH: the wrong port")),
)


def recognised(fault: FramingFault, head: bytes | bytearray) -> FramingFault:
    """``fault``, which ``head`` begins with, saying what protocol that is where it is a known one."""
    for beginning, (zh, en) in _BEGINNINGS:
        if head[:REACH].startswith(beginning):
            return FramingFault(fault.symbol, f"{fault.reason_zh}；{zh}", f"{fault.reason_en}; {en}", fault.packet)
    return fault
