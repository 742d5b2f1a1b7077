"""What the load of the mixed bench asks for on orders in flight: packets of CH03, and the answer to an offer at the desk."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from typing import Any

from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineOnlyReceiver

from adapters.document import Document, Header
from adapters.wire.packet import Kind, Packet
from adapters.wire.times import wire_time
from adapters.xml.codec import Codec
from gateway.bench.mix import NEW_RATE, RATE
from gateway.bench.packets import CHARSET, packet_pieces
from gateway.control import LONGEST
from schemas.loader import Catalogue

OWNER = "OP1"
"""Who locks and unlocks."""
_FIRST = 5_000_000_000
"""Number of the first serial: orders have those below."""
_DAY_MS = 86_400_000
_AREA = "0512"


def operation_fields(now: int) -> dict[str, dict[str, Any]]:
    """What each operation says, at ``now`` (ms)."""
    appointment, tomorrow = wire_time(now + 7_200_000), wire_time(now + _DAY_MS)
    rate = {"code": "BANDWIDTH", "new": NEW_RATE, "old": RATE, "action": "M"}
    return {
        "amend": {
            "reason": {"type": "10Q", "code": "10Q001", "text": "客户改速率"},
            "items": [{"item_id": "1", "action": "install", "product": "FTTH", "attrs": [rate]}],
        },
        "cancel": {"reason": {"type": "10C", "code": "10C001", "text": "客户不要了"}},
        "defer": {"reason": {"type": "10P", "code": "10P002", "text": "用户外出"}, "until": tomorrow},
        "end_deferral": {"appointment": appointment},
        "lock": {"reason": {"text": "核查"}, "locked_by": OWNER, "lease_until": tomorrow, "keep_resources": True},
        "unlock": {"fence": 0},
    }


class OperationPackets:
    """Packets of CH03 by name of ``operation_fields``; each is made once as a document, then of pieces."""

    def __init__(self, catalogue: Catalogue, sender: str, receiver: str, now: int) -> None:
        self._catalogue = catalogue
        self._row = catalogue.for_command("OrderOperation")[0]
        self._fields = operation_fields(now)
        self._ends = (sender, receiver)
        self._send_time = wire_time(now)
        self._pieces: dict[tuple[str, int, int], tuple[tuple[bytes, bytes, bytes], tuple[bytes, ...]]] = {}
        self._made = 0

    def make(self, name: str, order: bytes, fence: int = 0) -> tuple[bytes, bytes]:
        """The serial and the packet that ask for operation ``name`` on service order ``order``."""
        key = (name, len(order), fence)
        pieces = self._pieces.get(key)
        if pieces is None:
            pieces = self._pieces[key] = self._cut(name, len(order), fence)
        (first, middle, last), (before, between, after) = pieces
        serial = f"{self._ends[0]}{self._send_time}{_FIRST + self._made:010d}".encode()
        self._made += 1
        body = b"%b%b%b%b%b" % (before, serial, between, order, after)
        return serial, b"%b%b%b%08X%b%b" % (first, serial, middle, zlib.crc32(body), last, body)

    def _cut(self, name: str, width: int, fence: int) -> tuple[tuple[bytes, bytes, bytes], tuple[bytes, ...]]:
        sender, receiver = self._ends
        serial, order = f"{sender}{self._send_time}{0:010d}", "S" * width
        header = Header(self._row.code, serial, sender, receiver, _AREA, self._send_time, mode="A")
        body: dict[str, Any] = {"service_order_id": order, "area": _AREA, "operator": OWNER, "operation": name}
        fields = {"fence": fence} if name == "unlock" else self._fields[name]
        document = Document(self._row, self._row.name, header, body | {"dry_run": False, name: fields})
        raw = Codec(self._catalogue).encode(document, CHARSET)
        packet = Packet(raw, Kind.REQUEST, self._row.code, sender, receiver, _AREA, serial, self._send_time)
        packet.charset = CHARSET
        head, raw = packet_pieces(self._catalogue, packet)
        before, _, rest = raw.partition(serial.encode())
        between, _, after = rest.partition(order.encode())
        return head, (before, between, after)


class _Request(LineOnlyReceiver):
    """One request to a control socket, one reply."""

    delimiter = b"\n"
    MAX_LENGTH = LONGEST

    def __init__(self, request: dict[str, Any], heard: Callable[[dict[str, Any]], None]) -> None:
        self._request = request
        self._heard = heard

    def connectionMade(self) -> None:
        """Ask."""
        transport: Any = self.transport
        transport.write(json.dumps(self._request).encode() + self.delimiter)

    def lineReceived(self, line: bytes) -> None:
        """The reply."""
        transport: Any = self.transport
        transport.loseConnection()
        self._heard(json.loads(line))


def ask_at(endpoint: Any, request: dict[str, Any], heard: Callable[[dict[str, Any]], None]) -> None:
    """Ask at a control socket; ``heard`` gets its reply, or ``{"ok": False}`` with ``en`` where nobody is there."""
    factory: Any = Factory.forProtocol(lambda: _Request(request, heard))
    factory.noisy = False
    endpoint.connect(factory).addErrback(lambda fault: heard({"ok": False, "code": "", "en": fault.getErrorMessage()}))


class OfferDesk:
    """The person at the gateway's desk who takes what is offered to a pending order."""

    def __init__(self, endpoint: Any) -> None:
        self._endpoint = endpoint

    def take(self, order: str, heard: Callable[[dict[str, Any]], None]) -> None:
        """Take the offer made to ``order``; ``heard`` gets the reply of the gateway."""
        ask_at(self._endpoint, {"do": "resume", "id": order, "accept": True, "operator": OWNER}, heard)
