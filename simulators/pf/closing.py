"""How items end at PF: cancelled, returned, completed, ended by hand - and what ends with them (spec 5.4, 5.7, 04.4)."""

from __future__ import annotations

from simulators.brain import Body, Meta, Reaction, Send
from simulators.pf import bodies, results, steps
from simulators.pf.floor import Floor
from simulators.pf.legality import Verdict
from simulators.pf.operations import CancelRequest, Undo
from simulators.pf.order import Item, Order, Step
from simulators.pf.reasons import find_reason, restart_mode
from simulators.pf.script import Act

_CANCEL = "10C"


class Closing:
    """Ends items."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    # -- cancel

    def cancel(self, order: Order, body: Body, meta: Meta, now: int) -> Reaction:
        """CN01: per item by the matrix and the point of no return; one CN02 when all it asked for is decided."""
        names = body.get("items") or list(order.items)
        reason = find_reason(body["reason"]["code"], _CANCEL, order.image["area"], order.stages)
        if reason is None or any(name not in order.items for name in names):
            return Reaction.refuse("ATTRIBUTE_INVALID", order.state)
        request = CancelRequest(meta.serial, meta.sender, {})
        going = []
        for name in names:
            row = self._judge(order, order.items[name])
            request.rows[name] = row
            if row is None and not order.items[name].cancelling:
                going.append(name)
        order.cancels.append(request)
        out: list[Send] = []
        if going:
            self._withdraw(order, going, reason.plain(), now, out)
        self._answer(order, now, out)
        return Reaction(sends=out)

    def _judge(self, order: Order, item: Item) -> Body | None:
        """The row of what is decided at once; None: it is being undone, or will be."""
        ruling = self._floor.rule(order, item, "cancel")
        state = order.shown(item)
        if ruling.verdict is Verdict.REFUSED:
            return results.refused_row(item, ruling.symbol, state)
        if not item.open:
            if item.progress == "RETURNED":
                item.move("cancel")
            return results.cancelled_row(item, [], [])
        if not item.cancelling and self._floor.point(order, item) == "hard":
            return results.refused_row(item, "PAST_NO_RETURN", state)
        return None

    def _withdraw(
        self, order: Order, names: list[str], reason: dict[str, str], now: int, out: list[Send], related: str = ""
    ) -> None:
        """Undo everything of items; an undoing that a return began goes on and ends here. ``related``: PF's own rule does it,
        because of that order."""
        for name in names:
            order.items[name].cancelling = True
        change = order.change
        if change is not None and any(name in change.again or name in change.reassigned for name in names):
            self._floor.changing.give_up(order, "STATE_CONFLICT", now, out)
        for undo in list(order.undos):
            if undo.reopens and any(name in names for name in undo.items):
                self._floor.undoing.abort(order, undo, now)
        for undo in order.undos:
            if related and any(name in names for name in undo.items):
                undo.rule, undo.related, undo.reason = True, related, reason
        under_way = [name for undo in order.undos for name in undo.items]
        left = tuple(name for name in names if name not in under_way)
        if left:
            self._floor.undoing.begin(order, Undo("cancel", left, reason, rule=bool(related), related=related), now, out)
        self._floor.changing.look(order, now, out)
        self.go_back(order, now, out)

    def _answer(self, order: Order, now: int, out: list[Send]) -> None:
        """CN02 for every request that is decided."""
        for request in list(order.cancels):
            if all(row is not None for row in request.rows.values()):
                order.cancels.remove(request)
                body = bodies.report_head(order) | {"items": list(request.rows.values())}
                out.append(Send("CN02", body, system=request.sender, ref_serial=request.serial))

    def stuck(self, order: Order, undo: Undo, reason: dict[str, str], now: int, out: list[Send]) -> None:
        """An undo failed: CN02 stuck to those who wait for it, else 异常 of the stage."""
        rows = [
            {"item_id": name, "outcome": "stuck", "state": order.shown(order.items[name]), "reason": reason}
            for name in undo.items
            if order.items[name].cancelling
        ]
        asked = [request for request in order.cancels if any(row["item_id"] in request.rows for row in rows)]
        for request in asked:
            mine = [row for row in rows if row["item_id"] in request.rows]
            body = bodies.report_head(order) | {"items": mine}
            out.append(Send("CN02", body, system=request.sender, ref_serial=request.serial))
        if not asked and order.steps:
            step = order.steps[undo.queue[0] if undo.queue else undo.at]
            if step.work is not None:
                work = undo.work or self._floor.issue(order, step, undo.items, now)
                work.state, work.reason = "exception", reason
                out.append(Send("OH07", bodies.stage_report(order, step, work, now), system=order.sender))

    # -- return

    def fails(self, order: Order, n: int, act: Act, now: int, out: list[Send]) -> bool:
        """A stage cannot be done, for the reason the script gives: its restart mode says how it goes on (03).

        False: the stage is done nevertheless, a deferral is only proposed, or it failed for some of its items only."""
        kind = act.reason[:3]
        reason = find_reason(act.reason, kind, order.image["area"])
        if reason is None:
            return False
        step = order.steps[n]
        waits, message = reason.waits, reason.message
        if act.mode:
            waits, message = restart_mode(act.mode)
        if waits == "customer":
            self._floor.deferring.propose(order, reason, act.ms, now, out)
            return False
        names = list(step.items) if act.item == "*" else [name for name in step.items if name == act.item]
        if waits == "operator":
            names = [name for name in names if order.items[name].process.assign is not None]
            for name in names:
                order.items[name].foreseen = reason.body() | {"ms": str(act.ms)}
        if not names:
            return False
        if message and waits != "operator":
            self.send_back(order, names, reason.body(), n, now, out)
        else:
            self._floor.changing.rework(order, names, reason, n, now, out)
        return step.state != "active"

    def send_back(self, order: Order, names: list[str], reason: dict[str, str], n: int, now: int, out: list[Send]) -> None:
        """退单: everything is undone, then OH09."""
        order.reason = {name: reason[name] for name in ("type", "code", "text")}
        busy = [name for undo in order.undos for name in undo.items]
        going = tuple(name for name in names if name not in busy and order.items[name].open)
        if going:
            told = {"text": reason["text"], "code": reason["type"]}
            self._floor.undoing.begin(order, Undo("return", going, told, at=n), now, out)

    # -- ends of an undoing

    def undone(self, order: Order, undo: Undo, now: int, out: list[Send]) -> None:
        """Everything of ``undo`` is undone: what it was for happens."""
        if undo.reopens:
            self._floor.changing.undone(order, undo, now, out)
            return
        undo.phase = "done"
        order.undos.append(undo)
        self.go_back(order, now, out)
        if undo.purpose == "drop":
            self._floor.changing.undone(order, undo, now, out)
        elif not order.closed:
            self._floor.flow.advance(order, now, out)

    def go_back(self, order: Order, now: int, out: list[Send]) -> None:
        """What is undone ends: CANCELLED where a cancel is open, else RETURNED, which a lock holds back (04.1)."""
        for undo in [undo for undo in order.undos if undo.phase == "done"]:
            drop = undo.purpose == "drop"
            self._never_both_returned(order, undo)
            cancelled = [order.items[name] for name in undo.items if drop or order.items[name].cancelling]
            back = [order.items[name] for name in undo.items if not drop and not order.items[name].cancelling]
            held = order.locked and bool(back)
            order.undos.remove(undo)
            if held:
                undo.items = tuple(item.id for item in back)
                order.undos.append(undo)
            if cancelled:
                self._cancelled(order, undo, cancelled, now, out)
            if back and not held:
                self._returned(order, undo, back, now, out)

    def _never_both_returned(self, order: Order, undo: Undo) -> None:
        """死单: where the other one of a pair has been returned, this one is cancelled instead."""
        beside = self._floor.admission.pairs.returned_beside(order) if undo.purpose == "return" else None
        if beside is not None and not undo.rule:
            undo.rule, undo.related, undo.reason = True, beside, self._own_rule(order)
            for name in undo.items:
                order.items[name].cancelling = True

    def _own_rule(self, order: Order) -> dict[str, str]:
        """The reason PF's own rule gives (04.4)."""
        reason = find_reason(self._floor.table.settings["rule_cancel"], _CANCEL, order.image["area"])
        assert reason is not None
        return reason.plain()

    def _cancelled(self, order: Order, undo: Undo, items: list[Item], now: int, out: list[Send]) -> None:
        rows = {
            item.id: results.cancelled_row(item, undo.undone.get(item.id, []), undo.released.get(item.id, [])) for item in items
        }
        for item in items:
            item.move("cancel")
            for request in order.cancels:
                if item.id in request.rows:
                    request.rows[item.id] = rows[item.id]
        order.since = now
        unasked = [row for name, row in rows.items() if all(name not in request.rows for request in order.cancels)]
        if undo.rule and unasked:
            body = bodies.report_head(order) | {"items": unasked, "reason": undo.reason}
            out.append(Send("CN02", body | {"related_order_id": undo.related}, system=order.sender))
        self._answer(order, now, out)
        self.after(order, items, now, out)

    def _returned(self, order: Order, undo: Undo, items: list[Item], now: int, out: list[Send]) -> None:
        """OH09."""
        assert order.reason is not None
        stage = order.steps[undo.at].stage
        body = bodies.return_order(order, items, order.reason, stage, self._floor.table.settings["audited_by"])
        for item in items:
            item.move("send_back")
        order.since = now
        out.append(Send("OH09", body, system=order.sender))
        self.after(order, items, now, out)

    def after(self, order: Order, ended: list[Item], now: int, out: list[Send]) -> None:
        """Items have ended without completion: what depended on them is cancelled (死单); a closed order ends everything."""
        gone = [item.id for item in ended]
        orphans = [
            item.id
            for item in order.going()
            if not item.cancelling and any(name in gone for name in item.image.get("depends_on", ()))
        ]
        if orphans:
            self._withdraw(order, orphans, self._own_rule(order), now, out, related=order.id)
        if order.closed:
            self.closed(order, now, out)
        for other in self._floor.admission.pairs.dependants(order):
            going = [item for item in other.going() if not item.cancelling and self._floor.point(other, item) != "hard"]
            if going:
                names = [item.id for item in going]
                self._withdraw(other, names, self._own_rule(other), now, out, related=order.id)

    def closed(self, order: Order, now: int, out: list[Send]) -> None:
        """No item is open any more: change, deferral and lock end with the order."""
        if order.change is not None:
            self._floor.changing.give_up(order, "STATE_CONFLICT", now, out)
        order.deferral = None
        lock = order.lock
        if lock is not None and lock.holder is not None:
            claim, lock.holder, lock.queue = lock.holder, None, []
            out.append(Send("LK05", results.lock_report(order, "ended", lock.fence, claim), system=order.sender))
        self._floor.admission.leave(order)
        self._floor.shelf.add(order)

    # -- completion

    def decided(self, order: Order, body: Body, now: int) -> Reaction:
        """OH13: accepted items are completed and their old resources freed, refused ones are repaired."""
        if any(row["item_id"] not in order.items for row in body["items"]):
            return Reaction.refuse("ORDER_UNKNOWN")
        rows = {row["item_id"]: row for row in body["items"]}
        if all(order.items[name].progress == "COMPLETED" for name in rows):
            return Reaction(known=True)
        if body.get("unasked"):
            return self._ended_by_hand(order, [order.items[name] for name in rows], now)
        if any(order.items[name].progress not in ("COMPLETING", "COMPLETED") for name in rows):
            return Reaction.refuse("STATE_CONFLICT", order.state)
        out: list[Send] = []
        fresh = [order.items[name] for name in rows if order.items[name].progress == "COMPLETING"]
        accepted = [item for item in fresh if rows[item.id]["result"] == "accepted"]
        refused = [item for item in fresh if rows[item.id]["result"] == "refused"]
        for item in accepted:
            item.move("confirm")
        order.since = now
        self._free(order, accepted, out)
        if refused:
            reason = rows[refused[0].id].get("reason", {})
            self._repair(order, refused, reason | {"text": reason.get("text", "竣工被拒")}, now, out)
        if order.closed:
            self.closed(order, now, out)
            order.steps.clear()  # nothing undoes a completed order; its work orders stay for queries
        return Reaction(sends=out)

    def _free(self, order: Order, items: list[Item], out: list[Send]) -> None:
        """OH06 ``release`` after the acceptance."""
        freeing = [item for item in items if item.process.frees]
        if freeing:
            out.append(Send("OH06", bodies.archive(order, freeing, "release"), role="RM"))

    def _repair(self, order: Order, items: list[Item], reason: dict[str, str], now: int, out: list[Send]) -> None:
        """The CRM refused items: the repair stage once more, then 二次报竣. Bounded: then they go back."""
        order.repairs += 1
        self._floor.note(order, reason, None, now)
        for item in items:
            item.move("repair")
        names = tuple(item.id for item in items)
        settings = self._floor.table.settings
        if order.repairs > settings["repairs"]:
            n = next(n for n in reversed(range(len(order.steps))) if names[0] in order.steps[n].items)
            self.send_back(order, list(names), self._floor.table.returns["unrepaired"], n, now, out)
            return
        order.steps.append(Step(self._floor.table.stages[settings["repair_stage"]], names, extra=True))
        self._floor.flow.advance(order, now, out)

    def _ended_by_hand(self, order: Order, items: list[Item], now: int) -> Reaction:
        """A person at the CRM has ended items: PF ends their flow, what was assigned goes into use (06.2)."""
        going = [item for item in items if item.open]
        if not going:
            return Reaction.refuse("STATE_CONFLICT", order.state)
        out: list[Send] = []
        names = tuple(item.id for item in going)
        for n in steps.part(order, names):
            self._floor.undoing.rearm(order, n)
        self._floor.undoing.let_go(order, names, now)
        self._floor.flow.leave(order, names, now)
        for item in going:
            self._floor.waiting.leave(order, item, out)
            item.asked = None
        holding = [item for item in going if item.resources and not item.archived]
        if holding:
            out.append(Send("OH06", bodies.archive(order, holding, "use"), role="RM"))
        for item in going:
            item.move("end_by_hand")
        order.since = now
        change = order.change
        if change is not None and any(name in names for name in (*change.again, *change.dropped)):
            self._floor.changing.give_up(order, "STATE_CONFLICT", now, out)
        for item in going:
            for request in order.cancels:
                if item.id in request.rows and request.rows[item.id] is None:
                    request.rows[item.id] = results.refused_row(item, "PAST_NO_RETURN", item.progress)
        self._answer(order, now, out)
        self._free(order, going, out)
        if order.closed:
            self.closed(order, now, out)
        else:
            self._floor.flow.advance(order, now, out)
        return Reaction(sends=out)
