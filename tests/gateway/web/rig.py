"""HTTP as tests need it: requests written byte by byte onto the in-memory network, answers read back as they are."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from typing import Any

from lxml import etree
from twisted.internet.protocol import Factory, Protocol

from adapters.soap.names import ENVELOPES, MEDIA, SoapVersion
from gateway.proof.heap_clock import HeapClock
from tests.gateway.rig import CATALOGUE, CODEC, PEERS, START, Rig, packet_of, sample, serial, submission

LISTENS: list[dict[str, Any]] = [
    {"name": "s", "address": "mem://crm", "layout": "ctif-128"},
    {"name": "web", "address": "mem://web", "binding": "http"},
]
MESSAGES = CATALOGUE.version().message_namespace
PACKAGE = CATALOGUE.version().namespace
SOAP = "urn:bss:if:soap:0.9"
WEB_PEERS: tuple[dict[str, Any], ...] = (
    {"id": "CH0001", "role": "channel", "listen": "web", "binding": "soap"},
    *PEERS[1:],
)


def web_rig(peers: tuple[dict[str, Any], ...] = WEB_PEERS, listens: list[dict[str, Any]] | None = None, **more: Any) -> Rig:
    """A gateway with a socket listener and an HTTP one."""
    rig = Rig(peers, listens=listens or LISTENS, **more)
    rig.run(2)
    return rig


@dataclass
class Response:
    """One HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def xml(self) -> Any:
        return etree.fromstring(self.body)

    def text(self, path: str) -> str:
        """Text of the first element with this local name."""
        found = self.xml.xpath(f"//*[local-name()='{path}']")
        return str(found[0].text) if found else ""

    @property
    def code(self) -> str:
        """The result code: of the Receipt if there is one, else of the header."""
        return self.text("code") if self.xml.xpath("//*[local-name()='Receipt']") else self.text("ResultCode")


class Browser(Protocol):
    """A client connection."""

    def __init__(self) -> None:
        self.data = b""
        self.open = False

    def connectionMade(self) -> None:
        self.open = True

    def dataReceived(self, data: bytes) -> None:
        self.data += data

    def connectionLost(self, reason: Any = None) -> None:
        self.open = False

    def write(self, data: bytes) -> None:
        transport: Any = self.transport
        transport.write(data)

    def responses(self) -> list[Response]:
        """Everything that came so far."""
        found, rest = [], self.data
        while rest:
            head, split, rest = rest.partition(b"\r\n\r\n")
            assert split, rest
            first, *lines = head.decode("utf-8").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            status = int(first.split(" ")[1])
            if status == 100:
                found.append(Response(100, headers, b""))
                continue
            if headers.get("transfer-encoding") == "chunked":
                body = b""
                while True:
                    size, _, rest = rest.partition(b"\r\n")
                    piece, rest = rest[: int(size, 16)], rest[int(size, 16) + 2 :]
                    body += piece
                    if not piece:
                        break
            else:
                length = int(headers["content-length"])
                body, rest = rest[:length], rest[length:]
            if headers.get("content-encoding") == "gzip":
                body = zlib.decompress(body, 31)
            found.append(Response(status, headers, body))
        return found


class Browsers(Factory):
    """Makes them."""

    noisy = False

    def __init__(self) -> None:
        self.made: list[Browser] = []

    def buildProtocol(self, addr: Any) -> Browser:
        self.made.append(Browser())
        return self.made[-1]


def browser(rig: Rig, address: str = "mem://web") -> Browser:
    """A connection to the HTTP listener."""
    factory = Browsers()
    rig.network.client(address).connect(factory)
    rig.run(0.05)
    return factory.made[0]


def request(
    path: str, body: bytes = b"", media: str = "text/xml; charset=utf-8", method: str = "POST", extra: str = ""
) -> bytes:
    """The bytes of a request."""
    head = f"{method} {path} HTTP/1.1\r\nHost: crm\r\n{extra}"
    if media and method == "POST":
        head += f"Content-Type: {media}\r\n"
    if method == "POST" and "Transfer-Encoding" not in extra:
        head += f"Content-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


def ask(rig: Rig, *requests: bytes, seconds: float = 1.0) -> Response:
    """One connection, these bytes, the last answer."""
    client = browser(rig)
    client.write(b"".join(requests))
    rig.run(seconds)
    found = client.responses()
    assert found, "no answer"
    return found[-1]


def enveloped(package: bytes, version: SoapVersion = "1.1", blocks: str = "") -> bytes:
    """A Package's header and body in a SOAP envelope, as a toolkit would write it."""
    root = etree.fromstring(package)
    header, body = root[0], root[1][0]
    fields = "".join(f"<h:{etree.QName(c).localname}>{c.text or ''}</h:{etree.QName(c).localname}>" for c in header)
    content = etree.tostring(body, encoding="unicode")
    space = ENVELOPES[version]
    return (
        f'<e:Envelope xmlns:e="{space}"><e:Header>{blocks}<s:PackageHeader xmlns:s="{SOAP}" xmlns:h="{PACKAGE}">{fields}'
        f"</s:PackageHeader></e:Header><e:Body>{content}</e:Body></e:Envelope>"
    ).encode()


def soap(rig: Rig, envelope: bytes, version: SoapVersion = "1.1", extra: str = "") -> Response:
    """Posts an envelope."""
    return ask(rig, request("/soap", envelope, f"{MEDIA[version]}; charset=utf-8", extra=extra))


__all__ = ["CATALOGUE", "CODEC", "LISTENS", "MESSAGES", "PACKAGE", "PEERS", "START", "WEB_PEERS", "Browser", "HeapClock",
           "Response", "Rig", "ask", "browser", "enveloped", "packet_of", "re", "request", "sample", "serial", "soap",
           "submission", "web_rig"]  # fmt: skip
