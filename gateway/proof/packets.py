"""The load of the measuring programs: any number of distinct SubmitOrder packets, made faster than anybody can take them.

One sample of the corpus, written as systems write (no indentation) and framed by the real layout, is cut where serial,
order id and checksum stand; a packet is these pieces and three new values.  A customer orders two new products, and every
packet has a serial and a customer order of its own.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable

from adapters.wire.layout import Layout
from adapters.wire.packet import Kind, Packet
from schemas.loader import Catalogue
from schemas.model import LayoutRow

SAMPLE = "ok_ftth_iptv_install.xml"
LAYOUT = "ctif-128"
_CHARSET = "gb18030"
_SERIAL = re.compile(r"(?<=<Serial>)[^<]+")
_SENDER = re.compile(r"(?<=<Sender>)[^<]+")
_RECEIVER = re.compile(r"(?<=<Receiver>)[^<]+")
_SEND_TIME = re.compile(r"(?<=<SendTime>)[^<]+")
_ORDER = re.compile(r"(?<=<customer_order_id>)[^<]+")
_BETWEEN = re.compile(r">\s+<")


def slices(row: LayoutRow) -> dict[str, slice]:
    """Where each role of a header layout stands, for programs that look at bytes and nothing else."""
    return {field.role: slice(field.offset, field.offset + field.width) for field in row.fields}


def wire_text(sample: str) -> str:
    """A sample document as a system writes it: no declaration, nothing between the elements."""
    return _BETWEEN.sub("><", sample[sample.index("<Package") :]).strip()


class OrderPackets:
    """SubmitOrder packets from ``sender`` to ``receiver``, all of the second ``send_time`` (``yyyyMMddHHmmss``)."""

    def __init__(self, catalogue: Catalogue, sender: str, receiver: str, send_time: str) -> None:
        row = catalogue.for_command("SubmitOrder")[0]
        sample = next(path for path in catalogue.samples(row.name) if path.name == SAMPLE)
        serial = f"{sender}{send_time}{0:010d}"
        order = f"CO{send_time}{0:010d}"
        text = wire_text(sample.read_text(encoding="utf-8"))
        for pattern, value in (
            (_SERIAL, serial),
            (_SENDER, sender),
            (_RECEIVER, receiver),
            (_SEND_TIME, send_time),
            (_ORDER, order),
        ):
            text = pattern.sub(value, text)
        body = text.encode(_CHARSET)
        area = re.search(r"<Area>([^<]+)", text)
        packet = Packet(
            body,
            kind=Kind.REQUEST,
            code=row.code,
            sender=sender,
            receiver=receiver,
            area=area.group(1) if area else "",
            serial=serial,
            send_time=send_time,
            charset="GB18030",
        )
        layout = catalogue.layout(LAYOUT)
        self.size = len(Layout(layout).encode(packet))
        self._prefix = serial[:-10].encode()
        self._order_prefix = order[:-10].encode()
        at = slices(layout)
        header = Layout(layout).encode(packet)[: layout.header_size]
        self._head = (
            header[: at["serial"].start],
            header[at["serial"].stop : at["checksum"].start],
            header[at["checksum"].stop :],
        )
        before, rest = body.split(serial.encode())
        self._body = (before, *rest.split(order.encode()))

    def serial(self, number: int) -> bytes:
        """The serial of packet ``number``."""
        return b"%b%010d" % (self._prefix, number)

    def make(self, number: int) -> bytes:
        """Packet ``number``: framed, ready to be written."""
        serial = self.serial(number)
        before, between, after = self._body
        body = b"%b%b%b%b%010d%b" % (before, serial, between, self._order_prefix, number, after)
        first, middle, last = self._head
        return b"%b%b%b%08X%b%b" % (first, serial, middle, zlib.crc32(body), last, body)


def answers(row: LayoutRow) -> Callable[[bytearray], list[tuple[bytes, bytes]]]:
    """A function that cuts whole packets off a buffer and gives serial and result code of each receipt among them."""
    at = slices(row)
    length, serial, result, kind = at["length"], at["serial"], at["result"], at["kind"]
    receipt = next(field.values["receipt"] for field in row.fields if field.role == "kind").encode()
    size = row.header_size

    def cut(buffer: bytearray) -> list[tuple[bytes, bytes]]:
        found: list[tuple[bytes, bytes]] = []
        view = bytes(buffer)
        start, have = 0, len(view)
        while have - start >= size:
            head = view[start : start + size]
            total = int(head[length])
            if have - start < total:
                break
            if head[kind] == receipt:
                found.append((head[serial], head[result]))
            start += total
        del buffer[:start]
        return found

    return cut
