"""Resource management: answers confirmations of its chapter out of the plant and the ledger (spec 5.3, 5.4).

One handler a message, found by code in ``_handlers``; refusals come up as ``Refused`` and change nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from simulators.agenda import Agenda
from simulators.brain import Body, Meta, Reaction, Send
from simulators.codes import number
from simulators.installed import Installed
from simulators.rm.assignment import Assignments, Shortage
from simulators.rm.ledger import Ledger, Refused
from simulators.rm.plant import Plant, load_table
from simulators.rm.reserving import Reserving

_DAY = 86_400_000


class RmBrain:
    """The RM. ``scale`` multiplies the plant's pools, ``table`` replaces it (tests of scarcity)."""

    role = "RM"

    def __init__(self, table: dict[str, Any] | None = None, scale: float = 1.0, installed: Iterable[Installed] = ()) -> None:
        self.plant = Plant(table or load_table(), scale)
        self.ledger = Ledger(self.plant)
        self.reserving = Reserving(self.plant, self.ledger)
        self.assignments = Assignments(self.plant, self.ledger)
        self.complaints: list[dict[str, Any]] = []
        self._thaw: Agenda[str] = Agenda()
        for row in installed:
            self.assignments.install(row)
        self._handlers: dict[str, Callable[[Body, Meta, int], Reaction]] = {
            "RR01": self._reserve,
            "RR02": lambda body, meta, now: Reaction(answer=self.reserving.release(body, meta.sender, now)),
            "RR03": lambda body, meta, now: Reaction(answer=self.reserving.extend(body, meta.sender, now)),
            "OH03": self._assign,
            "OH05": self._unassign,
            "OH06": self._archive,
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
        except Refused as reason:
            return Reaction.refuse(reason.symbol, reason.state)

    def on_answer(self, sent: Send, body: Body, now: int) -> Reaction:
        """The owner of a result or an expiry notice has it: nothing follows."""
        return Reaction()

    def on_refusal(self, sent: Send, code: str, body: Body, now: int) -> Reaction:
        """A result nobody took stands in the ledger's complaints, for the auditor."""
        self.complaints.append({"code": sent.code, "result": code, "body": sent.body, "at": now})
        return Reaction()

    def due(self, now: int) -> Reaction:
        """Expire reservations and tell their owners; numbers come out of quarantine."""
        for res_inst_id in self._thaw.take(now):
            self.plant.move(self.plant.resources[res_inst_id], "thaw", now)
        sends = []
        for entry, lost in self.ledger.expire(now):
            head: Body = {"area": entry.area, "reservation_id": entry.id}
            if entry.order is not None:
                head["service_order_id"] = entry.order
            body = head | {"resources": [resource.ref() for resource in lost]}
            sends.append(Send("RR04", body, system=entry.owner))
        return Reaction(sends=sends)

    def next_due(self) -> int | None:
        """The next expiry or thaw (ms)."""
        return min((at for at in (self.ledger.next_due(), self._thaw.next()) if at is not None), default=None)

    def inspect(self) -> dict[str, Any]:
        """Counts, every touched resource, every entry: what the auditor compares (06.4 invariants 4, 5, 13)."""
        return {
            "size": self.plant.size,
            "created": self.ledger.created,
            "counts": dict(self.ledger.counts),
            "resources": {
                resource.id: {
                    "type": resource.type,
                    "state": resource.state,
                    "reservation": resource.reservation,
                    "order": resource.order,
                    "instance": resource.instance,
                }
                for resource in self.plant.resources.values()
            },
            "reservations": {
                entry.id: {
                    "owner": entry.owner,
                    "order": entry.order,
                    "closed": entry.closed,
                    "expires_at": entry.expires_at,
                    "holds": [(hold.resource.id, hold.state) for hold in entry.holds],
                }
                for entry in self.ledger.entries.values()
            },
            "complaints": list(self.complaints),
        }

    def _reserve(self, body: Body, meta: Meta, now: int) -> Reaction:
        answer, known = self.reserving.reserve(body, meta.sender, now)
        return Reaction(answer=answer, known=known)

    def _assign(self, body: Body, meta: Meta, now: int) -> Reaction:
        """OH03: assign item by item; OH04 tells each its resources, or why not. A refusal of all is OH04's too."""
        items: list[Body] = []
        for item in body["items"]:
            result: Body = {"item_id": item["item_id"]}
            try:
                taken = self.assignments.assign(body, item, meta.sender, now)
            except Shortage as short:
                result |= {"shortage": short.reason, "code": number(short.symbol)}
            except Refused as reason:
                result["code"] = number(reason.symbol)
            else:
                if taken:
                    result["resources"] = [resource.ref() for resource in taken]
            items.append(result)
        answer = _head(body) | {"items": items}
        return Reaction(sends=[Send("OH04", answer, system=meta.sender, ref_serial=meta.serial)])

    def _unassign(self, body: Body, meta: Meta, now: int) -> Reaction:
        """OH05: the order RM never saw is closed, like an unknown reservation."""
        order = body["service_order_id"]
        items = body.get("items") or list(self.assignments.orders.get(order, {}))
        ttl = self.reserving.ttl("ORDER", body.get("channel", ""), list(self.plant.types), None)
        if "items" not in body:
            self.assignments.close(order, body["version"])
        done = self.assignments.undo(order, items, body["reason"].get("code", ""), 1000 * ttl, now)
        results: list[Body] = []
        for item_id in items:
            result: Body = {"item_id": item_id, "result": "unassigned" if done.get(item_id) else "nothing"}
            if done.get(item_id):
                result["resources"] = [resource.ref() for resource in done[item_id]]
            results.append(result)
        answer: Body = {"service_order_id": order}
        return Reaction(answer=answer | {"items": results} if results else answer)

    def _archive(self, body: Body, meta: Meta, now: int) -> Reaction:
        """OH06: ``use`` takes into use before the completion report, ``release`` frees what was given after its acceptance."""
        order, results = body["service_order_id"], []
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

    def _archive_item(self, order: str, item_id: str, step: str, now: int) -> list[Any]:
        if step == "use":
            return self.assignments.use(order, item_id, now)
        freed, frozen = self.assignments.release(order, item_id, now)
        for resource in frozen:
            self._thaw.add(now + self.plant.types[resource.type].quarantine_days * _DAY, resource.id)
        return [*freed, *frozen]


def _head(body: Body) -> Body:
    """The order head of ``body``, for a result about the same order."""
    wanted = ("customer_order_id", "service_order_id", "version", "area")
    return {name: body[name] for name in wanted if name in body}
