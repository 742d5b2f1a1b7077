"""The walk of an order through its process: steps started, finished, reported; stopped and gone on with (spec 5.4, 04.5)."""

from __future__ import annotations

from simulators.brain import Send
from simulators.pf import bodies, steps
from simulators.pf.floor import Floor, Task
from simulators.pf.order import Item, Order, Step
from simulators.pf.processes import FINISH

_ASKING, _ARCHIVING = "waiting_resource", "waiting_external"


class Flow:
    """Moves orders on."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    def receive(self, order: Order, now: int) -> None:
        """The dispatch is in; a person will accept it."""
        order.accept_due = now + self._floor.takes(self._floor.table.settings["accept_ms"])
        self._floor.later("accept", order, order.accept_due)

    def accept_due(self, order: Order, task: Task, now: int, out: list[Send]) -> None:
        """Its time has come."""
        if order.accept_due == task.at:
            self.accept(order, now, out)

    def accept(self, order: Order, now: int, out: list[Send]) -> None:
        """签收, and the first stages begin."""
        order.accept_due, order.accepted_at = None, now
        going = [item for item in order.going() if not item.cancelling]
        for item in going:
            item.move("accept")
        days = max(item.process.days for item in going)
        order.expected_finish = now + days * 86_400_000
        body = bodies.acceptance(order, self._floor.table.settings, now)
        out.append(Send("OH02", body, system=order.sender, ref_serial=order.serial))
        order.steps = steps.plan(going, self._floor.table.stages)
        steps.link(order)
        if any(act.do == "separate" for act in order.acts):
            for item in going:
                steps.part(order, [item.id])
        for item in going:
            item.move("begin")
        order.since = now
        self.advance(order, now, out)

    def advance(self, order: Order, now: int, out: list[Send]) -> None:
        """Start every step whose predecessors are done; report what is finished."""
        ready = order.ready()
        while ready:
            for n in ready:
                self._start(order, n, now, out)
            ready = order.ready()
        self._report(order, now, out)

    def due(self, order: Order, task: Task, now: int, out: list[Send]) -> None:
        """The work of a step is done, if it is still that work."""
        step = order.steps[task.n] if task.n < len(order.steps) else None
        if step is not None and step.state == "active" and step.due == task.at:
            self.finish(order, task.n, now, out)

    def finish(self, order: Order, n: int, now: int, out: list[Send]) -> None:
        """A step is done: close its work order, report it, go on - unless the script has it fail here."""
        step = order.steps[n]
        put_off = self._floor.act(order, "reschedule", step.stage.code, step.items) if order.acts else None
        if put_off is not None:
            self._floor.deferring.put_off(order, put_off.ms, now, out)
        act = self._floor.act(order, "return", step.stage.code, step.items) if order.acts else None
        if act is not None and self._floor.closing.fails(order, n, act, now, out):
            return
        assert step.work is not None
        step.state, step.due = "done", None
        step.work.state, step.work.finished = "done", now
        for name in step.items:
            order.items[name].fallout = False
        if any(step.stage.code in order.items[name].process.reports for name in step.items):
            out.append(Send("OH07", bodies.stage_report(order, step, step.work, now), system=order.sender))
        self.advance(order, now, out)

    def work(self, order: Order, n: int, now: int, out: list[Send]) -> None:
        """The step's own work begins; it takes its time, which does not run while the order is frozen."""
        step = order.steps[n]
        assert step.work is not None
        for name in step.items:
            self._floor.waiting.resume(order, order.items[name], None, now, out)
        duration = self._floor.takes(step.stage.duration)
        act = self._floor.act(order, "slow", step.stage.code, step.items) if order.acts else None
        duration += act.ms if act is not None else 0
        duration = duration // 2 if order.expedited else duration
        if order.frozen(step):
            step.left, step.work.state = duration, "suspended"
            return
        step.work.state, step.due = "in_progress", now + duration
        self._floor.later("finish", order, step.due, n)

    def ask(self, order: Order, n: int, items: list[Item], reservation: str | None, now: int, out: list[Send]) -> None:
        """OH03 for ``items``; what is known to be missing, or said to be by the script, is not asked for."""
        act = self._floor.act(order, "shortage", items=tuple(item.id for item in items)) if order.acts else None
        wanted = []
        for item in items:
            if item.foreseen is not None:
                item.shortage, item.foreseen = item.foreseen, None
            elif act is not None and any(kind == act.res_type for kind, _ in item.process.needs):
                item.shortage = self._floor.waiting.scripted(item, act)
            else:
                item.asked, item.shortage, item.refused = order.version, None, None
                wanted.append(item)
        if wanted:
            body = bodies.assignment(order, wanted, reservation)
            out.append(Send("OH03", body, role="RM", note=("asked", order.id, order.epoch, n)))

    def settle(self, order: Order, n: int, now: int, out: list[Send]) -> None:
        """Go on with an active step as far as what is known of RM allows; a frozen step rests."""
        step = order.steps[n]
        if step.state != "active" or step.work is None or order.frozen(step):
            return
        members = [order.items[name] for name in step.items]
        if step.work.state == _ARCHIVING and all(item.archived or not item.resources for item in members):
            self.finish(order, n, now, out)
        elif step.work.state == _ASKING and not any(item.asked is not None or item.waiting is not None for item in members):
            lacking = [item for item in members if item.shortage is not None]
            refused = [item for item in members if item.refused is not None]
            if refused:
                names = [item.id for item in refused]
                self._floor.closing.send_back(order, names, self._floor.table.returns["shortage"], n, now, out)
            elif lacking:
                self._lack(order, n, lacking, now, out)
            else:
                self.work(order, n, now, out)

    def _lack(self, order: Order, n: int, lacking: list[Item], now: int, out: list[Send]) -> None:
        """Items that lack something wait by themselves; the others of the step go on."""
        for item in lacking:
            steps.part(order, [item.id])
            self._floor.waiting.enter(order, item, now, out)
        if order.steps[n].items and not any(order.items[name].waiting for name in order.steps[n].items):
            self.settle(order, n, now, out)

    def freeze(self, order: Order, now: int) -> None:
        """What a lock or deferral stops rests with the time it still needs (04.5)."""
        order.frozen_since = now if order.frozen_since is None else order.frozen_since
        if order.accept_due is not None:
            order.accept_left, order.accept_due = max(0, order.accept_due - now), None
        for step in order.steps:
            if step.state == "active" and step.due is not None and step.work is not None and order.frozen(step):
                step.left, step.due, step.work.state = max(0, step.due - now), None, "suspended"

    def thaw(self, order: Order, now: int, out: list[Send]) -> None:
        """Go on where it rested: remaining times are what they were, limits move by the pause."""
        if order.locked or order.deferral is not None:
            return
        pause = now - order.frozen_since if order.frozen_since is not None else 0
        order.frozen_since = None
        if order.expected_finish is not None:
            order.expected_finish += pause
        if order.accept_left is not None:
            order.accept_due, order.accept_left = now + order.accept_left, None
            self._floor.later("accept", order, order.accept_due)
        for n, step in enumerate(order.steps):
            if step.state == "active" and step.left is not None and step.work is not None:
                step.due, step.left, step.work.state = now + step.left, None, "in_progress"
                step.work.limit += pause
                self._floor.later("finish", order, step.due, n)
        self._floor.waiting.look_at_all(order, now, out)
        for n in range(len(order.steps)):
            self.settle(order, n, now, out)
        self._floor.closing.go_back(order, now, out)
        self.advance(order, now, out)

    def hurry(self, order: Order, now: int) -> None:
        """催单: what is left of the work under way halves, and so does what follows."""
        order.expedited = True
        for n, step in enumerate(order.steps):
            if step.state == "active" and step.due is not None:
                step.due = now + max(0, step.due - now) // 2
                self._floor.later("finish", order, step.due, n)

    def leave(self, order: Order, names: tuple[str, ...], now: int) -> None:
        """Steps of these items that are not done will not be done. The items have steps of their own (``steps.part``)."""
        for step in order.steps:
            if step.state in ("waiting", "active") and all(name in names for name in step.items):
                step.state, step.due, step.left = "dropped", None, None
                if step.work is not None:
                    step.work.state, step.work.finished = "cancelled", now

    def get_stuck(self, order: Order, again: Send, reason: dict[str, str], now: int, out: list[Send]) -> None:
        """RM did not do what ``again`` asked: 异常 is reported and RM is asked again later, ever more slowly."""
        concerned = [row["item_id"] for row in again.body["items"]]
        for n, step in enumerate(order.steps):
            if step.state != "active" or step.work is None or not any(name in concerned for name in step.items):
                continue
            self._floor.note(order, reason, step.stage.code, now)
            for name in step.items:
                order.items[name].fallout, order.items[name].asked = True, None
            step.work.state, step.work.reason = "exception", reason
            out.append(Send("OH07", bodies.stage_report(order, step, step.work, now), system=order.sender))
            self._floor.later("retry", order, now + self.pause(order.retries), n)
        order.retries += 1

    def pause(self, tries: int) -> int:
        """How long to wait before RM is asked again (ms)."""
        settings = self._floor.table.settings
        doublings: int = min(tries, settings["retries"])
        return int(settings["retry_ms"]) << doublings

    def retry(self, order: Order, task: Task, now: int, out: list[Send]) -> None:
        """Ask RM once more."""
        step = order.steps[task.n] if task.n < len(order.steps) else None
        if step is None or step.state != "active" or step.work is None or step.work.state != "exception":
            return
        step.work.reason = None
        members = [order.items[name] for name in step.items]
        for item in members:
            item.fallout = False
        if step.stage.kind == "archive":
            self._archive(order, task.n, members, out)
        else:
            step.work.state = _ASKING
            asking = [item for item in members if not item.assigned and item.waiting is None]
            self.ask(order, task.n, asking, None, now, out)
        self.settle(order, task.n, now, out)

    def _archive(self, order: Order, n: int, members: list[Item], out: list[Send]) -> None:
        """OH06 of what the items hold: 预占 → 占用."""
        holding = [item for item in members if item.resources and not item.archived]
        work = order.steps[n].work
        assert work is not None
        work.state = _ARCHIVING
        if holding:
            body = bodies.archive(order, holding, "use")
            out.append(Send("OH06", body, role="RM", note=("archived", order.id, order.epoch, n)))

    def _start(self, order: Order, n: int, now: int, out: list[Send]) -> None:
        step = order.steps[n]
        step.state = "active"
        step.work = self._floor.issue(order, step, step.items, now)
        members = [order.items[name] for name in step.items]
        asking = [item for item in members if item.process.assign == step.stage.code and not item.assigned]
        if step.stage.kind == "archive" and any(item.resources and not item.archived for item in members):
            self._archive(order, n, members, out)
        elif asking:
            step.work.state = _ASKING
            self.ask(order, n, asking, None, now, out)
            self.settle(order, n, now, out)
        else:
            self.work(order, n, now, out)

    def _report(self, order: Order, now: int, out: list[Send]) -> None:
        """报竣 of the items that are done, together unless one of them waits for what the operator lacks (5.4 rule 5)."""
        if order.change is not None or order.locked:
            return
        back = [name for undo in order.undos for name in undo.items]
        moving = [
            item
            for item in order.items.values()
            if item.progress == "IN_PROGRESS" and item.id not in back and not item.cancelling
        ]
        done = [item for item in moving if item.waiting is None and steps.finished(order, item)]
        if not done or (len(done) < len(moving) and not self._separate(order, done)):
            return
        names = tuple(item.id for item in done)
        needs = tuple(n for n, step in enumerate(order.steps) if any(name in names for name in step.items))
        summary = Step(self._floor.table.stages[FINISH], names, needs, "done", extra=True)
        summary.work = self._floor.issue(order, summary, names, now)
        summary.work.state, summary.work.finished = "done", now
        order.steps.append(summary)
        for item in done:
            item.move("report")
        order.since = now
        out.append(Send("OH08", bodies.completion(order, done, summary.work.staff, now), system=order.sender))

    def _separate(self, order: Order, done: list[Item]) -> bool:
        names = tuple(item.id for item in done)
        return bool(order.acts) and self._floor.act(order, "separate", items=names) is not None
