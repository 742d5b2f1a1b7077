"""How each peer speaks: its envelope under its dialect, and answers written in it (spec 01.2; a peer is rows, never code).

Documents reach the rest of the gateway in one form whatever they came in, and leave in the peer's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from adapters.document import Document, DocumentRefused, Header
from adapters.envelopes.envelope import Envelope, envelope
from adapters.envelopes.loose import root_name
from adapters.envelopes.references import Find, nothing
from adapters.packing import packed
from adapters.wire.packet import Kind, Packet
from adapters.xml.charset import GB18030, Found, Undecodable, read
from adapters.xml.codec import Codec
from gateway.answers import Answers
from gateway.config.model import Peer
from gateway.peers import PeerBook
from schemas.model import MessageRow


@dataclass(frozen=True, slots=True)
class Speech:
    """One peer's: ``envelope`` reads and writes its documents, ``answers`` builds what goes back to it."""

    envelope: Envelope
    answers: Answers


class SpeechBook:
    """Every peer's speech; what a packet holds whose header does not say it."""

    def __init__(self, codec: Codec, book: PeerBook, now: Callable[[], int]) -> None:
        self.codec = codec
        self.native = Speech(codec, Answers(codec, book.own_id, now))
        self._book = book
        self._speeches = {peer.id: self._speech(peer, now) for peer in book.all()}
        self.waiting: Callable[[str], Iterable[str]] = lambda peer_id: ()
        """Serials of ours a peer has not answered yet."""
        self.sent: Callable[[str, str, str, str], str | None] = lambda peer_id, low, high, last: None
        """The serial of a message that went to a peer: between two, by its last places."""
        self.find: Find = nothing
        """What a peer names by other marks than its id."""

    def _speech(self, peer: Peer, now: Callable[[], int]) -> Speech:
        dialect = peer.dialect.dialect(self._book.own_id, peer.id, peer.schema_version, peer.mode)
        voice = envelope(self.codec, peer.envelope, dialect, self._found)
        if voice is self.codec:
            return self.native
        return Speech(voice, Answers(self.codec, self._book.own_id, now, voice))

    def _found(self, table: str, column: str, by: dict[str, str]) -> list[str]:
        return self.find(table, column, by)

    def of(self, peer_id: str) -> Speech:
        """The speech of a peer; of anybody else, ours."""
        return self._speeches.get(peer_id, self.native)

    def voice_of(self, peer_id: str) -> Envelope:
        """The envelope a peer speaks."""
        return self.of(peer_id).envelope

    def row_of(self, code: str) -> MessageRow:
        """The row of a message code; of an unknown one, any: its answers are refusals, and those are alike."""
        try:
            return self.codec.catalogue.message(code)
        except LookupError:
            return self.codec.catalogue.messages()[0]

    def read(self, peer_id: str, packet: Packet, expect: dict[str, str] | None) -> tuple[Document, Found]:
        """The document in a packet of a peer, what it refers to under our serial. Raises DocumentRefused."""
        document, reading = self.voice_of(peer_id).decode_reading(packet.body, packet.charset, expect)
        if document.header.ref_serial is not None:
            document.header.ref_serial = self.reference(peer_id, document.header.ref_serial)
        return document, reading

    def repeat(self, peer: Peer, stored: Callable[[], tuple[bytes, str]], answer: Header) -> None:
        """Gives ``answer``, to a message of ``peer``, what it has to repeat of it: its operations, fields of its envelope.
        ``stored`` gives the message's bytes and charset."""
        row = self.codec.catalogue.envelope(peer.envelope)
        if not (row.operations or any(field.echo for field in row.fields)):
            return
        try:
            asked = self.voice_of(peer.id).decode(*stored()).header
        except DocumentRefused as refusal:
            if refusal.header is None:  # what its functions found is gone since: the answer says its result all the same
                return
            asked = refusal.header
        answer.operations, answer.echoed = asked.operations, asked.echoed

    def reference(self, peer_id: str, told: str) -> str:
        """The serial of ours that a peer whose envelope has room for less of it means by ``told``."""
        places = self.voice_of(peer_id).full_serials(told, self._book.own_id)
        return told if places is None else self.sent(peer_id, *places) or told

    def describe(self, peers: tuple[Peer, ...]) -> Callable[[bytes], Packet]:
        """What a packet without header fields is, one of ``peers`` having sent it: read from the document itself."""
        if len(peers) == 1:
            return partial(self._of_the_only, peers[0])
        if all(self.of(peer.id) is self.native for peer in peers):
            return self.described
        return lambda body: self.described(body, self.recognise(body, peers))

    def recognise(self, body: bytes, peers: tuple[Peer, ...]) -> Peer | None:
        """Whose document this is, of ``peers``; None where it cannot be said."""
        speakers: dict[str, list[Peer]] = {}
        for peer in peers:
            speakers.setdefault(peer.envelope, []).append(peer)
        return self._speaker(body, speakers)

    def _speaker(self, body: bytes, speakers: dict[str, list[Peer]]) -> Peer | None:
        for name, peers in speakers.items():
            if not self._is(body, name):
                continue
            for peer in peers:
                header = self.of(peer.id).envelope.quick_header(body)
                if header is not None and header.sender in ("", peer.id):
                    return peer
        return None

    def _is(self, body: bytes, name: str) -> bool:
        """Whether these bytes can be of an envelope: they begin with its root, or a field of its form."""
        row = self.codec.catalogue.envelope(name)
        fields = tuple(f"{part}=".encode() for part in row.parts)
        start = b"&" + body[:2048].lstrip()
        return not row.root or root_name(body) == row.root or any(b"&" + field in start for field in fields)

    def described(self, body: bytes, peer: Peer | None = None) -> Packet:
        """A packet of ``peer`` (None: of anybody, in the native envelope) as its document says it is; never raises."""
        voice: Envelope = self.codec if peer is None else self.of(peer.id).envelope
        try:
            charset = read(body).charset
        except Undecodable:
            charset = GB18030  # what the document is refused for
        header = voice.quick_header(body, charset) or Header("", "", "", "")
        answer = header.result_code is not None
        if peer is not None and voice is not self.codec:
            header.serial = self._ours(voice, peer, header.serial) if answer else header.serial
            header.sender = header.sender or peer.id
        return packed(header, body, Kind.RECEIPT if answer else Kind.REQUEST, charset)

    def _of_the_only(self, peer: Peer, body: bytes) -> Packet:
        """Where nobody else speaks, what names no sender, or cannot be read as far as that, is that peer's."""
        packet = self.described(body, peer)
        packet.sender = packet.sender or peer.id
        return packet

    def _ours(self, voice: Envelope, peer: Peer, told: str) -> str:
        """The serial of ours an answer is about: theirs may be narrower."""
        waiting = list(self.waiting(peer.id))
        return next((serial for serial in waiting if told in (serial, voice.serial_of(serial))), told)
