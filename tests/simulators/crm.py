"""A CRM for host tests: dispatches orders, decides completions, tells billing; hosted like any simulated system."""

from __future__ import annotations

from typing import Any

from simulators.brain import Body, Meta, Reaction, Send
from tests.simulators.talk import accept_all

REPORTS = ("OH02", "OH07", "OH09", "OH12", "BL02", "RR04")


class CrmScript:
    """``said`` are reports by order, in order of arrival; ``closed`` orders that ended."""

    role = "CRM"

    def __init__(self, billing: bool = True) -> None:
        self.said: dict[str, list[tuple[str, Body]]] = {}
        self.closed: dict[str, str] = {}
        self.answers: list[tuple[str, Body]] = []
        self.refused: list[tuple[str, str]] = []
        self.outgoing: list[Send] = []
        self.billing = billing

    @property
    def codes(self) -> tuple[str, ...]:
        return (*REPORTS, "OH08")

    def send(self, code: str, body: Body, role: str) -> None:
        """To be sent at the next turn."""
        self.outgoing.append(Send(code, body, role=role))

    def on_document(self, code: str, body: Body, meta: Meta, now: int) -> Reaction:
        order = body.get("service_order_id", "")
        self.said.setdefault(order, []).append((code, body))
        sends: list[Send] = []
        if code == "OH08":
            sends.append(Send("OH13", accept_all(body), role="PF", ref_serial=meta.serial))
            if self.billing:
                sends += [Send("BL01", _notice(body, item), role="BILL") for item in body["items"]]
            else:
                self.closed[order] = "OH08"
        if code in ("BL02", "OH09", "OH12"):
            self.closed[order] = code
        return Reaction(sends=sends)

    def on_answer(self, sent: Send, body: Body, now: int) -> Reaction:
        self.answers.append((sent.code, body))
        return Reaction()

    def on_refusal(self, sent: Send, code: str, body: Body, now: int) -> Reaction:
        self.refused.append((sent.code, code))
        return Reaction()

    def due(self, now: int) -> Reaction:
        sends, self.outgoing = self.outgoing, []
        return Reaction(sends=sends)

    def next_due(self) -> int | None:
        return 0 if self.outgoing else None

    def inspect(self) -> dict[str, Any]:
        return {"closed": dict(self.closed)}


def _notice(report: Body, item: Body) -> Body:
    head = {name: report[name] for name in ("service_order_id", "version", "area")}
    fact = {"kind": "start", "product_instance_id": item["product_instance_id"], "account_id": "A1", "plan": "POTS1"}
    return head | fact | {"effective_at": "20261121090000"}
