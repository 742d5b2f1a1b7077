"""Provisioning: takes orders, walks them through their process, reports, and obeys what the CRM decides (spec 5.4, 5.5).

One handler a message, found by code in ``_handlers``; answers to PF's own messages come back with the note they were sent with.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simulators.agenda import Agenda
from simulators.brain import Body, Meta, Reaction, Send
from simulators.codes import number, receipt
from simulators.pf import bodies, query
from simulators.pf.admission import Admission, Verdict
from simulators.pf.flow import Flow, Task
from simulators.pf.machine import CLOSED, IllegalMove
from simulators.pf.order import Item, Order
from simulators.pf.processes import ProcessTable, shipped
from simulators.ports import Entropy

_AFTER_DECISION = frozenset({"COMPLETED"})


class PfBrain:
    """The PF. ``speed`` multiplies the durations of stages (0: at once)."""

    role = "PF"

    def __init__(self, entropy: Entropy, speed: float = 1.0, table: ProcessTable | None = None) -> None:
        self._table = table or shipped()
        self._agenda: Agenda[Task] = Agenda()
        self._flow = Flow(self._table, entropy, self._agenda, speed)
        self.orders: dict[str, Order] = {}
        self.past: list[Order] = []
        self.complaints: list[dict[str, Any]] = []
        self._by_customer: dict[str, dict[str, None]] = {}
        self._by_instance: dict[str, dict[str, None]] = {}
        self._admission = Admission(self._table, self.orders)
        self._handlers: dict[str, Callable[[Body, Meta, int], Reaction]] = {
            "OH01": self._dispatched,
            "OH04": self._assigned,
            "OH13": self._decided,
            "PQ01": self._queried,
        }
        self._noted: dict[str, Callable[[Order, Send, Body, int], Reaction]] = {
            "archived": self._archived,
            "undone": self._undone,
        }

    @property
    def codes(self) -> tuple[str, ...]:
        """Messages this brain serves."""
        return tuple(self._handlers)

    def on_document(self, code: str, body: Body, meta: Meta, now: int) -> Reaction:
        """See ``Brain``."""
        handler = self._handlers.get(code)
        if handler is None:
            return Reaction.refuse("MESSAGE_UNKNOWN")
        try:
            return handler(body, meta, now)
        except IllegalMove as met:
            return Reaction.refuse("STATE_CONFLICT", met.state)

    def on_answer(self, sent: Send, body: Body, now: int) -> Reaction:
        """An answer of RM moves the order on; receipts of the CRM need no thought."""
        handler = self._noted.get(sent.note[0]) if sent.note else None
        if handler is None:
            return Reaction()
        _, order_id, version, _ = sent.note
        order = self.orders.get(order_id)
        if order is None or order.version != version:
            return Reaction()
        return handler(order, sent, body, now)

    def on_refusal(self, sent: Send, code: str, body: Body, now: int) -> Reaction:
        """Nobody takes the message: kept for people; where a step waited for RM, the step is stuck."""
        self.complaints.append({"code": sent.code, "result": code, "body": sent.body, "at": now})
        out: list[Send] = []
        order = self.orders.get(sent.body.get("service_order_id", ""))
        if order is None or order.state in CLOSED:
            return Reaction()
        reason = {"text": f"{sent.code} {body.get('text', '')}"[:500], "code": code}
        if sent.note and order.version == sent.note[2] and order.state == "IN_PROGRESS":
            self._flow.get_stuck(order, sent, reason, now, out)
        else:
            self._flow.note(order, reason, None, now)
        return Reaction(sends=out)

    def due(self, now: int) -> Reaction:
        """Acceptances and stages whose time has come."""
        out: list[Send] = []
        for task in self._agenda.take(now):
            order = self.orders[task.order]
            if order.version != task.version or order.state in CLOSED:
                continue
            if task.what == "accept" and order.state == "ACKNOWLEDGED":
                self._flow.accept(order, now, out)
            elif task.what == "retry" and order.state == "FALLOUT":
                self._flow.retry(order, task, now, out)
            elif task.what == "finish" and order.steps[task.step].state == "active":
                self._flow.finish(order, task.step, now, out)
        return Reaction(sends=out)

    def next_due(self) -> int | None:
        """When the next acceptance or stage is due (ms)."""
        return self._agenda.next()

    def inspect(self) -> dict[str, Any]:
        """Orders by id with state, version, items and work orders, for the auditor."""
        return {
            "orders": {order.id: _plain(order) for order in self.orders.values()},
            "past": [_plain(order) for order in self.past],
            "complaints": list(self.complaints),
        }

    def _dispatched(self, body: Body, meta: Meta, now: int) -> Reaction:
        """OH01."""
        verdict = self._admission.judge(body)
        if verdict.refusal is not None:
            return Reaction.refuse(verdict.refusal, verdict.state)
        if verdict.known:
            return Reaction(known=True)
        order = self._enter(body, meta, verdict, now)
        if verdict.rejection is not None:
            return self._reject(order, verdict, now)
        self._admission.enter(order)
        self._flow.receive(order, now)
        return Reaction()

    def _enter(self, body: Body, meta: Meta, verdict: Verdict, now: int) -> Order:
        before = self.orders.get(body["service_order_id"])
        if before is not None:
            self._admission.leave(before)
            if not verdict.renew:
                self.past.append(before)
        order = Order(
            id=body["service_order_id"],
            version=body["version"],
            sender=meta.sender,
            serial=meta.serial,
            image=body,
            state="ACKNOWLEDGED",
            since=now,
            received=now,
            report_seq=before.report_seq if before is not None else 0,
            items=verdict.items or {},
        )
        self.orders[order.id] = order
        if "customer_order_id" in body:
            self._by_customer.setdefault(body["customer_order_id"], {})[order.id] = None
        for item in order.items.values():
            self._by_instance.setdefault(item.instance, {})[order.id] = None
        return order

    def _reject(self, order: Order, verdict: Verdict, now: int) -> Reaction:
        """OH12: never accepted."""
        assert verdict.rejection is not None
        self._flow.move(order, "reject", now)
        text = str(receipt(verdict.rejection)["text"])
        order.reason = {"text": text, "code": number(verdict.rejection)}
        fault = {"path": "items", "rule": number(verdict.rejection), "found": verdict.found, "text": text}
        body = bodies.report_head(order) | {"code": number(verdict.rejection), "faults": [fault]}
        return Reaction(sends=[Send("OH12", body, system=order.sender, ref_serial=order.serial)])

    def _assigned(self, body: Body, meta: Meta, now: int) -> Reaction:
        """OH04: resources go to their items and the waiting step works; any shortage sends the order back."""
        order = self._order(body)
        if isinstance(order, Reaction):
            return order
        n = _waiting_step(order, {row["item_id"] for row in body["items"]})
        if n is None:
            return Reaction.refuse("STATE_CONFLICT", order.state)
        out: list[Send] = []
        short = [row for row in body["items"] if "shortage" in row or "code" in row]
        for row in body["items"]:
            item = order.items[row["item_id"]]
            item.assigned = True
            item.resources = row.get("resources", [])
        if short:
            found = short[0].get("shortage") or {"text": "资源分配被拒", "code": short[0]["code"]}
            self._flow.note(order, found, order.steps[n].stage.code, now)
            self._flow.send_back(order, "shortage", n, now, out)
        else:
            step = order.steps[n]
            assert step.work is not None
            step.work.state = "in_progress"
            self._flow.work(order, n, now)
        return Reaction(sends=out)

    def _archived(self, order: Order, sent: Send, body: Body, now: int) -> Reaction:
        """RM's answer to OH06 ``use``."""
        out: list[Send] = []
        n = sent.note[3]
        refused = [row for row in body["items"] if row["result"] != "archived"]
        for row in body["items"]:
            order.items[row["item_id"]].archived = row["result"] == "archived"
        if n < 0 or order.state in CLOSED or order.steps[n].state != "active":
            return Reaction()
        if refused:
            reason = {"text": "资源归档被拒", "code": refused[0].get("code", "")}
            self._flow.get_stuck(order, sent, reason, now, out)
        else:
            self._flow.finish(order, n, now, out)
        return Reaction(sends=out)

    def _undone(self, order: Order, sent: Send, body: Body, now: int) -> Reaction:
        """RM has its resources back: now the order may go back (OH09)."""
        assert order.reason is not None
        if order.state in CLOSED:
            return Reaction()
        for item in order.unfinished():
            item.resources, item.assigned, item.archived = [], False, False
        self._flow.move(order, "send_back", now)
        self._admission.leave(order)
        audited_by = self._table.settings["audited_by"]
        report = bodies.return_order(order, order.reason, order.steps[sent.note[3]], audited_by)
        return Reaction(sends=[Send("OH09", report, system=order.sender)])

    def _decided(self, body: Body, meta: Meta, now: int) -> Reaction:
        """OH13: accepted items are completed and their old resources freed, refused ones are repaired."""
        order = self._order(body)
        if isinstance(order, Reaction):
            return order
        if any(row["item_id"] not in order.items for row in body["items"]):
            return Reaction.refuse("ORDER_UNKNOWN")
        if order.state in _AFTER_DECISION:
            return Reaction(known=True)
        if body.get("unasked"):
            return self._ended_by_hand(order, now)
        rows = {row["item_id"]: row for row in body["items"]}
        if order.state != "COMPLETING" or any(order.items[name].progress == "open" for name in rows):
            return Reaction.refuse("STATE_CONFLICT", order.state)
        out: list[Send] = []
        accepted = [order.items[name] for name, row in rows.items() if row["result"] == "accepted"]
        refused = [order.items[name] for name, row in rows.items() if row["result"] == "refused"]
        self._completed(order, accepted, out)
        if refused:
            row = rows[refused[0].id]
            reason = row.get("reason", {}) | {"text": row.get("reason", {}).get("text", "竣工被拒")}
            self._flow.repair(order, refused, reason, now, out)
        elif all(item.progress == "completed" for item in order.items.values()):
            self._flow.move(order, "confirm", now)
            self._admission.leave(order)
            order.steps.clear()  # nothing undoes a completed order; its work orders stay for queries
        return Reaction(sends=out)

    def _completed(self, order: Order, items: list[Item], out: list[Send]) -> None:
        for item in items:
            item.progress = "completed"
        freeing = [item for item in items if item.process.frees]
        if freeing:
            out.append(Send("OH06", bodies.archive(order, freeing, "release"), role="RM"))

    def _ended_by_hand(self, order: Order, now: int) -> Reaction:
        """A person at the CRM has ended the order: PF ends its flow, what was assigned goes into use (06.2)."""
        if order.state in CLOSED:
            return Reaction.refuse("STATE_CONFLICT", order.state)
        out: list[Send] = []
        for step in order.steps:
            if step.state in ("active", "waiting"):
                self._flow.drop(step, now)
        holding = [item for item in order.items.values() if item.resources and not item.archived]
        if holding:
            out.append(self._flow.archive(order, holding, now, -1))
        self._flow.move(order, "end_by_hand", now)
        self._admission.leave(order)
        self._completed(order, list(order.items.values()), out)
        return Reaction(sends=out)

    def _queried(self, body: Body, meta: Meta, now: int) -> Reaction:
        """PQ01."""
        ids: list[str]
        if "service_order_id" in body:
            ids = [body["service_order_id"]]
        elif "customer_order_id" in body:
            ids = list(self._by_customer.get(body["customer_order_id"], ()))
        elif "product_instance_id" in body:
            ids = list(self._by_instance.get(body["product_instance_id"], ()))
        else:
            ids = list(self.orders)
        found = [self.orders[name] for name in ids if name in self.orders and query.matches(self.orders[name], body)]
        if not found:
            return Reaction.refuse("ORDER_UNKNOWN")
        return Reaction(answer=query.page_of(found, body))

    def _order(self, body: Body) -> Order | Reaction:
        """The order a message is about, or its refusal (3003, 3015)."""
        order = self.orders.get(body["service_order_id"])
        if order is None:
            return Reaction.refuse("ORDER_UNKNOWN")
        if body["version"] != order.version:
            return Reaction.refuse("STALE_VERSION", order.state)
        return order


def _waiting_step(order: Order, item_ids: set[str]) -> int | None:
    for n, step in enumerate(order.steps):
        if step.work is not None and step.work.state == "waiting_resource" and item_ids <= set(step.items):
            return n
    return None


def _plain(order: Order) -> dict[str, Any]:
    return {
        "id": order.id,
        "version": order.version,
        "state": order.state,
        "report_seq": order.report_seq,
        "items": {item.id: {"progress": item.progress, "instance": item.instance} for item in order.items.values()},
        "stages": [(work.stage, work.direction, work.state) for work in order.work_orders],
        "exceptions": list(order.exceptions),
    }
