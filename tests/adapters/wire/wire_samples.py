"""Layouts, packets and a small describer for the wire tests."""

import tomllib
from importlib import resources

from adapters.wire.layout import Layout
from adapters.wire.packet import Kind, Packet
from schemas.model import LayoutField, LayoutRow

NAMES = ("ctif-128", "ascii-145", "dc-64", "len4-be", "len4-le", "ascii-len-8", "newline")
"""Layouts that carry documents."""


def row(name: str) -> LayoutRow:
    data = tomllib.loads(resources.files("schemas").joinpath(f"layouts/{name}.toml").read_text("utf-8"))
    return LayoutRow(fields=tuple(LayoutField(**field) for field in data.pop("field", [])), **data)


LAYOUTS = {name: Layout(row(name)) for name in (*NAMES, "bd-272")}
CTIF = LAYOUTS["ctif-128"]


def serial(number: int, system: str = "CRM001") -> str:
    return f"{system}20261121093000{number:010d}"


def request(number: int, body: bytes = b"<a/>", system: str = "CRM001", **fields: object) -> Packet:
    values: dict[str, object] = {
        "kind": Kind.REQUEST,
        "code": "OH01",
        "sender": system,
        "receiver": "PF0001",
        "area": "025",
        "serial": serial(number, system),
        "send_time": "20261121093000",
        "charset": "GB18030",
    }
    return Packet(body=body, **(values | fields))  # type: ignore[arg-type]


def answer(to: Packet, body: bytes = b"<r/>", kind: Kind = Kind.RECEIPT, result: str = "0001") -> Packet:
    return Packet(
        body=body,
        kind=kind,
        code=to.code,
        sender=to.receiver,
        receiver=to.sender,
        area=to.area,
        serial=to.serial,
        send_time="20261121093001",
        result=result,
    )


def described(packet: Packet) -> bytes:
    """A body that says of itself what ``describe`` reads again."""
    kind = packet.kind.value if packet.kind else ""
    return "|".join((kind, packet.code, packet.serial)).encode() + b"#" + packet.body


def describe(body: bytes) -> Packet:
    head, found, _ = body.partition(b"#")
    parts = head.decode("ascii", "replace").split("|")
    if not found or len(parts) != 3:
        return Packet(body)
    return Packet(body, kind=Kind(parts[0]) if parts[0] else None, code=parts[1], serial=parts[2])
