"""Traffic over HTTP judged while it passes: requests, responses, SOAP of both versions and plain XML (01.3, 01.4, 07.9).

Whether a request is SOAP is seen in it, so one recorder reads both; its response is read as the request was.  What HTTP adds to
what is judged on sockets: status and Fault must say what the document says.
"""

from __future__ import annotations

from adapters.document import Document, DocumentRefused
from adapters.envelopes.form import MEDIA_TYPE as FORM
from adapters.soap.names import MEDIA
from adapters.soap.reading import version_in
from adapters.wire.packet import Packet
from adapters.xml.codec import Codec
from conformance.identity import discreet
from conformance.pics import HTTP, SOAP, Pics
from conformance.record import Asked, Pipe, Reads, Recording, Watch
from conformance.speech import Speech
from conformance.stream import Arrival
from conformance.web import Message, WebFault, WebReader
from conformance.web_carriage import FACT, WebCarriage, facts_of
from schemas.loader import Catalogue

_MOST = 33 << 20
"""Bytes of one message that are waited for; beyond it they are only passed on."""
_OTHERS = ("VersionMismatch", "MustUnderstand")
"""Faults of the envelope itself, which need no Receipt."""


class _Talk:
    """Both directions of one connection; responses come in the order of the requests. What is not posted has no packet."""

    def __init__(self, carriages: dict[str, WebCarriage]) -> None:
        self.carriages = carriages
        self.waiting: list[tuple[WebCarriage, Packet] | str] = []
        self.request = _Way(self, requests=True)
        self.response = _Way(self, requests=False)
        self.early = 0

    def bare(self, after: int) -> bool:
        """Whether the response after so many more has no body."""
        return self.waiting[after : after + 1] == ["HEAD"]

    def asked(self, message: Message, arrival: Arrival) -> None:
        """A whole request."""
        if self.early:  # it was answered before it was whole: whatever for, not for what it says
            self.early -= 1
        elif message.first[0] != "POST":
            self.waiting.append(message.first[0])
        else:
            carriage = self.carriages[SOAP if _is_soap(message) else HTTP]
            packet = carriage.asked(message, lambda: None)
            self.waiting.append((carriage, packet))
            arrival.packets.append((packet, discreet(message.raw)))

    def answered(self, message: Message, arrival: Arrival) -> None:
        """A whole response."""
        if not self.waiting and self.request.pending:
            self.early += 1
        elif not self.waiting:
            arrival.fault = "无人所问的 HTTP 应答 / an HTTP response nobody asked for"
        else:
            asked = self.waiting.pop(0)
            if not isinstance(asked, str):
                carriage, packet = asked
                arrival.packets.append((_silenced(carriage.answered(message, packet)), message.raw))


class _Way:
    """One direction."""

    def __init__(self, talk: _Talk, *, requests: bool) -> None:
        self._reader = WebReader(requests, talk.bare)
        self._take = talk.asked if requests else talk.answered
        self.lost = False

    @property
    def pending(self) -> int:
        """Bytes of a message that is not whole."""
        return 0 if self.lost else self._reader.pending

    def feed(self, data: bytes, now: int) -> Arrival:
        """Bytes passed."""
        return self._read(data, over=False)

    def ended(self, now: int) -> Arrival:
        """No more will come: a response without a length is whole now."""
        return self._read(b"", over=True)

    def _read(self, data: bytes, *, over: bool) -> Arrival:
        arrival = Arrival()
        if self.lost:
            return arrival
        try:
            for message in self._reader.feed(data, over):
                self._take(message, arrival)
            if self._reader.pending > _MOST:
                raise WebFault(f"报文超过 {_MOST} 字节 / a message of more than {_MOST} bytes")
        except WebFault as fault:
            arrival.fault = str(fault)
            self.lost = arrival.lost = True
        return arrival


class WebWatch(Watch):
    """Judges the traffic of any number of HTTP connections."""

    framing = "01.4"

    def __init__(self, recording: Recording, catalogue: Catalogue, codec: Codec) -> None:
        super().__init__(recording, catalogue, None, codec)
        speech = Speech(codec, None, recording.envelope, "", recording.codes)
        said = {binding: Pics(binding=binding, envelope=recording.envelope) for binding in (HTTP, SOAP)}
        self._carriages = {binding: WebCarriage(codec, speech, pics, "") for binding, pics in said.items()}
        named = [str(row.extra["status"]) for row in catalogue.table("http_statuses").rows.values()]
        self._refusals = ("400", *(status for status in named if not status.startswith("2")))

    def kept(self, data: bytes) -> bytes:
        """See ``Watch``."""
        return discreet(data)

    def streams(self) -> dict[str, Reads]:
        """See ``Watch``."""
        talk = _Talk(self._carriages)
        return {"caller": talk.request, "target": talk.response}

    def read(self, wire: Pipe, who: str, packet: Packet) -> tuple[Document | None, DocumentRefused | None]:
        """See ``Watch``; an envelope that is none is refused before."""
        why = facts_of(packet).get("why", "")
        if why:
            symbol, _, detail = why.partition(": ")
            return None, DocumentRefused(symbol, detail=detail)
        return super().read(wire, who, packet)

    def beside(self, asked: Asked, packet: Packet, document: Document | None) -> list[tuple[str, str, str]]:
        """Whether status and Fault agree with the document, and whether it is about what was asked."""
        facts = facts_of(packet)
        is_soap = "soap" in facts or "soap" in facts_of(asked.packet)
        clause, status = "01.3" if is_soap else "01.4", facts.get("status", "")
        if document is None:
            fault = facts.get("fault", "")
            if packet.body or "why" in facts or fault in _OTHERS or (not fault and status in self._refusals):
                return []
            shown = f"{status} {fault}".strip()
            return [(clause, f"HTTP {shown} 的应答中没有文档", f"no document in a response {shown}")]
        found = []
        said, wanted = document.header.code, asked.packet.code
        if wanted and said != wanted:
            found.append(("01.2", f"应答的报文编码为 {said}，所问为 {wanted}", f"it answers {said}, asked was {wanted}"))
        carriage = self._carriages[SOAP if is_soap else HTTP]
        for one in carriage.disagreements(packet, str(document.body.get("code", "0000"))):
            zh, en = f"{one.path} 应为 {one.expected}，实为 {one.got}", f"{one.path} must be {one.expected}, is {one.got}"
            found.append((clause, zh, en))
        return found


def _is_soap(message: Message) -> bool:
    first = message.body[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()
    return message.media == MEDIA["1.2"] or bool(message.header("soapaction")) or version_in(first) is not None


def _silenced(packet: Packet) -> Packet:
    """A response that is no document and does not claim to be one: what a server, or something before it, says of HTTP."""
    facts = facts_of(packet)
    media = facts.get("media", "")
    if not facts["status"].startswith("2") and not ("xml" in media or media == FORM) and "soap" not in facts:
        packet.body = b""
        packet.extra = {name: value for name, value in packet.extra.items() if name != f"{FACT}why"}
    return packet
