"""Undoing what was done (spec 04.4): resources first, then the finished steps in reverse dependency order, each once.

One reverse work order at a time, so that the order of undoing is plain to see.  One that fails stops here, is reported, and is
tried again from where it stopped; nothing that was undone is undone again.  Cancel, return and change differ only in what
happens at the end.
"""

from __future__ import annotations

from simulators.brain import Body, Send
from simulators.pf import bodies, steps
from simulators.pf.floor import Floor, Task
from simulators.pf.operations import Undo
from simulators.pf.order import Item, Order, Step


class Compensation:
    """Undoes steps of items."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    def begin(self, order: Order, undo: Undo, now: int, out: list[Send], ask: bool = True) -> None:
        """Start. The items get steps of their own; what is not done of them is dropped; waiting ends. ``ask`` False: RM has
        nothing to give back."""
        items = [order.items[name] for name in undo.items]
        for n in steps.part(order, undo.items):
            self.rearm(order, n)
        order.undo_no += 1
        undo.no = order.undo_no
        order.undos.append(undo)
        if undo.reopens:
            self._stop(order, undo)
        else:
            undo.queue = steps.done_of(order, undo.items)
            self._floor.flow.leave(order, undo.items, now)
            for item in items:
                self._floor.waiting.leave(order, item, out)
        if ask and any(item.assigned or item.asked is not None for item in items):
            self._unassign(order, undo, items, out)
        else:
            undo.phase = "steps"
            self._next(order, undo, now, out)

    def rearm(self, order: Order, n: int) -> None:
        """A step at work that was split off has its time, and gets it on the agenda."""
        step = order.steps[n]
        if step.state == "active" and step.due is not None:
            self._floor.later("finish", order, step.due, n)

    def _stop(self, order: Order, undo: Undo) -> None:
        """Of the stages that are to be done again: what is under way waits, what is done is to be undone."""
        for step in order.steps:
            if step.state == "active" and self._again(undo, step):
                step.state, step.due, step.left = "waiting", None, None
                if step.work is not None:
                    step.work.state = "cancelled"
        undo.queue = [n for n in steps.done_of(order, undo.items) if self._again(undo, order.steps[n])]

    @staticmethod
    def _again(undo: Undo, step: Step) -> bool:
        return any(name in undo.again and (step.extra or step.stage.code in undo.again[name]) for name in step.items)

    def _unassign(self, order: Order, undo: Undo, items: list[Item], out: list[Send]) -> None:
        """OH05, which without items closes the whole order at RM; for a lock that keeps nothing LK04."""
        note = ("undone", order.id, order.epoch, undo.no)
        if undo.recover:
            out.append(Send("LK04", order.head() | {"mode": "recover"}, role="RM", note=note))
            return
        whole = not undo.reopens and len(items) == len(order.items)
        body = bodies.unassignment(order, items, undo.reason, whole)
        out.append(Send("OH05", body, role="RM", note=note))

    def unassigned(self, order: Order, sent: Send, body: Body, now: int, out: list[Send]) -> None:
        """RM has its resources back: now the flow."""
        undo = self._of(order, sent)
        if undo is None or undo.phase != "resources":
            return
        refused = next((row for row in body.get("items", ()) if row["result"] == "refused"), None)
        if refused is not None:
            self._fail(order, undo, {"text": "资源回退被拒", "code": refused.get("code", "")}, now, out)
            return
        freed = {row["item_id"]: row.get("resources", []) for row in body.get("items", ())}
        for name in undo.items:
            item = order.items[name]
            undo.released[name] = freed.get(name, [])
            item.resources, item.assigned, item.archived, item.asked, item.shortage = [], False, False, None, None
        self._settle_fallout(order, undo)
        undo.phase = "steps"
        self._next(order, undo, now, out)

    def not_unassigned(self, order: Order, sent: Send, reason: dict[str, str], now: int, out: list[Send]) -> None:
        """RM did not do it."""
        undo = self._of(order, sent)
        if undo is not None and undo.phase == "resources":
            self._fail(order, undo, reason, now, out)

    def due(self, order: Order, task: Task, now: int, out: list[Send]) -> None:
        """The running reverse work order is done, or a failed one is tried again."""
        undo = next((undo for undo in order.undos if undo.due == task.at and undo.no == task.n), None)
        if undo is None:
            return
        undo.due = None
        if undo.phase == "resources":
            self._unassign(order, undo, [order.items[name] for name in undo.items], out)
        elif undo.work is None:
            self._next(order, undo, now, out)
        else:
            self._done(order, undo, now, out)

    def abort(self, order: Order, undo: Undo, now: int) -> None:
        """Another operation takes over: the running reverse work order has not happened."""
        if undo.work is not None:
            undo.work.state, undo.work.finished = "cancelled", now
        order.undos.remove(undo)

    def let_go(self, order: Order, names: tuple[str, ...], now: int) -> None:
        """Items are out of it: what is undone of others goes on. The items have steps of their own already."""
        for undo in list(order.undos):
            left = tuple(name for name in undo.items if name not in names)
            if not left:
                self.abort(order, undo, now)
            elif len(left) < len(undo.items):
                undo.items = left
                undo.again = {name: stages for name, stages in undo.again.items() if name in left}
                undo.queue = [n for n in undo.queue if any(name in left for name in order.steps[n].items)]
                if undo.work is not None and all(name in names for name in undo.work.items):
                    undo.work.state, undo.work.finished, undo.work = "cancelled", now, None

    def _next(self, order: Order, undo: Undo, now: int, out: list[Send]) -> None:
        if not undo.queue:
            order.undos.remove(undo)
            self._floor.closing.undone(order, undo, now, out)
            return
        step = order.steps[undo.queue[0]]
        assert step.work is not None
        undo.work = self._floor.issue(order, step, step.items, now)
        undo.work.direction, undo.work.reason, undo.work.undoes = "reverse", {"text": step.stage.undo}, step.work.id
        self._later(order, undo, now + self._floor.takes(self._floor.table.settings["undo_ms"]))

    def _done(self, order: Order, undo: Undo, now: int, out: list[Send]) -> None:
        n = undo.queue[0]
        step, work = order.steps[n], undo.work
        assert work is not None
        if order.acts and self._floor.act(order, "undo_fails", step.stage.code, step.items) is not None:
            work.state, work.finished, undo.work = "cancelled", now, None
            self._fail(order, undo, {"text": f"{step.stage.undo}失败"}, now, out)
            return
        work.state, work.finished, undo.work = "done", now, None
        for name in step.items:
            undo.undone.setdefault(name, []).append(step.stage.ref())
        step.state = "waiting" if undo.reopens and not step.extra else "undone"
        undo.queue.pop(0)
        self._settle_fallout(order, undo)
        self._next(order, undo, now, out)

    def _fail(self, order: Order, undo: Undo, reason: dict[str, str], now: int, out: list[Send]) -> None:
        """It stops here, the order stays alive in FALLOUT; the same step is tried again later, ever more slowly."""
        for name in undo.items:
            order.items[name].fallout = True
        said = {name: value for name, value in reason.items() if value}
        stage = order.steps[undo.queue[0]].stage.code if undo.queue else None
        self._floor.note(order, said, stage, now)
        if not undo.told_stuck:
            undo.told_stuck = True
            self._floor.closing.stuck(order, undo, said, now, out)
        self._later(order, undo, now + self._floor.flow.pause(undo.tries))
        undo.tries += 1

    def _settle_fallout(self, order: Order, undo: Undo) -> None:
        for name in undo.items:
            order.items[name].fallout = False

    def _later(self, order: Order, undo: Undo, at: int) -> None:
        undo.due = at
        self._floor.later("undo", order, at, undo.no)

    @staticmethod
    def _of(order: Order, sent: Send) -> Undo | None:
        return next((undo for undo in order.undos if undo.no == sent.note[3]), None)
