"""``bssgw bench codec``: what writing and reading costs, layout × envelope × charset, and what dribbled bytes cost.

A document is the intake's sample order.  Encoding is document -> bytes -> packet, decoding is the stream's bytes -> packet ->
document, validated; where a layout holds only so much a packet, every packet of the document counts.  Only this process and
its memory take part.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from adapters.document import Document, Header
from adapters.envelopes.dialect import Dialect
from adapters.envelopes.envelope import Envelope, envelope
from adapters.replies import receipt_body
from adapters.wire.fields import SERIAL_DIGITS
from adapters.wire.framer import Framer
from adapters.wire.layout import Layout
from adapters.wire.packet import Kind, Packet
from adapters.wire.pairs import Pairs
from adapters.wire.segments import split
from adapters.xml.charset import known, read
from adapters.xml.codec import Codec
from gateway.bench.packets import intake_text
from gateway.clock import cpu_s
from schemas.loader import RECEIPT, Catalogue, UnknownName, load

CHARSETS = ("GB18030", "UTF-8", "GBK")
MIB = 1 << 20
DRIBBLE_LIMIT_S = 2.0
"""What 1 MiB may cost that comes byte by byte."""
_ROUNDS = 3
_COUNTED = re.compile(r"\[0-9\]\{(\d+)\}")


@dataclass(frozen=True, slots=True)
class Rate:
    """One combination; ``bytes`` on the wire, rates in documents a second of CPU."""

    layout: str
    envelope: str
    charset: str
    bytes: int
    packets: int
    encode_per_second: int
    decode_per_second: int


def measure(
    layouts: tuple[str, ...],
    envelopes: tuple[str, ...],
    charsets: tuple[str, ...],
    seconds: float,
    progress: Callable[[str], None],
) -> dict[str, Any]:
    """``rates`` (rows of ``Rate``), ``native_us`` (steps of the native envelope, µs a document), ``byte_by_byte_cpu_s`` by
    layout. No layouts or envelopes named: all that carry documents. Raises UnknownName."""
    catalogue = load()
    for name in charsets:
        if known(name) is None:
            raise UnknownName("不支持的字符集", "unsupported charset", name)
    rows = [catalogue.layout(name) for name in layouts] or list(catalogue.layouts())
    made = [layout for layout in map(Layout, rows) if not layout.encloses]
    documents = [row.name for row in catalogue.envelopes() if row.shape != "line"]
    spoken = [catalogue.envelope(name).name for name in envelopes] or documents
    codec = Codec(catalogue)
    document = codec.decode(intake_text(catalogue).encode())
    rates: list[Rate] = []
    with _settled():
        for layout in made:
            for name in spoken:
                voice = _voice(codec, name, document)
                rates += [_rate(layout, name, voice, document, charset, seconds) for charset in charsets]
            progress(f"{layout.name} …")
        native = _native(codec, document, seconds)
        dribbled = {layout.name: round(dribble(layout), 2) for layout in made}
    return {"rates": [asdict(rate) for rate in rates], "native_us": native, "byte_by_byte_cpu_s": dribbled}


def dribble(layout: Layout, size: int = MIB) -> float:
    """CPU seconds for ``size`` bytes of body that come byte by byte, in packets as large as the layout allows."""
    room = min(size, layout.body_max or size)
    packet = _dressed(layout, Packet(b"x" * room, Kind.REQUEST, "CH01", "CH0001", "CRM001", "025", "0" * SERIAL_DIGITS))
    data = layout.encode(packet) * -(-size // room)
    framer = Framer(layout, 2 * MIB)
    begun, found = cpu_s(), 0
    for at in range(len(data)):
        found += len(framer.feed(data[at : at + 1]))
    spent = cpu_s() - begun
    if found != -(-size // room):
        raise RuntimeError(f"{layout.name}: {found} packets came of {-(-size // room)}")
    return spent


def _voice(codec: Codec, name: str, document: Document) -> Envelope:
    """The envelope as a peer row would have it; where codes must be mapped, one of the right form is."""
    form = codec.catalogue.envelope(name).code_pattern
    example = _COUNTED.sub(lambda digits: "1".rjust(int(digits.group(1)), "0"), form)
    codes = {document.header.code: example} if form and not re.fullmatch(form, document.header.code) else {}
    return envelope(codec, name, Dialect(codes=codes))


def _rate(layout: Layout, name: str, voice: Envelope, document: Document, charset: str, seconds: float) -> Rate:
    header = document.header
    room = layout.body_max or 2 * MIB
    told = {
        field: getattr(header, field) for field in ("code", "serial", "sender", "receiver", "area", "send_time", "mode")
    }
    told["serial"] = voice.serial_of(header.serial)
    framer = Framer(layout, 2 * MIB)

    def encode() -> bytes:
        packet = Packet(
            voice.encode(document, charset), Kind.REQUEST, header.code, header.sender, header.receiver, header.area,
            header.serial, header.send_time, header.mode, charset,
        )  # fmt: skip
        return b"".join([layout.encode(piece) for piece in split(_dressed(layout, packet), room)])

    def decode() -> Document:
        packets = framer.feed(data)
        body = packets[0].body if len(packets) == 1 else b"".join([packet.body for packet in packets])
        return voice.decode(body, charset, told)

    data = encode()
    if decode().body != document.body:
        raise RuntimeError(f"{layout.name} {name} {charset}: what was read is not what was written")
    packets = len(Framer(layout, 2 * MIB).feed(data))
    return Rate(layout.name, name, charset, len(data), packets, _per_second(encode, seconds), _per_second(decode, seconds))


def _dressed(layout: Layout, packet: Packet) -> Packet:
    """Under a serial the header can hold."""
    narrow = 0 < layout.serial_digits < SERIAL_DIGITS
    return Pairs(layout.serial_digits).dress(packet) if narrow else packet


def _native(codec: Codec, document: Document, seconds: float) -> dict[str, float]:
    """Microseconds a document of what the native envelope does, step by step."""
    raw = codec.encode(document, "GB18030")
    receipt = _receipt(codec.catalogue, document)
    schema = codec.catalogue.schema()
    root = codec.parser.parse_shallow(read(raw, "GB18030").data)
    steps: dict[str, Callable[[], object]] = {
        "decode": lambda: codec.decode(raw, "GB18030"),
        "charset": lambda: read(raw, "GB18030"),
        "charset_and_parse": lambda: codec.parser.parse_shallow(read(raw, "GB18030").data),
        "validate": lambda: schema.validate(root),
        "encode": lambda: codec.encode(document, "GB18030"),
        "encode_utf_8": lambda: codec.encode(document, "UTF-8"),
        "encode_receipt": lambda: codec.encode(receipt, "GB18030"),
    }
    return {name: round(1e6 / _per_second(step, seconds), 1) for name, step in steps.items()}


def _receipt(catalogue: Catalogue, document: Document) -> Document:
    told = document.header
    header = Header(told.code, told.serial, told.receiver, told.sender, told.area, told.send_time, ref_serial=told.serial)
    return Document(document.row, RECEIPT, header, receipt_body(catalogue, "ACCEPTED"))


def _per_second(step: Callable[[], object], seconds: float) -> int:
    """Calls a second of CPU (a busy neighbour changes nothing); the median of rounds that together take ``seconds``."""
    begun = cpu_s()
    step()
    loops = max(1, int(seconds / _ROUNDS / max(cpu_s() - begun, 1e-7)))
    found = []
    for _ in range(_ROUNDS):
        begun = cpu_s()
        for _ in range(loops):
            step()
        found.append(loops / (cpu_s() - begun))
    return round(median(found))


@contextmanager
def _settled() -> Iterator[None]:
    """The garbage collector as a gateway has it after its start."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
