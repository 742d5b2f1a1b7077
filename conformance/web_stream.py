"""One HTTP connection with the system under test, as it is read: bytes in, packets or the reason why not (spec 01.3, 01.4)."""

from __future__ import annotations

from adapters.wire.packet import Packet
from conformance.stream import Arrival
from conformance.web import Message, WebFault, WebReader, written
from conformance.web_carriage import WebCarriage, refused

_CONTINUE = written("HTTP/1.1 100 Continue", ())


class WebStream:
    """``inbound``: the system under test asks here, else it answers here; responses come in the order of the requests."""

    def __init__(self, carriage: WebCarriage, inbound: bool) -> None:
        self._carriage = carriage
        self._reader = WebReader(inbound)
        self._inbound = inbound
        self._asked: list[Packet] = []
        self._lost = False
        self._last = False
        self.count = 0

    @property
    def ready(self) -> bool:
        """Always."""
        return True

    def hello(self, now: int) -> bytes:
        """Nothing comes before the first request."""
        return b""

    @property
    def free(self) -> bool:
        """Whether one more request may go here."""
        return not (self._asked or self._last or self._lost)

    @property
    def busy(self) -> bool:
        """Whether a request of ours waits for its response."""
        return bool(self._asked)

    def sent(self, packet: Packet) -> None:
        """A request of ours went out."""
        if not self._inbound:
            self._asked.append(packet)

    def feed(self, data: bytes, now: int) -> Arrival:
        """Bytes arrived."""
        self.count += len(data)
        return self._read(data, False)

    def ended(self, now: int) -> Arrival:
        """The system under test sends no more: a response without a length is whole now."""
        return self._read(b"", True)

    def _read(self, data: bytes, over: bool) -> Arrival:
        arrival = Arrival()
        if self._lost:
            return arrival
        try:
            messages = self._reader.feed(data, over)
        except WebFault as fault:
            self._lost = arrival.lost = True
            arrival.fault = str(fault)
            return arrival
        if self._inbound and self._reader.wants_continue():
            arrival.replies.append(_CONTINUE)
        for message in messages:
            self._message(message, arrival)
        return arrival

    def _message(self, message: Message, arrival: Arrival) -> None:
        if self._inbound:
            if message.first[0] != "POST":
                arrival.replies.append(refused(405))
                return
            arrival.packets.append((self._carriage.asked(message, lambda: None), message.raw))
        elif self._asked:
            self._last = self._last or message.header("connection").lower() == "close"
            arrival.packets.append((self._carriage.answered(message, self._asked.pop(0)), message.raw))
        else:
            self._lost = arrival.lost = True
            arrival.fault = "无人所问的 HTTP 应答 / an HTTP response nobody asked for"
