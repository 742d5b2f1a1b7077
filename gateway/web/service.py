"""One HTTP listener: which path is whose, who may come at all, the WSDL, the end (spec 01.3, 01.4)."""

from __future__ import annotations

from typing import Any

from gateway.clock import Clock
from gateway.config.model import Listen
from gateway.dispatch import Dispatcher
from gateway.hub.routing import handed_on
from gateway.peers import PeerBook
from gateway.speech import SpeechBook
from gateway.tls.layer import server_factory
from gateway.web.auth import Gate
from gateway.web.intake import PLAIN_PATH, SOAP_PATH, PlainIntake, Shop, send
from gateway.web.request import HttpRequest
from gateway.web.site import HttpSite
from gateway.web.soap_intake import SoapIntake
from schemas.wsdl import Contract, offered

WSDL_NAME = "CRM"
_READING = (b"GET", b"HEAD")
"""Methods that ask for a document; what HEAD leaves out, the request leaves out (RFC 9110 9.3.2)."""
_TEXT = "text/plain; charset=utf-8"
_XML = "text/xml; charset=utf-8"
_NOT_FOUND = "没有这个地址：/soap、/soap?wsdl、/if/报文名 / nothing here: /soap, /soap?wsdl, /if/MessageName\n".encode()
_POST_ONLY = "只接受 POST / POST only\n".encode()


class HttpService:
    """A listener of the bindings soap or http; ``factory`` makes its connections."""

    def __init__(
        self, listen: Listen, book: PeerBook, speeches: SpeechBook, dispatcher: Dispatcher, clock: Clock
    ) -> None:
        self._listen = listen
        self._gate = Gate(listen, book, clock)
        codec = speeches.codec
        shop = Shop(listen, book, speeches, dispatcher, clock, self._gate)
        self._plain = PlainIntake(shop)
        self._soap = SoapIntake(shop)
        taken = {row.code for row in codec.catalogue.messages() if row.command is not None}
        passed = handed_on(codec.catalogue, self._gate.peers, book)
        rows = offered(codec.catalogue, WSDL_NAME, also=passed)
        self._contract = Contract(codec.catalogue, tuple(row for row in rows if row.code in taken | passed), WSDL_NAME)
        self._stopping = False
        self.site = HttpSite(listen.http, clock, self._handle)
        self.site.too_large = self._too_large
        self.factory: Any = self.site if listen.tls is None else server_factory(listen.tls, self.site, clock)

    def _handle(self, request: HttpRequest) -> None:
        path, _, query = request.uri.partition(b"?")
        kind = self._kind(path)
        plain, soap = kind == "plain", kind == "soap"
        if not self._gate.expected(request.address):
            self._turn_away(request, "ADDRESS_NOT_ALLOWED", plain)
        elif request.method in _READING and (path.startswith(SOAP_PATH + b"/xsd/") or (soap and query.lower() == b"wsdl")):
            self._describe(request, path)
        elif not (soap or plain):
            request.respond(404, _NOT_FOUND, _TEXT)
        elif request.method != b"POST":
            request.respond(405, _POST_ONLY, _TEXT, (("Allow", "POST"),))
        elif self._stopping:
            self._turn_away(request, "SHUTTING_DOWN", plain)
        elif plain:
            self._plain.take(request, path[len(PLAIN_PATH) :].decode("latin-1"))
        else:
            self._soap.take(request)

    def _kind(self, path: bytes) -> str:
        """Whose path it is: plain, soap, or nobody's."""
        if self._listen.binding == "http" and (path.startswith(PLAIN_PATH) or path == PLAIN_PATH[:-1]):
            return "plain"
        return "soap" if path.rstrip(b"/") == SOAP_PATH else ""

    def _too_large(self, path: bytes, content_type: bytes) -> tuple[str, bytes] | None:
        """The refusal of a body nobody has read to its end, in the form of its path."""
        kind = self._kind(path.partition(b"?")[0])
        if not kind:
            return None
        return self._plain.too_large() if kind == "plain" else self._soap.too_large(content_type)

    def _turn_away(self, request: HttpRequest, symbol: str, plain: bool) -> None:
        if plain:
            self._plain.refuse(request, symbol)
        else:
            self._soap.refuse(request, symbol)

    def _describe(self, request: HttpRequest, path: bytes) -> None:
        """The WSDL with the address it was asked at, or a schema it imports."""
        if path.rstrip(b"/") == SOAP_PATH:
            scheme = "https" if self._listen.tls is not None else "http"
            address = f"{scheme}://{request.header(b'host').decode('ascii')}{SOAP_PATH.decode()}"
            send(request, 200, self._contract.wsdl(address, f"{address}/xsd/"), _XML)
            return
        found = self._contract.schemas.get(path.removeprefix(SOAP_PATH + b"/xsd/").decode("latin-1"))
        if found is None:
            request.respond(404, _NOT_FOUND, _TEXT)
        else:
            send(request, 200, found, _XML)

    def stop_taking(self) -> None:
        """Requests from now on hear 9006; what is in work is answered."""
        self._stopping = True

    def close(self) -> None:
        """Connections end, those with a request in work after its answer."""
        self.site.close_idle()

    def drop(self) -> None:
        """Connections end now."""
        self.site.drop_all()
