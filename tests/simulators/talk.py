"""Brains talking without hosts: every message goes through the codec (so through its schema), time is a number.

The CRM's side is a script: it records what comes and answers completion reports as told.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adapters.document import Document, Header
from adapters.wire.times import wire_time
from adapters.xml.codec import Codec
from schemas.loader import load
from simulators.brain import Body, Brain, Meta, Reaction, Send
from simulators.codes import category, number, receipt

START = 1_790_000_000_000
SYSTEMS = {"CRM": "CRM001", "PF": "PF0001", "RM": "RM0001", "BILL": "BIL001"}


class Dice:
    """An entropy without surprises: the middle, and zero."""

    def uniform(self, low: float, high: float) -> float:
        return (low + high) / 2

    def below(self, n: int) -> int:
        return 0

    def token(self, size: int = 8) -> bytes:
        return bytes(size)


class Talk:
    """Delivers what brains send to each other, in order; ``crm`` is what reached the CRM: (code, body)."""

    def __init__(self, *brains: Brain) -> None:
        self.brains = {brain.role: brain for brain in brains}
        self.roles = {system: role for role, system in SYSTEMS.items()}
        self.catalogue = load()
        self.codec = Codec(self.catalogue)
        self.now = START
        self.crm: list[tuple[str, Body]] = []
        self.receipts: list[tuple[str, str]] = []
        self.decide: Callable[[Body], Body | None] = accept_all
        self._serial = 0
        self._queue: list[tuple[str, Send]] = []

    def tell(self, role: str, code: str, body: Body) -> Reaction:
        """A message of the CRM's, then everything that follows at once."""
        reaction = self.deliver("CRM", Send(code, body, role=role))
        self.settle()
        return reaction

    def settle(self) -> None:
        """Deliver until nothing more is said at this instant."""
        while self._queue:
            sender, send = self._queue.pop(0)
            self.deliver(sender, send)

    def run(self, until: int | None = None) -> None:
        """Let time pass from due to due until nothing is due any more (or until ``until``)."""
        while True:
            self.settle()
            due = [at for brain in self.brains.values() if (at := brain.next_due()) is not None]
            if not due or (until is not None and min(due) > until):
                break
            self.now = max(self.now, min(due))
            for brain in self.brains.values():
                self._say(brain.role, brain.due(self.now))

    def deliver(self, sender: str, send: Send) -> Reaction:
        role = send.role or self.roles[send.system]
        self._serial += 1
        serial = f"{SYSTEMS[sender]:<6}{wire_time(self.now)}{self._serial:010d}".replace(" ", "0")
        body = self.through_codec(send.code, self.catalogue.message(send.code).name, send.body)
        meta = Meta(SYSTEMS[sender], serial, body.get("area", ""), send.ref_serial)
        if role == "CRM":
            self._hear(send, body, serial, sender)
            return Reaction()
        reaction = self.brains[role].on_document(send.code, body, meta, self.now)
        self._answer(sender, role, send, reaction)
        return reaction

    def through_codec(self, code: str, element: str, body: Body) -> Body:
        header = Header(code, "CRM001" + "0" * 24, "CRM001", "PF0001", body.get("area", ""), wire_time(self.now))
        row = self.catalogue.message(code)
        raw = self.codec.encode(Document(row, element, header, body), "GB18030")
        return self.codec.decode(raw, "GB18030").body

    def _answer(self, sender: str, role: str, send: Send, reaction: Reaction) -> None:
        row = self.catalogue.message(send.code)
        if reaction.refusal is not None:
            refusal = receipt(reaction.refusal.symbol, reaction.refusal.state, reaction.refusal.faults)
            body = self.through_codec(send.code, "Receipt", refusal)
        elif reaction.answer is not None:
            assert row.answer is not None
            body = self.through_codec(send.code, row.answer, reaction.answer)
        else:
            body = receipt("DUPLICATE" if reaction.known else "ACCEPTED")
        self.receipts.append((send.code, body.get("code", "0000")))
        self._say(role, reaction)
        if sender != "CRM":
            brain = self.brains[sender]
            if reaction.refusal is not None and category(body["code"]) == "rejected":
                self._say(sender, brain.on_refusal(send, body["code"], body, self.now))
            else:
                self._say(sender, brain.on_answer(send, body, self.now))

    def _say(self, role: str, reaction: Reaction) -> None:
        self._queue.extend((role, send) for send in reaction.sends)

    def _hear(self, send: Send, body: Body, serial: str, sender: str) -> None:
        self.crm.append((send.code, body))
        self._say(sender, self.brains[sender].on_answer(send, receipt("ACCEPTED"), self.now))
        if send.code == "OH08":
            decision = self.decide(body)
            if decision is not None:
                self._queue.append(("CRM", Send("OH13", decision, role="PF", ref_serial=serial)))

    def codes(self) -> list[str]:
        return [code for code, _ in self.crm]


def accept_all(report: Body) -> Body:
    """OH13 that accepts every item of an OH08."""
    return decision(report, {})


def decision(report: Body, refused: dict[str, str]) -> Body:
    """OH13: ``refused`` items with their result symbol."""
    head = {name: report[name] for name in ("customer_order_id", "service_order_id", "version", "area") if name in report}
    items: list[Body] = []
    for item in report["items"]:
        row: Body = {"item_id": item["item_id"], "result": "accepted"}
        if item["item_id"] in refused:
            row = {"item_id": item["item_id"], "result": "refused", "code": number(refused[item["item_id"]])}
            row["reason"] = {"text": "结果不全"}
        items.append(row)
    return head | {"items": items}


def dispatch(order: str = "SO1", version: int = 1, items: list[Body] | None = None, **more: Any) -> Body:
    """An OH01."""
    return {
        "customer_order_id": "CO1",
        "service_order_id": order,
        "version": version,
        "area": "025",
        "action": "install",
        "priority": 5,
        "dates": {"captured_at": "20261121090000"},
        "customer": {"customer_id": "C0000000000000001"},
        "contact": {"name": "张示例", "phone": "13800000000"},
        "items": items or [item()],
    } | more


def item(item_id: str = "1", product: str = "FTTH", action: str = "install", instance: str = "PI1", **more: Any) -> Body:
    """An item of an OH01."""
    return {"item_id": item_id, "action": action, "product": product, "product_instance_id": instance} | more


def side(value: str) -> list[Body]:
    """Attributes of one end of a relocation."""
    return [{"code": "SIDE", "new": value, "action": "A"}]
