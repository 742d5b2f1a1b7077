"""The assignment desk: OH03, CO03 with their result OH04, OH05 and OH06, as bodies (spec 5.4, 5.6).

An assignment is automatic, or made by hand after the delay the script tells; until then OH05 withdraws it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from schemas.loader import load
from simulators.agenda import Agenda
from simulators.brain import Body, Meta, Reaction, Send
from simulators.codes import number
from simulators.rm.assignment import RETURNED, Assignments, Shortage
from simulators.rm.ledger import Refused
from simulators.rm.plant import Resource
from simulators.rm.reassignment import Reassignments
from simulators.rm.reserving import Reserving
from simulators.rm.script import Script

_DAY = 86_400_000
_Work = Callable[[Body, Body, str, int], list[Resource]]


@dataclass(eq=False, slots=True)
class _Job:
    """An assignment a person has yet to make; ``items`` are those not withdrawn."""

    work: _Work
    body: Body
    meta: Meta
    items: list[Body]


class Desk:
    """Assigns, undoes and archives; ``next_due`` and ``due`` are for what is made by hand and for quarantine."""

    def __init__(self, assignments: Assignments, reserving: Reserving, script: Script) -> None:
        self._assignments = assignments
        self._reserving = reserving
        self._plant = assignments.plant
        self._script = script
        self._reassign = Reassignments(assignments).reassign
        self._jobs: Agenda[_Job] = Agenda()
        self._open: dict[str, list[_Job]] = {}
        self._thaw: Agenda[str] = Agenda()

    def assign(self, body: Body, meta: Meta, now: int) -> Reaction:
        """OH03: item by item; OH04 tells each its resources, or why not. A refusal of all is OH04's too. Raises Refused: a
        newer dispatch was met 3015."""
        self._assignments.check_version(body["service_order_id"], body["version"])
        return self._take_up(self._assignments.assign, body, meta, now)

    def reassign(self, body: Body, meta: Meta, now: int) -> Reaction:
        """CO03, like OH03. Raises Refused: an order RM never saw 3003, a newer version was met 3015."""
        self._check_known(body["service_order_id"])
        self._assignments.meet(body["service_order_id"], body["version"])
        return self._take_up(self._reassign, body, meta, now)

    def unassign(self, body: Body, meta: Meta, now: int) -> Reaction:
        """OH05: what is still with a person is withdrawn; the order RM never saw is closed, like an unknown reservation. Raises
        Refused: a newer dispatch was met 3015."""
        order = body["service_order_id"]
        self._assignments.check_version(order, body["version"])
        withdrawn = self._withdraw(order, body.get("items"))
        items = body.get("items") or list(dict.fromkeys([*self._assignments.orders.get(order, {}), *withdrawn]))
        fresh = self._reserving.afresh if _is_return(body["reason"].get("code", "")) else None
        if "items" not in body:
            self._assignments.close(order, body["version"])
        refused = {name: why for name in items if (why := self._assignments.why_not_undo(order, name)) is not None}
        undoing = [name for name in items if name not in refused]
        if "items" not in body:
            self._assignments.end(order, fresh, now)
        done = self._assignments.undo(order, undoing, fresh, now)
        results: list[Body] = [{"item_id": name, "result": "refused", "code": number(why)} for name, why in refused.items()]
        for item_id in undoing:
            undone = done.get(item_id) or item_id in withdrawn
            result: Body = {"item_id": item_id, "result": "unassigned" if undone else "nothing"}
            if done.get(item_id):
                result["resources"] = [resource.ref() for resource in done[item_id]]
            results.append(result)
        answer: Body = {"service_order_id": order}
        return Reaction(answer=answer | {"items": results} if results else answer)

    def archive(self, body: Body, meta: Meta, now: int) -> Reaction:
        """OH06: ``use`` takes into use before the completion report, ``release`` frees what was given after its acceptance.
        Raises Refused: an order RM never saw 3003, a newer dispatch was met 3015."""
        order, results = body["service_order_id"], []
        self._check_known(order)
        self._assignments.check_version(order, body["version"])
        for item in body["items"]:
            result: Body = {"item_id": item["item_id"], "result": "archived"}
            try:
                resources = self._archive_item(order, item["item_id"], item["step"], now)
            except Refused as reason:
                result |= {"result": "refused", "code": number(reason.symbol)}
            else:
                if resources:
                    result["resources"] = [resource.ref() for resource in resources]
            results.append(result)
        return Reaction(answer={"service_order_id": order, "items": results})

    def quarantine(self, resource: Resource, now: int) -> None:
        """A frozen one is free again when its type's rest is over."""
        self._thaw.add(now + self._plant.types[resource.type].quarantine_days * _DAY, resource.id)

    def next_due(self) -> int | None:
        """The next assignment by hand or thaw (ms)."""
        return min((at for at in (self._jobs.next(), self._thaw.next()) if at is not None), default=None)

    def due(self, now: int) -> list[Send]:
        """Numbers come out of quarantine; people have made up their minds."""
        for res_inst_id in self._thaw.take(now):
            self._plant.move(self._plant.resources[res_inst_id], "thaw", now)
        sends = []
        for job in self._jobs.take(now):
            if job.items:
                self._open[job.body["service_order_id"]].remove(job)
                sends.append(self._result(job, now))
        return sends

    def _check_known(self, order: str) -> None:
        if order not in self._assignments.orders and order not in self._open:
            raise Refused("ORDER_UNKNOWN")

    def _take_up(self, work: _Work, body: Body, meta: Meta, now: int) -> Reaction:
        job = _Job(work, body, meta, list(body["items"]))
        delay = self._script.delay([item["product"] for item in job.items], body["area"])
        if not delay:
            return Reaction(sends=[self._result(job, now)])
        self._jobs.add(now + delay, job)
        self._open.setdefault(body["service_order_id"], []).append(job)
        return Reaction()

    def _withdraw(self, order: str, items: list[str] | None) -> list[str]:
        gone: list[str] = []
        for job in list(self._open.get(order, ())):
            leaving = [item for item in job.items if items is None or item["item_id"] in items]
            gone += [item["item_id"] for item in leaving]
            job.items = [item for item in job.items if item not in leaving]
            if not job.items:
                self._open[order].remove(job)
        return gone

    def _result(self, job: _Job, now: int) -> Send:
        items: list[Body] = []
        for item in job.items:
            result: Body = {"item_id": item["item_id"]}
            try:
                taken = job.work(job.body, item, job.meta.sender, now)
            except Shortage as short:
                result |= {"shortage": short.reason, "code": number(short.symbol)}
            except Refused as reason:
                result["code"] = number(reason.symbol)
            else:
                if taken:
                    result["resources"] = [resource.ref() for resource in taken]
            items.append(result)
        answer = _head(job.body) | {"items": items}
        return Send("OH04", answer, system=job.meta.sender, ref_serial=job.meta.serial)

    def _archive_item(self, order: str, item_id: str, step: str, now: int) -> list[Any]:
        if step == "use":
            return self._assignments.use(order, item_id, now)
        freed, frozen = self._assignments.release(order, item_id, now)
        for resource in frozen:
            self.quarantine(resource, now)
        return [*freed, *frozen]


def _is_return(code: str) -> bool:
    """Whether a reason's code, or the type of its row, says that the order goes back to the CRM."""
    row = load().table("reasons").rows.get(code)
    return RETURNED in (code, row.extra["type"] if row is not None else "")


def _head(body: Body) -> Body:
    """The order head of ``body``, for a result about the same order."""
    wanted = ("customer_order_id", "service_order_id", "version", "area")
    return {name: body[name] for name in wanted if name in body}
