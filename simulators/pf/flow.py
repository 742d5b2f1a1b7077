"""The walk of an order through its process: steps started, finished, reported; resources asked, archived, given back.

Everything here acts on one order and appends what is to be sent; the brain decides when.  Work that takes time is put on the
agenda as ``Task``; a task whose step is no longer what it was is skipped, so nothing has to be called off.
"""

from __future__ import annotations

from dataclasses import dataclass

from adapters.wire.times import wire_time
from simulators.agenda import Agenda
from simulators.brain import Body, Send
from simulators.pf import bodies
from simulators.pf.machine import after
from simulators.pf.order import Item, Order, Step, WorkOrder, plan
from simulators.pf.processes import ProcessTable
from simulators.ports import Entropy

_RETURN_CODE = "10R"


@dataclass(frozen=True, slots=True)
class Task:
    """Work due later on one dispatch: ``what`` is accept, finish or retry, ``step`` the position of the step, ``again`` what a
    retry sends once more."""

    what: str
    order: str
    version: int
    step: int = -1
    again: Send | None = None


class Flow:
    """Moves orders on. ``speed`` multiplies durations: 0 = at once, 1 = as the table says."""

    def __init__(self, table: ProcessTable, entropy: Entropy, agenda: Agenda[Task], speed: float) -> None:
        self.table = table
        self._entropy = entropy
        self._agenda = agenda
        self._speed = speed
        self._work_no = 0

    def receive(self, order: Order, now: int) -> None:
        """The dispatch is in; a person will accept it."""
        low, high = self.table.settings["accept_ms"]
        self._agenda.add(now + self._takes(low, high), Task("accept", order.id, order.version))

    def accept(self, order: Order, now: int, out: list[Send]) -> None:
        """签收, and the first stages begin."""
        self.move(order, "accept", now)
        order.accepted_at = now
        days = max(item.process.days for item in order.items.values())
        order.expected_finish = now + days * 86_400_000
        body = bodies.acceptance(order, self.table.settings, now)
        out.append(Send("OH02", body, system=order.sender, ref_serial=order.serial))
        order.steps = plan(order.items, self.table.stages)
        self.move(order, "begin", now)
        self.advance(order, now, out)

    def move(self, order: Order, move: str, now: int) -> None:
        """Change the order's state by the table. Raises IllegalMove."""
        order.state, order.since = after(order.state, move), now

    def advance(self, order: Order, now: int, out: list[Send]) -> None:
        """Start every step whose predecessors are done, until only time or an answer moves the order on."""
        ready = order.ready()
        while ready:
            for n in ready:
                self._start(order, n, now, out)
            ready = order.ready()

    def finish(self, order: Order, n: int, now: int, out: list[Send]) -> None:
        """A step is done: close its work order, report it, go on."""
        step = order.steps[n]
        assert step.work is not None
        step.state, step.work.state, step.work.finished = "done", "done", now
        if any(step.stage.code in order.items[name].process.reports for name in step.items):
            out.append(Send("OH07", bodies.stage_report(order, step, step.work, now), system=order.sender))
        self.advance(order, now, out)

    def work(self, order: Order, n: int, now: int) -> None:
        """The step's own work begins; it takes its time."""
        self._agenda.add(now + self._takes(*order.steps[n].stage.duration), Task("finish", order.id, order.version, n))

    def complete(self, order: Order, items: list[Item], now: int, out: list[Send]) -> None:
        """报竣 of ``items``: the CRM decides."""
        for item in items:
            item.progress = "reported"
        self.move(order, "report", now)
        by = order.steps[-1].work.staff if order.steps[-1].work else self.table.settings["accepted_by"]
        out.append(Send("OH08", bodies.completion(order, items, by, now), system=order.sender))

    def repair(self, order: Order, items: list[Item], reason: dict[str, str], now: int, out: list[Send]) -> None:
        """The CRM refused items: the repair stage once more, then 二次报竣. Bounded: then the order goes back."""
        order.repairs += 1
        self.note(order, reason, None, now)
        self.move(order, "repair", now)
        if order.repairs > self.table.settings["repairs"]:
            self.send_back(order, "unrepaired", len(order.steps) - 1, now, out)
            return
        names = tuple(item.id for item in items)
        stage = self.table.stages[self.table.settings["repair_stage"]]
        finish = self.table.stages[order.steps[-1].stage.code]
        for item in items:
            item.progress = "open"
        order.steps += [Step(stage, names, ()), Step(finish, names, (len(order.steps),))]
        self.advance(order, now, out)

    def send_back(self, order: Order, cause: str, n: int, now: int, out: list[Send]) -> None:
        """退单: undo the steps in reverse, let RM take its resources back; OH09 follows RM's answer."""
        order.reason = self.table.returns[cause]
        self.undo_steps(order, now)
        body = bodies.unassignment(order, {"text": order.reason["text"], "code": _RETURN_CODE})
        out.append(Send("OH05", body, role="RM", note=("undone", order.id, order.version, n)))

    def undo_steps(self, order: Order, now: int) -> None:
        """Reverse work orders for what was done of unfinished items, last first; what was under way is dropped (04.4)."""
        going = {item.id for item in order.unfinished()}
        for step in reversed(order.steps):
            if step.state == "done" and going.intersection(step.items):
                work = self._issue(order, step, now)
                work.direction, work.state, work.finished = "reverse", "done", now
                work.reason = {"text": step.stage.undo}
                step.state = "undone"
            elif step.state in ("active", "waiting"):
                self.drop(step, now)

    def drop(self, step: Step, now: int) -> None:
        """A step will not be done."""
        step.state = "dropped"
        if step.work is not None:
            step.work.state, step.work.finished = "cancelled", now

    def note(self, order: Order, reason: dict[str, str], stage: str | None, now: int) -> None:
        """Keep an exception of the order, for PQ01 and for people."""
        entry: Body = {"text": reason["text"]}
        entry |= {name: value for name, value in (("code", reason.get("code")), ("stage", stage)) if value}
        order.exceptions.append(entry | {"since": wire_time(now)})

    def get_stuck(self, order: Order, again: Send, reason: dict[str, str], now: int, out: list[Send]) -> None:
        """RM did not do what ``again`` asked: 异常 is reported and RM is asked again later, bounded; then a person must act."""
        n = again.note[3]
        step = order.steps[n]
        self.note(order, reason, step.stage.code, now)
        self.move(order, "get_stuck", now)
        assert step.work is not None
        step.work.state, step.work.reason = "exception", reason
        out.append(Send("OH07", bodies.stage_report(order, step, step.work, now), system=order.sender))
        if order.retries < self.table.settings["retries"]:
            wait = self.table.settings["retry_ms"] << order.retries
            order.retries += 1
            self._agenda.add(now + wait, Task("retry", order.id, order.version, n, again))

    def retry(self, order: Order, task: Task, now: int, out: list[Send]) -> None:
        """Ask RM once more."""
        step = order.steps[task.step]
        assert step.work is not None
        assert task.again is not None
        self.move(order, "resume", now)
        step.work.state = "waiting_resource" if step.stage.kind == "work" else "waiting_external"
        step.work.reason = None
        out.append(task.again)

    def archive(self, order: Order, items: list[Item], now: int, n: int) -> Send:
        """OH06 of what the items hold: 预占 → 占用."""
        return Send("OH06", bodies.archive(order, items, "use"), role="RM", note=("archived", order.id, order.version, n))

    def _start(self, order: Order, n: int, now: int, out: list[Send]) -> None:
        step = order.steps[n]
        step.state = "active"
        step.work = self._issue(order, step, now)
        members = [order.items[name] for name in step.items]
        asking = [item for item in members if item.process.assign == step.stage.code and not item.assigned]
        if step.stage.kind == "summary":
            step.state, step.work.state, step.work.finished = "done", "done", now
            self.complete(order, members, now, out)
        elif step.stage.kind == "archive":
            holding = [item for item in members if item.resources and not item.archived]
            if holding:
                step.work.state = "waiting_external"
                out.append(self.archive(order, holding, now, n))
            else:
                self.work(order, n, now)
        elif asking:
            step.work.state = "waiting_resource"
            out.append(Send("OH03", bodies.assignment(order, asking), role="RM", note=("asked", order.id, order.version, n)))
        else:
            self.work(order, n, now)

    def _issue(self, order: Order, step: Step, now: int) -> WorkOrder:
        self._work_no += 1
        stage = step.stage
        staff = f"{stage.org}{self._work_no % 9 + 1}号"
        number = f"WO{order.image['area']}{self._work_no:010d}"
        work = WorkOrder(number, stage.code, stage.org, staff, step.items, now, now + stage.limit_ms, accepted=now)
        order.work_orders.append(work)
        return work

    def _takes(self, low: int, high: int) -> int:
        return round(self._entropy.uniform(low, high) * self._speed)
