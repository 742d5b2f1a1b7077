"""A story's trace read as a sequence: arrows with what they say, what people did, and the states orders went through."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from adapters.document import DocumentRefused, Header
from adapters.envelopes.envelope import envelope
from adapters.wire.framer import Framer
from adapters.wire.packet import Kind, Packet
from adapters.xml.codec import Codec
from gateway.proof.world import CRM, ROLES
from gateway.stories.network import LOST
from gateway.stories.stage import TOLD, Stage, plain_name
from schemas.loader import Catalogue

_BEATS = (Kind.HEARTBEAT, Kind.HEARTBEAT_REPLY)
_ACCEPTED = ("ok", "accepted", "duplicate")
_LISTENER = re.compile(r"mem://(\w+)#")
"""The end of a wire that was connected to."""
_FOLD_MS = 2_000
"""An answer that says nothing but yes is told with what it answers, unless it took longer."""
_WIDEST = 64

_SAID = ("operation", "event", "kind", "state", "outcome", "result", "code")
_WHOLE = ("product", "action")
"""Told where no items tell it."""
_NAMED = {
    "version": "v", "new_version": "→ v", "until": "至 ", "lease_until": "至 ", "fence": "fence ", "position": "位 #",
    "queue_position": "位 #", "valid_until": "至 ", "expires_at": "至 ", "new_date": "改 ", "appointment": "约 ",
    "reservation_id": "", "scheme_id": "", "survey_id": "", "waiting_no": "", "cutover_id": "", "wave": "wave ",
    "accept": "accept ", "ended_by": "", "product_instance_id": "",
}  # fmt: skip


@dataclass(slots=True)
class Arrow:
    """A message: when (ms), from whom to whom, its ``code``, names and ``detail``; ``answer``: it is one; ``result``: the code
    it got or brings; ``fate`` is ``lost``, ``again`` (heard before) or nothing; ``refused``: it says no."""

    at: int
    sender: str
    receiver: str
    code: str
    name: str
    zh: str
    detail: str
    answer: bool = False
    result: str = ""
    fate: str = ""
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """Something between messages: ``told`` is what people did, ``state`` what became of an order (at ``over``)."""

    at: int
    kind: str
    text: str
    over: str = ""


Moment = Arrow | Note


def moments(stage: Stage) -> list[Moment]:
    """Everything that is drawn, in order."""
    names = stage.names()
    heard = list(_Reading(stage, names).moments())
    states = [Note(at, "state", text, CRM) for at, text in _states(stage, names)]
    return sorted([*heard, *states], key=lambda moment: (moment.at, isinstance(moment, Note) and moment.kind == "state"))


def participants(drawn: list[Moment]) -> list[str]:
    """Systems that say or hear something, from the counter to billing."""
    speaking = {name for one in drawn if isinstance(one, Arrow) for name in (one.sender, one.receiver)}
    order = ("CH0001", "CRM001", "PF0001", "RM0001", "BIL001")
    return [system for system in order if system in speaking and system in ROLES]


def _states(stage: Stage, names: dict[str, str]) -> Iterator[tuple[int, str]]:
    rows = stage.world.gateway.codec.catalogue.table("order_states").rows
    query = (
        "SELECT at, subject_id, state_from, state_to FROM history "
        "WHERE subject = 'order' AND state_from <> state_to AND at >= ? ORDER BY at, seq"
    )
    with stage.world.engine.connect() as connection:
        for at, order, _, state in connection.exec_driver_sql(query, (stage.drawn_from,)):
            zh = rows[state].zh if state in rows else ""
            yield at, f"{names.get(order, order)} · {state} {zh}"


class _Reading:
    """Packets out of what was delivered and what was lost."""

    def __init__(self, stage: Stage, names: dict[str, str]) -> None:
        self._stage = stage
        self._codec: Codec = stage.world.gateway.codec
        self._voices = {
            one.system: envelope(self._codec, one.envelope) for one in stage.story.dialects
        }
        self._names = names
        self._framers: dict[str, Framer] = {}
        self._asked: dict[tuple[str, str, str], Arrow] = {}

    def moments(self) -> Iterator[Moment]:
        """In the order of the trace."""
        for number, line in enumerate(self._stage.world.trace.lines):
            drawn = number >= self._stage.alone
            if line.kind == TOLD and drawn:
                yield Note(line.at, "told", line.text)
            elif line.kind in ("wire", LOST):
                yield from self._packets(line.at, line.text, line.data, line.kind == LOST, drawn)

    def _packets(self, at: int, wire: str, data: bytes, lost: bool, drawn: bool) -> Iterator[Arrow]:
        layout = self._stage.layout
        if lost:
            framer = Framer(layout, layout.default_max)
        else:
            framer = self._framers.setdefault(wire, Framer(layout, layout.default_max))
        for packet in framer.feed(data):
            arrow = None if packet.kind in _BEATS else self._arrow(at, packet, lost, wire)
            if drawn and arrow is not None:
                yield arrow

    def _arrow(self, at: int, packet: Packet, lost: bool, wire: str) -> Arrow | None:
        sender, receiver = self._ends(packet, wire)
        body = self._body(packet, receiver if sender == CRM else sender)
        told = body if packet.kind is not Kind.RECEIPT else {key: value for key, value in body.items() if key != "code"}
        made = _arrow(self._codec.catalogue, at, packet, _detail(told, self._names))
        made.sender, made.receiver = sender, receiver
        asked = self._asked.get((receiver, sender, packet.serial))
        if packet.is_answer:
            code = str(body.get("code", packet.result))
            made.result = code
            made.refused = self._codec.catalogue.result(code).category not in _ACCEPTED
            plain = packet.kind is Kind.RECEIPT and not made.refused
            if not lost and plain and asked is not None and not asked.result and at - asked.at <= _FOLD_MS:
                asked.result = code
                return None
            made.fate = "lost" if lost else ""
            return made
        leg = (sender, receiver, packet.serial)
        made.fate = "lost" if lost else "again" if leg in self._asked else ""
        if not lost:
            self._asked[leg] = made
        return made

    def _ends(self, packet: Packet, wire: str) -> tuple[str, str]:
        """Between whom it travels: where the CRM hands on between two others, not from whom to whom it is."""
        if not self._voices:
            return packet.sender, packet.receiver
        source, target = (_LISTENER.match(end) for end in wire.split(" > "))
        listener = source or target
        other = packet.receiver if source else packet.sender
        client = CRM if listener is None or listener[1] != CRM else other
        ends = (listener[1] if listener else CRM, client)
        return ends if source else (ends[1], ends[0])

    def _body(self, packet: Packet, speaker: str) -> dict[str, Any]:
        voice = self._voices.get(speaker, self._codec)
        asked = Header(packet.code, packet.serial, packet.receiver, packet.sender, packet.area)
        try:
            if packet.is_answer:
                return voice.decode_answer(packet.body, packet.charset, asked).body
            body: dict[str, Any] = voice.decode(packet.body, packet.charset).body
        except DocumentRefused as fault:
            return {"code": self._codec.catalogue.result(fault.symbol).code}
        return body


def _arrow(catalogue: Catalogue, at: int, packet: Packet, detail: str) -> Arrow:
    row = catalogue.message(packet.code)
    return Arrow(at, packet.sender, packet.receiver, row.code, row.name, row.zh, detail, packet.is_answer)


def _detail(body: dict[str, Any], names: dict[str, str]) -> str:
    """Key fields in a few words."""
    parts = [names[body[key]] for key in ("service_order_id", "customer_order_id") if body.get(key) in names][:1]
    for name, value in body.items():
        if name in _WHOLE and "items" not in body:
            parts.append(str(value))
        elif name == "dry_run":
            parts += ["dry run"] if value else []
        elif name in _SAID and isinstance(value, str | int):
            parts.append(str(value))
        elif name in _NAMED and not isinstance(value, dict | list):
            parts.append(_NAMED[name] + _plain(value))
        elif name in _SHAPES:
            parts.append(_SHAPES[name](value))
    return plain_name(shortened(" · ".join(part for part in dict.fromkeys(parts) if part), _WIDEST))


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    if len(text) == 14 and text.isdigit():
        return f"{text[4:6]}-{text[6:8]} {text[8:10]}:{text[10:12]}"
    return text


def _reason(value: dict[str, Any]) -> str:
    return f"{value.get('code', '')} {value.get('text', '')}".strip()


def _rows(rows: list[Any]) -> str:
    """A list by what became of each: what is asked, or counts of results."""
    told: dict[str, list[str]] = {}
    for row in rows:
        if not isinstance(row, dict):
            continue
        what = str(row.get("result") or row.get("outcome") or row.get("progress") or "")
        if not what and "shortage" in row:
            what = _reason(row["shortage"])
        if not what and "product" in row:
            what = f"{row.get('action', '')} {row['product']}".strip()
        name = str(row.get("item_id") or row.get("product_instance_id") or row.get("res_type") or "")
        told.setdefault(what, []).append(name)
    parts = [f"{what} {','.join(name for name in found if name)}".strip() for what, found in told.items()]
    return "; ".join(part for part in parts if part)


def _instances(rows: list[dict[str, Any]]) -> str:
    return ",".join(str(row["product_instance_id"]) for row in rows)


_SHAPES: dict[str, Callable[[Any], str]] = {
    "reason": _reason,
    "items": _rows,
    "instances": _rows,
    "options": lambda rows: f"{len(rows)} options",
    "resources": lambda rows: ",".join(dict.fromkeys(row.get("res_type", "") for row in rows)),
    "done": lambda rows: f"done {_instances(rows)}",
    "failed": lambda rows: f"failed {_instances(rows)}",
    "excluded": lambda rows: f"excluded {_instances(rows)}",
    "stage": lambda value: f"{value['code']} {value['name']}" if isinstance(value, dict) else str(value),
}


def width(text: str) -> int:
    """Columns of a text on a terminal: Chinese characters take two."""
    return sum(2 if _is_wide(char) else 1 for char in text)


def _is_wide(char: str) -> bool:
    return (
        "\u1100" <= char <= "\u115f"
        or "\u2e80" <= char <= "\ua4cf"
        or "\uac00" <= char <= "\ud7a3"
        or ("\uf900" <= char <= "\ufaff" or "\ufe30" <= char <= "\ufe4f" or "\uff00" <= char <= "\uff60")
    )


def shortened(text: str, columns: int) -> str:
    """At most so many columns, with an ellipsis where something is left out."""
    if width(text) <= columns:
        return text
    kept = ""
    for char in text:
        if width(kept) + width(char) > columns - 1:
            break
        kept += char
    return kept + "…"
