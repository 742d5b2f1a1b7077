"""Provisioning: takes orders, walks them through their process, reports, and decides what may still be done (spec 5.4-5.11).

One handler a message, found by code; answers to PF's own messages come back with the note they were sent with: what it was
about, the order, the dispatch, and the step, item or items.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simulators.agenda import Agenda
from simulators.brain import Body, Meta, Reaction, Send
from simulators.codes import number, receipt
from simulators.pf import bodies
from simulators.pf.admission import Admission, CallOff, Verdict
from simulators.pf.changing import Changing
from simulators.pf.closing import Closing
from simulators.pf.compensation import Compensation
from simulators.pf.deferring import Deferring
from simulators.pf.floor import Floor, Task
from simulators.pf.flow import Flow
from simulators.pf.inquiry import Inquiry
from simulators.pf.locking import Locking
from simulators.pf.machine import IllegalMove
from simulators.pf.order import Order
from simulators.pf.order_book import OrderBook
from simulators.pf.planning import Planning
from simulators.pf.processes import ProcessTable, shipped
from simulators.pf.query import Register, plain
from simulators.pf.script import Script
from simulators.pf.waiting import WaitingRoom
from simulators.ports import Entropy
from simulators.reconciling import reconcile_handlers

_OnOrder = Callable[[Order, Body, Meta, int], Reaction]
_OnDue = Callable[[Order, Task, int, list[Send]], None]


class PfBrain:
    """The PF. ``speed`` multiplies the durations of stages (0: at once); ``script`` what goes otherwise than usual."""

    role = "PF"

    def __init__(
        self, entropy: Entropy, speed: float = 1.0, table: ProcessTable | None = None, script: Script | None = None
    ) -> None:
        floor = Floor(table or shipped(), script or Script(), entropy, speed)
        self._floor = floor
        self.orders: dict[str, Order] = floor.orders
        self.past: list[Order] = []
        self.complaints: list[dict[str, Any]] = []
        self._register = Register(self.orders)
        self._called_off: dict[str, CallOff] = {}
        floor.admission = Admission(floor.table, self.orders)
        self._flow, self._undoing, self._closing = Flow(floor), Compensation(floor), Closing(floor)
        self._waiting, self._changing, self._deferring = WaitingRoom(floor), Changing(floor), Deferring(floor)
        floor.flow, floor.undoing, floor.closing = self._flow, self._undoing, self._closing
        floor.waiting, floor.changing, floor.deferring = self._waiting, self._changing, self._deferring
        self._locking = Locking(floor)
        book = OrderBook(self.orders, self._locking)
        self._planning = Planning(entropy, speed, book, book.uses)
        floor.admission.standing.plans = self._planning
        inquiry = Inquiry(floor)
        self._handlers: dict[str, Callable[[Body, Meta, int], Reaction]] = {
            "OH01": self._dispatched,
            "OH04": self._assigned,
            "OH13": self._of_version(lambda order, body, meta, now: self._closing.decided(order, body, now)),
            "CN01": self._cancelled,
            "PA01": self._waiting.available,
            "RR04": self._reservation_lost,
            "PQ01": lambda body, meta, now: self._register.query(body),
        }
        commands: dict[str, _OnOrder] = {
            "OH10": self._deferring.expedite,
            "OH11": self._deferring.reschedule,
            "OH14": self._deferring.answered,
            "CO01": self._changing.change,
            "PA03": self._waiting.decide,
            "DF01": self._deferring.defer,
            "DF02": self._deferring.end,
            "LK01": self._locking.lock,
            "LK02": self._locking.unlock,
            "PQ02": inquiry.ask,
        }
        self._handlers |= reconcile_handlers(self.role, self._register.rows)
        self._handlers = self._planning.handlers | self._handlers
        self._handlers |= {code: self._on_order(handler) for code, handler in commands.items()}
        self._dues = self._timed()

    def _timed(self) -> dict[str, _OnDue]:
        """Who is called when a task is due."""
        return {
            "accept": self._flow.accept_due,
            "finish": self._flow.due,
            "retry": self._flow.retry,
            "undo": self._undoing.due,
            "register": self._waiting.rested,
            "offer": self._waiting.offer_over,
            "decide": self._changing.decide,
            "deferral": self._deferring.due,
            "hold_limit": self._deferring.hold_limit,
            "lease": self._locking.due,
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
        """An answer of RM moves the order on; receipts need no thought."""
        if self._planning.owns(sent):
            return self._planning.on_answer(sent, body, now)
        order = self._noted(sent)
        out: list[Send] = []
        if order is None:
            return Reaction()
        if sent.note[0] == "archived":
            self._archived(order, sent, body, now, out)
        elif sent.note[0] == "undone":
            self._undoing.unassigned(order, sent, body, now, out)
        elif sent.note[0] == "registered":
            self._waiting.registered(order, sent, body, now, out)
        elif sent.note[0] == "left":
            self._waiting.left(order, sent, now, out)
        return Reaction(sends=out)

    def on_refusal(self, sent: Send, code: str, body: Body, now: int) -> Reaction:
        """Nobody takes the message: kept for people; where a step or an operation waited for RM, it is stuck or ends."""
        self.complaints.append({"code": sent.code, "result": code, "body": sent.body, "at": now})
        if self._planning.owns(sent):
            return self._planning.on_refusal(sent, code, body, now)
        out: list[Send] = []
        order = self._noted(sent)
        reason = {"text": f"{sent.code} {body.get('text', '')}"[:500], "code": code}
        if order is None:
            about = self.orders.get(sent.body.get("service_order_id", ""))
            if about is not None and not about.closed:
                self._floor.note(about, reason, None, now)
        elif sent.note[0] in ("asked", "archived") and not order.closed:
            self._flow.get_stuck(order, sent, reason, now, out)
        elif sent.note[0] == "undone":
            self._undoing.not_unassigned(order, sent, reason, now, out)
        elif sent.note[0] == "registered":
            self._waiting.unregistered(order, sent, now, out)
        elif sent.note[0] == "left":
            self._waiting.left(order, sent, now, out)
        elif sent.note[0] == "reassigned":
            self._changing.refused(order, now, out)
        return Reaction(sends=out)

    def due(self, now: int) -> Reaction:
        """Acceptances, stages and whatever else has its time."""
        out: list[Send] = []
        for task in self._floor.agenda.take(now):
            order = self.orders[task.order]
            if order.epoch == task.epoch and not order.closed:
                self._dues[task.what](order, task, now, out)
        return Reaction(sends=[*out, *self._planning.due(now).sends])

    def next_due(self) -> int | None:
        """When the next thing is due (ms)."""
        return min((due for due in (self.agenda.next(), self._planning.next_due()) if due is not None), default=None)

    @property
    def agenda(self) -> Agenda[Task]:
        """What is due when."""
        return self._floor.agenda

    def inspect(self) -> dict[str, Any]:
        """Orders by id with state, version, items and work orders, for the auditor."""
        return {
            "orders": {order.id: plain(order) for order in self.orders.values()},
            "past": [plain(order) for order in self.past],
            "complaints": list(self.complaints),
            "planning": self._planning.inspect(),
        }

    # -- the dispatch

    def _dispatched(self, body: Body, meta: Meta, now: int) -> Reaction:
        """OH01. One that was called off before it came is closed (04.9)."""
        called_off = self._called_off.get(body["service_order_id"])
        if called_off is not None and body["version"] <= called_off.version:
            late = Reaction.refuse("STATE_CONFLICT", "CANCELLED")
            late.sends += called_off.answer([item["item_id"] for item in body["items"]])
            return late
        verdict = self._floor.admission.judge(body, now)
        if verdict.refusal is not None:
            return Reaction.refuse(verdict.refusal, verdict.state)
        if verdict.known:
            return Reaction(known=True)
        order = self._enter(body, meta, verdict, now)
        if verdict.rejection is not None:
            return self._reject(order, verdict)
        self._floor.admission.enter(order)
        self._flow.receive(order, now)
        return Reaction()

    def _enter(self, body: Body, meta: Meta, verdict: Verdict, now: int) -> Order:
        before = self.orders.get(body["service_order_id"])
        if before is not None:
            self._floor.admission.leave(before)
            if not verdict.renew:
                self.past.append(before)
        version = body["version"]
        order = Order(body["service_order_id"], version, meta.sender, meta.serial, body, now, now, version, version)
        order.report_seq = before.report_seq if before is not None else 0
        order.lock = before.lock if before is not None else None
        order.items = verdict.items or {}
        order.acts = self._floor.script.acts_for(body)
        self.orders[order.id] = order
        self._register.enter(order)
        return order

    def _reject(self, order: Order, verdict: Verdict) -> Reaction:
        """OH12: never accepted."""
        assert verdict.rejection is not None
        order.rejected = True
        for item in order.items.values():
            item.move("reject")
        text = str(receipt(verdict.rejection)["text"])
        order.reason = {"text": text, "code": number(verdict.rejection)}
        fault = {"path": "items", "rule": number(verdict.rejection), "found": verdict.found, "text": text}
        body = bodies.report_head(order) | {"code": number(verdict.rejection), "faults": [fault]}
        self._floor.shelf.add(order)
        return Reaction(sends=[Send("OH12", body, system=order.sender, ref_serial=order.serial)])

    # -- RM

    def _reservation_lost(self, body: Body, meta: Meta, now: int) -> Reaction:
        """RR04: of a scheme, of somebody who waits, of an order or a survey; of nothing PF ever had: 3011."""
        name = body["reservation_id"]
        if self._planning.schemes.holds(name):
            return self._planning.on_document("RR04", body, meta, now)
        standing = self._floor.admission.standing
        if not (self._waiting.was_offered(name) or standing.brought(name) or self._planning.surveys.pre_occupied(name)):
            return Reaction.refuse("RESERVATION_UNKNOWN")
        standing.ended(name)
        return self._waiting.lost(body, meta, now)

    def _assigned(self, body: Body, meta: Meta, now: int) -> Reaction:
        """OH04: what RM says about the items it was asked for; what it was not (or no longer) asked has no effect."""
        order = self.orders.get(body["service_order_id"])
        if order is None:
            return Reaction.refuse("ORDER_UNKNOWN")
        out: list[Send] = []
        heard = [row for row in body["items"] if row["item_id"] in order.items]
        heard = [row for row in heard if order.items[row["item_id"]].asked == body["version"]]
        if not heard:
            return _unasked(order, body["version"])
        for row in heard:
            item = order.items[row["item_id"]]
            item.asked = None
            if "shortage" in row:
                item.shortage = row["shortage"]
            elif "code" in row:
                item.refused = {"text": "资源分配被拒", "code": row["code"]}
            else:
                item.assigned, item.resources = True, row.get("resources", [])
        for row in heard:
            self._waiting.look(order, order.items[row["item_id"]], now, out)
        self._changing.look(order, now, out)
        for n in range(len(order.steps)):
            self._flow.settle(order, n, now, out)
        return Reaction(sends=out)

    def _archived(self, order: Order, sent: Send, body: Body, now: int, out: list[Send]) -> None:
        """RM's answer to OH06 ``use``."""
        refused = [row for row in body["items"] if row["result"] != "archived"]
        for row in body["items"]:
            order.items[row["item_id"]].archived = row["result"] == "archived"
        if order.closed:
            return
        if refused:
            reason = {"text": "资源归档被拒", "code": refused[0].get("code", number("RESOURCE_UNAVAILABLE"))}
            self._flow.get_stuck(order, sent, reason, now, out)
            return
        for n in range(len(order.steps)):
            self._flow.settle(order, n, now, out)

    # -- commands of the CRM

    def _cancelled(self, body: Body, meta: Meta, now: int) -> Reaction:
        """CN01; of a dispatch that has not come, its id and version are closed (04.9)."""
        order = self.orders.get(body["service_order_id"])
        if order is None or body["version"] > order.highest:
            called_off = self._called_off[body["service_order_id"]] = CallOff(body, meta.sender, meta.serial)
            if order is None:
                return Reaction(sends=called_off.answer(body.get("items", [])))
            called_off.answered = True
        if body["version"] < order.epoch:
            return Reaction.refuse("STALE_VERSION", order.state)
        return self._closing.cancel(order, body, meta, now)

    def _on_order(self, handler: _OnOrder) -> Callable[[Body, Meta, int], Reaction]:
        """Find the order (3003). A command about another dispatch than the present one is stale (3015)."""

        def found(body: Body, meta: Meta, now: int) -> Reaction:
            order = self.orders.get(body["service_order_id"])
            if order is None:
                return Reaction.refuse("ORDER_UNKNOWN")
            if not order.epoch <= body.get("version", order.version) <= max(order.highest, body.get("new_version", 0)):
                return Reaction.refuse("STALE_VERSION", order.state)
            if not order.items:  # rejected before anything was known of its items
                return Reaction.refuse("STATE_CONFLICT", order.state)
            return handler(order, body, meta, now)

        return found

    def _of_version(self, handler: _OnOrder) -> Callable[[Body, Meta, int], Reaction]:
        """As ``_on_order``, and of exactly the version that counts (3015)."""

        def found(body: Body, meta: Meta, now: int) -> Reaction:
            order = self.orders.get(body["service_order_id"])
            if order is None:
                return Reaction.refuse("ORDER_UNKNOWN")
            if body["version"] != order.version:
                return Reaction.refuse("STALE_VERSION", order.state)
            return handler(order, body, meta, now)

        return found

    def _noted(self, sent: Send) -> Order | None:
        """The order a message of PF's own was sent for, if it is still that dispatch."""
        order = self.orders.get(sent.note[1]) if sent.note else None
        return order if order is not None and order.epoch == sent.note[2] else None


def _unasked(order: Order, version: int) -> Reaction:
    """An OH04 nobody waits for: of an order that ended without completion 3004, of a version that does not count 3015; else it
    was known already."""
    if order.closed and order.state != "COMPLETED":
        return Reaction.refuse("STATE_CONFLICT", order.state)
    return Reaction(known=True) if version == order.version else Reaction.refuse("STALE_VERSION", order.state)
