"""The load of the measuring programs: any number of distinct packets, made faster than anybody can take them.

One document, written as systems write (no indentation) and framed by the real layout, is cut where serial, order id and
checksum stand; a packet is these pieces and three new values.  Answers are looked at no closer than a count needs.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from importlib.resources import files

from adapters.document import Document, Header
from adapters.replies import receipt_body
from adapters.wire.layout import Layout
from adapters.wire.packet import Kind, Packet
from adapters.xml.codec import Codec
from schemas.loader import RECEIPT, Catalogue
from schemas.model import LayoutRow

LAYOUT = "ctif-128"
CHARSET = "GB18030"
TWO_ITEMS = "ok_ftth_iptv_install.xml"
"""The intake's sample: two new products for a customer who is known, 1.5-2 kB."""
ONE_ITEM = "03-install-ftth.xml"
"""The lifecycle's: one new product for a new customer."""

_BETWEEN = re.compile(r">\s+<")
_INSTANCE = re.compile(r"<product_instance_id>[^<]+</product_instance_id>")
_AREA = re.compile(r"<Area>([^<]+)")

Seen = tuple[str, bytes, bytes, bytes]
"""What a client sees of a packet: kind (as in a layout row's values), serial, result code, body."""


def slices(row: LayoutRow) -> dict[str, slice]:
    """Where each role of a header layout stands, for programs that look at bytes and nothing else."""
    return {field.role: slice(field.offset, field.offset + field.width) for field in row.fields}


def intake_text(catalogue: Catalogue) -> str:
    """The order of the intake bench, from the corpus."""
    row = catalogue.for_command("SubmitOrder")[0]
    return next(path for path in catalogue.samples(row.name) if path.name == TWO_ITEMS).read_text(encoding="utf-8")


def lifecycle_text() -> str:
    """The order of the lifecycle bench, from the demo; its instance gets an id from the CRM."""
    return _INSTANCE.sub("", (files("gateway") / "demo" / ONE_ITEM).read_text(encoding="utf-8"))


class OrderPackets:
    """SubmitOrder packets like ``text`` from ``sender`` to ``receiver``, all of the second ``send_time``
    (``yyyyMMddHHmmss``); each has a serial and a customer order of its own."""

    def __init__(self, catalogue: Catalogue, text: str, sender: str, receiver: str, send_time: str) -> None:
        row = catalogue.for_command("SubmitOrder")[0]
        serial = f"{sender}{send_time}{0:010d}"
        order = f"CO{send_time}{0:010d}"
        text = _BETWEEN.sub("><", text[text.index("<Package") :]).strip()
        values = {"Serial": serial, "Sender": sender, "Receiver": receiver, "SendTime": send_time, "customer_order_id": order}
        for name, value in values.items():
            text = re.sub(f"(?<=<{name}>)[^<]+", value, text)
        area = _AREA.search(text)
        packet = Packet(text.encode(CHARSET), Kind.REQUEST, row.code, sender, receiver, area.group(1) if area else "", serial)
        packet.send_time, packet.charset = send_time, CHARSET
        self._head, body = packet_pieces(catalogue, packet)
        self._body = tuple(re.split(b"|".join((serial.encode(), order.encode())), body))
        self._serial = serial[:-10].encode()
        self._order = order[:-10].encode()

    def serial(self, number: int) -> bytes:
        """The serial of packet ``number``."""
        return b"%b%010d" % (self._serial, number)

    def order(self, number: int) -> bytes:
        """The customer order of packet ``number``."""
        return b"%b%010d" % (self._order, number)

    def make(self, number: int) -> bytes:
        """Packet ``number``: framed, ready to be written."""
        return self.framed(self.serial(number), self.order(number))

    def framed(self, serial: bytes, order: bytes) -> bytes:
        """A packet of this serial and customer order, the latter as long as that of ``text``."""
        before, between, after = self._body
        body = b"%b%b%b%b%b" % (before, serial, between, order, after)
        first, middle, last = self._head
        return b"%b%b%b%08X%b%b" % (first, serial, middle, zlib.crc32(body), last, body)


class ReceiptPackets:
    """Receipts (0001) for messages ``code`` of ``receiver``."""

    def __init__(self, catalogue: Catalogue, code: str, sender: str, receiver: str, send_time: str) -> None:
        serial = "0" * 30
        symbol = "ACCEPTED"
        result = catalogue.result(symbol).code
        header = Header(code, serial, sender, receiver, "", send_time, ref_serial=serial, result_code=result)
        document = Document(catalogue.message(code), RECEIPT, header, receipt_body(catalogue, symbol))
        body = Codec(catalogue).encode(document, CHARSET)
        packet = Packet(body, Kind.RECEIPT, code, sender, receiver, "", serial, send_time)
        packet.charset, packet.result = CHARSET, result
        self._head, body = packet_pieces(catalogue, packet)
        self._body = tuple(body.split(serial.encode()))

    def make(self, serial: bytes) -> bytes:
        """The receipt of the message ``serial``."""
        body = serial.join(self._body)
        first, middle, last = self._head
        return b"%b%b%b%08X%b%b" % (first, serial, middle, zlib.crc32(body), last, body)


def packet_pieces(catalogue: Catalogue, packet: Packet) -> tuple[tuple[bytes, bytes, bytes], bytes]:
    """The header of ``packet`` around its serial and checksum, and its body."""
    row = catalogue.layout(LAYOUT)
    header = Layout(row).encode(packet)[: row.header_size]
    serial, checksum = slices(row)["serial"], slices(row)["checksum"]
    return (header[: serial.start], header[serial.stop : checksum.start], header[checksum.stop :]), packet.body


def cutter(row: LayoutRow) -> Callable[[bytearray], list[Seen]]:
    """A function that cuts whole packets off a buffer and says what a client sees of them."""
    at = slices(row)
    length, serial, result, kind = at["length"], at["serial"], at["result"], at["kind"]
    kinds = {value.encode(): name for field in row.fields if field.role == "kind" for name, value in field.values.items()}
    size = row.header_size

    def cut(buffer: bytearray) -> list[Seen]:
        found: list[Seen] = []
        view = bytes(buffer)
        start, have = 0, len(view)
        while have - start >= size:
            head = view[start : start + size]
            total = int(head[length])
            if have - start < total:
                break
            found.append((kinds[head[kind]], head[serial], head[result], view[start + size : start + total]))
            start += total
        del buffer[:start]
        return found

    return cut
