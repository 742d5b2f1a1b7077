"""待装 and its end: an item that lacks a facility waits in RM's list until its turn (spec 5.8, 5.9, 04.7).

PI02 puts it there, PI01 tells the CRM; PA01 brings resources held for it.  With 待装自动 PF takes them at once and says PA04
unasked; else it offers (PA02) and the CRM's PA03 decides.  Who refuses an offer goes back with the age it had.
"""

from __future__ import annotations

from typing import Any

from adapters.wire.times import from_wire_time, wire_time
from simulators.brain import Body, Meta, Reaction, Send
from simulators.codes import number
from simulators.pf import bodies, results
from simulators.pf.floor import TEMPORARY, Floor, Task
from simulators.pf.legality import Verdict
from simulators.pf.operations import Waiting
from simulators.pf.order import Item, Order
from simulators.pf.reasons import ReasonRow, find_reason
from simulators.pf.script import Act

_BY_TYPE = "10W"


class WaitingRoom:
    """Items that wait."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self._numbers: dict[str, tuple[str, str]] = {}
        self._offers: dict[str, None] = {}

    def scripted(self, item: Item, act: Act) -> dict[str, str]:
        """The shortage an act wants: the first reason that may mean its resource type, or the one it names."""
        missing = self._floor.table.missing
        code = act.reason or next(code for code, types in missing.items() if act.res_type in types)
        return {"type": _BY_TYPE, "code": code, "text": act.res_type, "ms": str(act.ms)}

    def enter(self, order: Order, item: Item, now: int, out: list[Send]) -> None:
        """The item lacks what its shortage says: into the waiting list of it. One that comes back keeps its age."""
        assert item.shortage is not None
        row = find_reason(item.shortage["code"], _BY_TYPE, order.image["area"])
        types = self._types(item, item.shortage)
        if row is None or not types:
            self._floor.closing.send_back(order, [item.id], self._floor.table.returns["shortage"], _at(order, item), now, out)
            return
        rest = int(item.shortage.get("ms", "0"))
        item.missed = now if item.missed is None else item.missed
        waiting = Waiting(row.body(), types, item.missed, row.automatic)
        item.waiting, item.shortage = waiting, None
        if rest:
            waiting.state, waiting.not_before, waiting.announced = "resting", now + rest, False
            self._floor.later("register", order, waiting.not_before, name=item.id)
            self.look(order, item, now, out)
        else:
            self._register(order, item, now, out)

    def _types(self, item: Item, shortage: dict[str, str]) -> tuple[str, ...]:
        needed = [kind for kind, _ in item.process.needs]
        if shortage["text"] in needed:
            return (shortage["text"],)
        return tuple(kind for kind in self._floor.table.missing.get(shortage["code"], ()) if kind in needed)

    def _register(self, order: Order, item: Item, now: int, out: list[Send]) -> None:
        """PI02. What may be missing is tried in turn; for ever in vain, the item is returned."""
        waiting = item.waiting
        assert waiting is not None
        if waiting.rounds >= self._floor.table.settings["waiting_rounds"]:
            self._floor.closing.send_back(order, [item.id], self._floor.table.returns["shortage"], _at(order, item), now, out)
            return
        waiting.rounds += 1
        waiting.state, waiting.no, waiting.not_before, waiting.reservation = "registering", None, None, None
        body = results.registration(order, item, waiting)
        out.append(Send("PI02", body, role="RM", note=("registered", order.id, order.epoch, item.id)))

    def registered(self, order: Order, sent: Send, body: Body, now: int, out: list[Send]) -> None:
        """RM's answer to PI02. An item that waits no longer leaves again."""
        item = order.items[sent.note[3]]
        waiting = item.waiting
        if waiting is None or waiting.state != "registering" or not item.open:
            out.append(self._leave(order, body["waiting_no"]))
            return
        waiting.no, waiting.state = body["waiting_no"], "queued"
        self._numbers[waiting.no] = (order.id, item.id)
        self.look(order, item, now, out)

    def unregistered(self, order: Order, sent: Send, now: int, out: list[Send]) -> None:
        """RM did not take the registration: again after a pause, and after some the item is returned."""
        item = order.items[sent.note[3]]
        waiting = item.waiting
        if waiting is not None and waiting.state == "registering" and item.open and not item.cancelling:
            waiting.not_before = now + self._floor.flow.pause(waiting.rounds)
            self._floor.later("register", order, waiting.not_before, name=item.id)

    def rested(self, order: Order, task: Task, now: int, out: list[Send]) -> None:
        """The date before which nothing was to be offered has come."""
        item = order.items[task.name]
        if item.open and item.waiting is not None and item.waiting.not_before == task.at and not item.cancelling:
            self._register(order, item, now, out)

    def available(self, body: Body, meta: Meta, now: int) -> Reaction:
        """PA01: resources are held for the head of the queue. Nobody waits under the number: 3010."""
        order_id, item_id = self._numbers.get(body["waiting_no"], ("", ""))
        order = self._floor.orders.get(order_id)
        item = order.items.get(item_id) if order is not None else None
        waiting = item.waiting if item is not None else None
        if order is None or item is None or waiting is None or waiting.no != body["waiting_no"] or item.cancelling:
            return Reaction.refuse("HOLD_EXPIRED")
        if waiting.state == "asking":
            return Reaction()
        waiting.state, waiting.reservation = "offered", body["reservation_id"]
        self._offers[body["reservation_id"]] = None
        waiting.resources, waiting.until = body["resources"], from_wire_time(body["expires_at"])
        waiting.told = False
        out: list[Send] = []
        self._floor.later("offer", order, waiting.until, name=item.id)
        self.look(order, item, now, out)
        return Reaction(sends=out)

    def offer_over(self, order: Order, task: Task, now: int, out: list[Send]) -> None:
        """Nobody took the offer in time: RM decides by its own clock; the item waits on with its age."""
        item = order.items[task.name]
        waiting = item.waiting
        if waiting is not None and waiting.state == "offered" and waiting.until == task.at and not item.cancelling:
            self._again(order, item, now, out)

    def lost(self, body: Body, meta: Meta, now: int) -> Reaction:
        """RR04: a hold of PF's is over; an offer made with it counts no more."""
        out: list[Send] = []
        order = self._floor.orders.get(body.get("service_order_id", ""))
        for item in order.going() if order is not None else ():
            waiting = item.waiting
            if order is None or waiting is None or waiting.state != "offered" or item.cancelling:
                continue
            if waiting.reservation == body["reservation_id"]:
                self._again(order, item, now, out)
        return Reaction(sends=out)

    def was_offered(self, reservation_id: str) -> bool:
        """Whether RM has ever offered it to somebody who waits."""
        return reservation_id in self._offers

    def decide(self, order: Order, body: Body, meta: Meta, now: int) -> Reaction:
        """PA03."""
        names = body.get("items") or [item.id for item in order.items.values() if item.progress == "PENDING_INSTALL"]
        if any(name not in order.items for name in names):
            return Reaction.refuse("ATTRIBUTE_INVALID", order.state)
        out: list[Send] = []
        for name in names or list(order.items)[:1]:
            item = order.items[name]
            symbol = self._refusal(order, item, body, now)
            if symbol in TEMPORARY:
                return Reaction.refuse(symbol, order.shown(item))
            if symbol:
                self._answer(order, item, "failed", meta.serial, out, code=number(symbol), state=order.shown(item))
                continue
            assert item.waiting is not None
            if body["accept"]:
                item.waiting.ref = meta.serial
                self._take(order, item, now, out)
            else:
                self._refused(order, item, body, meta, now, out)
        return Reaction(sends=out)

    def _refusal(self, order: Order, item: Item, body: Body, now: int) -> str:
        ruling = self._floor.rule(order, item, "resume_pending")
        if ruling.verdict is Verdict.REFUSED:
            return ruling.symbol
        if "new_date" in body and from_wire_time(body["new_date"]) <= now:
            return "DATE_INVALID"
        if item.waiting is None or (body["accept"] and item.waiting.state != "offered"):
            return "HOLD_EXPIRED"
        return ""

    def _refused(self, order: Order, item: Item, body: Body, meta: Meta, now: int, out: list[Send]) -> None:
        """The customer declines: back to the queue with its old age, not offered before the new date."""
        assert item.waiting is not None
        if "new_date" in body:
            until = from_wire_time(body["new_date"])
            self._give_back(order, item, out)
            item.waiting.state, item.waiting.not_before = "resting", until
            self._floor.later("register", order, until, name=item.id)
        else:
            item.waiting.rounds = 0
            self._again(order, item, now, out)
        self._answer(order, item, "queued", meta.serial, out)

    def look_at_all(self, order: Order, now: int, out: list[Send]) -> None:
        """After a pause: what had to wait for its end."""
        for item in order.going():
            self.look(order, item, now, out)

    def look(self, order: Order, item: Item, now: int, out: list[Send]) -> None:
        """Go on with a waiting item as far as what is known allows; PI01 and the resumption are held while locked (04.1)."""
        waiting = item.waiting
        n = order.step_of(item)
        if waiting is None or n is None or item.cancelling or not item.open or order.frozen(order.steps[n]):
            return
        if not waiting.announced and waiting.state != "registering":
            waiting.announced = True
            if item.progress == "IN_PROGRESS":
                item.fallout = False
                item.move("wait")
                order.since = now
                stage = order.steps[n].stage.code
                out.append(Send("PI01", results.pending(order, item, waiting, stage, now), system=order.sender))
        if waiting.state == "offered" and waiting.auto:
            self._take(order, item, now, out)
        elif waiting.state == "offered" and not waiting.told:
            waiting.told = True
            out.append(Send("PA02", results.offer(order, item, waiting), system=order.sender))
        elif waiting.state == "asking" and item.asked is None:
            self._answered(order, item, n, now, out)

    def _take(self, order: Order, item: Item, now: int, out: list[Send]) -> None:
        """OH03 with what is held for the item."""
        waiting, n = item.waiting, order.step_of(item)
        assert waiting is not None
        assert n is not None
        waiting.state = "asking"
        item.asked, item.shortage, item.refused = order.version, None, None
        body = bodies.assignment(order, [item], waiting.reservation)
        out.append(Send("OH03", body, role="RM", note=("asked", order.id, order.epoch, n)))

    def _answered(self, order: Order, item: Item, n: int, now: int, out: list[Send]) -> None:
        """RM has answered the OH03 of a waiting item: resumed, or failed and waiting on."""
        waiting = item.waiting
        assert waiting is not None
        ref, waiting.ref = waiting.ref, None
        if item.assigned:
            self._numbers.pop(waiting.no or "", None)
            item.waiting = None
            self.resume(order, item, ref, now, out)
            self._floor.flow.settle(order, n, now, out)
            return
        found = item.refused or item.shortage or {}
        if ref is not None:
            code = found["code"] if item.refused is not None else number("RESOURCE_UNAVAILABLE")
            self._answer(order, item, "failed", ref, out, code=code, state=order.shown(item))
        if item.shortage is not None:
            self._lacks_other(order, item, waiting)
        item.shortage = item.refused = None
        self._again(order, item, now, out)

    def resume(self, order: Order, item: Item, ref: str | None, now: int, out: list[Send]) -> None:
        """PA04: the item has what it lacked and goes on."""
        n = order.step_of(item)
        if item.progress == "PENDING_INSTALL" and item.waiting is None and n is not None:
            item.missed = None
            item.move("resume")
            order.since = now
            stage = order.steps[n].stage.code
            self._answer(order, item, "resumed", ref, out, stage=stage, promised=order.expected_finish)

    def _lacks_other(self, order: Order, item: Item, waiting: Waiting) -> None:
        """Something is missing still: the same, or what else the reason may mean."""
        assert item.shortage is not None
        row: ReasonRow | None = find_reason(item.shortage["code"], _BY_TYPE, order.image["area"])
        types = self._types(item, item.shortage)
        if row is not None and types and types != waiting.types:
            waiting.reason, waiting.types, waiting.auto, waiting.tried = row.body(), types, row.automatic, 0
        else:
            waiting.tried += 1

    def _again(self, order: Order, item: Item, now: int, out: list[Send]) -> None:
        """Back to the queue with the old age, once RM has heard that the item left it."""
        waiting = item.waiting
        assert waiting is not None
        if waiting.no is None:
            self._register(order, item, now, out)
            return
        waiting.state = "leaving"
        out.append(self._leave(order, waiting.no, ("left", order.id, order.epoch, item.id)))
        self._forget(waiting)

    def left(self, order: Order, sent: Send, now: int, out: list[Send]) -> None:
        """RM has heard it."""
        item = order.items[sent.note[3]]
        if item.waiting is not None and item.waiting.state == "leaving" and not item.cancelling:
            self._register(order, item, now, out)

    def _forget(self, waiting: Waiting) -> None:
        self._numbers.pop(waiting.no or "", None)
        waiting.no = waiting.reservation = waiting.until = None

    def _give_back(self, order: Order, item: Item, out: list[Send]) -> None:
        waiting = item.waiting
        assert waiting is not None
        if waiting.no is not None:
            out.append(self._leave(order, waiting.no))
        self._forget(waiting)

    def leave(self, order: Order, item: Item, out: list[Send]) -> None:
        """The item waits no longer: cancelled, returned, ended by hand (PI03)."""
        if item.waiting is None:
            return
        self._give_back(order, item, out)
        item.waiting = None

    def _leave(self, order: Order, waiting_no: str, note: tuple[Any, ...] = ()) -> Send:
        head = {"service_order_id": order.id, "version": order.version, "area": order.image["area"]}
        return Send("PI03", head | {"waiting_no": waiting_no, "reason": {"text": "不再等待"}}, role="RM", note=note)

    def _answer(
        self,
        order: Order,
        item: Item,
        outcome: str,
        ref: str | None,
        out: list[Send],
        *,
        code: str | None = None,
        state: str | None = None,
        stage: str | None = None,
        promised: int | None = None,
    ) -> None:
        """PA04."""
        body = bodies.report_head(order) | {"items": [item.id], "outcome": outcome}
        said = {"code": code, "state": state, "resumed_stage": stage}
        said["promised"] = None if promised is None else wire_time(promised)
        body |= {name: value for name, value in said.items() if value is not None}
        out.append(Send("PA04", body, system=order.sender, ref_serial=ref))


def _at(order: Order, item: Item) -> int:
    n = order.step_of(item)
    return -1 if n is None else n
