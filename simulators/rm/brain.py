"""Resource management: answers its chapters out of the plant, the ledger and the waiting list (spec 5.1-5.12).

One handler a message, found by code in ``_handlers``; refusals come up as ``Refused`` and change nothing.  Before anything is
judged what has expired by then is ended, and after everything what became free goes to whoever waits for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from adapters.reconciliation import Row
from adapters.wire.times import wire_time
from simulators.agenda import Agenda
from simulators.brain import Body, Meta, Reaction, Send
from simulators.installed import Installed
from simulators.reconciling import reconcile_handlers
from simulators.rm.access import Access
from simulators.rm.assignment import Assignments
from simulators.rm.confirmation import Confirmation
from simulators.rm.cutover import Cutovers
from simulators.rm.cutover_plan import PlanInvalid
from simulators.rm.desk import Desk
from simulators.rm.ledger import Ledger, Refused
from simulators.rm.locking import Locking
from simulators.rm.plant import Plant, load_table
from simulators.rm.reserving import Reserving
from simulators.rm.schemes import Schemes
from simulators.rm.script import Commissioning, PlannedStart, Script
from simulators.rm.states import IN_USE
from simulators.rm.waiting import WaitingList


class RmBrain:
    """The RM. ``scale`` multiplies the plant's pools, ``table`` replaces it (tests of scarcity), ``script`` tells what people
    at RM do, ``speed`` multiplies the duration of a cutover's waves (0: at once)."""

    role = "RM"

    def __init__(
        self,
        table: dict[str, Any] | None = None,
        scale: float = 1.0,
        installed: Iterable[Installed] = (),
        script: Script | None = None,
        speed: float = 1.0,
        families: Mapping[str, str] | None = None,
    ) -> None:
        self.plant = Plant(table or load_table(), scale)
        self.ledger = Ledger(self.plant)
        self.reserving = Reserving(self.plant, self.ledger)
        self.assignments = Assignments(self.plant, self.ledger)
        self.waiting = WaitingList(self.plant, self.ledger, 1000 * self.plant.table["limits"]["offer"])
        self.desk = Desk(self.assignments, self.reserving, script or Script())
        access = Access(self.plant, families)
        self.schemes = Schemes(access, script or Script())
        self._confirmation = Confirmation(access, self.reserving)
        self.complaints: list[dict[str, Any]] = []
        self.cutovers = Cutovers(self.plant, self.ledger, script or Script(), self.desk.quarantine, speed)
        self._locking = Locking(self.ledger, self.assignments)
        self._events: Agenda[Commissioning | PlannedStart] = Agenda()
        for row in installed:
            self.assignments.install(row)
        for coming in script.commissioning if script is not None else ():
            self._events.add(coming.at, coming)
        for start in script.cutovers if script is not None else ():
            self._events.add(start.at, start)
        self._handlers: dict[str, Callable[[Body, Meta, int], Reaction]] = {
            "RC01": self._confirm,
            "SD02": self.schemes.design,
            "SD07": self.schemes.cancel,
            "RR01": self._reserve,
            "RR02": lambda body, meta, now: Reaction(answer=self.reserving.release(body, meta.sender, now)),
            "RR03": lambda body, meta, now: Reaction(answer=self.reserving.extend(body, meta.sender, now)),
            "OH03": self.desk.assign,
            "OH05": self.desk.unassign,
            "OH06": self.desk.archive,
            "CO03": self.desk.reassign,
            "PI02": self._register,
            "PI03": self._leave,
            "CT04": self.cutovers.execute,
            "CT08": self.cutovers.answered,
            "LK03": lambda body, meta, now: Reaction(answer=self._locking.hold(body, now)),
            "LK04": lambda body, meta, now: Reaction(answer=self._locking.recover(body, now)),
        }
        self._handlers |= reconcile_handlers(self.role, self._rows)

    @property
    def codes(self) -> tuple[str, ...]:
        """Messages this brain serves."""
        return tuple(self._handlers)

    def on_document(self, code: str, body: Body, meta: Meta, now: int) -> Reaction:
        """See ``Brain``."""
        handler = self._handlers.get(code)
        if handler is None:
            return Reaction.refuse("MESSAGE_UNKNOWN")
        expired = self._expire(now)
        try:
            reaction = handler(body, meta, now)
        except Refused as reason:
            reaction = Reaction.refuse(reason.symbol, reason.state)
        reaction.sends = [*expired, *reaction.sends, *self._offers(now)]
        self._settle()
        return reaction

    def on_answer(self, sent: Send, body: Body, now: int) -> Reaction:
        """The owner of a result or a notice has it: nothing follows."""
        return Reaction()

    def on_refusal(self, sent: Send, code: str, body: Body, now: int) -> Reaction:
        """A result nobody took stands in the ledger's complaints, for the auditor."""
        self.complaints.append({"code": sent.code, "result": code, "body": sent.body, "at": now})
        if sent.note:
            self.cutovers.undeliverable(sent, now)
        return Reaction(sends=self._offers(now))

    def due(self, now: int) -> Reaction:
        """What the clock brings: expiries, assignments by hand, the end of quarantine, capacity taken into service."""
        sends = self._expire(now)
        sends += self.desk.due(now)
        sends += self.schemes.due(now)
        sends += self.cutovers.due(now)
        for event in self._events.take(now):
            if isinstance(event, PlannedStart):
                sends += self._start(event, now)
            else:
                self.plant.bring_into_service(event.area, event.res_type, event.quantity, now, event.bureau)
        sends += self._offers(now)
        self._settle()
        return Reaction(sends=sends)

    def next_due(self) -> int | None:
        """When the clock brings something next (ms)."""
        parts = (self.ledger, self.desk, self.schemes, self.cutovers)
        dues = [part.next_due() for part in parts] + [self._events.next()]
        return min((at for at in dues if at is not None), default=None)

    def bring_into_service(self, area: str, res_type: str, quantity: int, now: int, bureau: str | None = None) -> Reaction:
        """A person takes capacity into service (9 → 0): offers follow where somebody waits for it."""
        self.plant.bring_into_service(area, res_type, quantity, now, bureau)
        return Reaction(sends=self._offers(now))

    def start_cutover(self, plan: dict[str, Any], now: int, dry_run: bool = False) -> Reaction:
        """A person starts a cutover from a plan (``cutover_plan``), or tries it dry. Raises PlanInvalid."""
        return Reaction(sends=self.cutovers.start(plan, now, dry_run))

    def cancel_cutover(self, cutover_id: str, reason: str, now: int, roll_back: bool = False) -> Reaction:
        """A person cancels a cutover. Raises PlanInvalid."""
        return Reaction(sends=self.cutovers.cancel(cutover_id, reason, now, roll_back))

    def _rows(self, asker: str, area: str, begin: int, end: int) -> list[Row]:
        """What serves product instances in an area, as it stands: a stock, which no window cuts."""
        used = (one for one in self.plant.resources.scan() if one.area == area and one.state == IN_USE)
        return [Row(one.id, "IN_USE") for one in used if one.instance is not None]

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
            "reservations": self.ledger.inspect(),
            "waiting": {
                waiter.no: {"order": waiter.order, "item": waiter.item, "state": waiter.state}
                for waiter in self.waiting.waiters.values()
                if waiter.in_force()
            },
            "cutovers": self.cutovers.inspect(),
            "complaints": list(self.complaints),
        }

    def _settle(self) -> None:
        """What is only looked up again by key takes little room from now on."""
        self.ledger.settle()
        self.assignments.settle()
        self.plant.settle()

    def _start(self, event: PlannedStart, now: int) -> list[Send]:
        """A scripted cutover; a plan that cannot be started is a complaint."""
        try:
            return self.cutovers.start(event.plan, now, event.dry_run)
        except PlanInvalid as wrong:
            self.complaints.append({"plan": event.plan.get("cutover_id"), "result": str(wrong), "at": now})
            return []

    def _confirm(self, body: Body, meta: Meta, now: int) -> Reaction:
        """RC01."""
        answer, known = self._confirmation.confirm(body, meta.sender, now)
        return Reaction(answer=answer, known=known)

    def _reserve(self, body: Body, meta: Meta, now: int) -> Reaction:
        answer, known = self.reserving.reserve(body, meta.sender, now)
        return Reaction(answer=answer, known=known)

    def _register(self, body: Body, meta: Meta, now: int) -> Reaction:
        """PI02."""
        self.assignments.meet(body["service_order_id"], body["version"])
        place = body["need"].get("rule", {}).get("address", body)
        if not self.plant.covers(place["area"]):
            raise Refused("ADDRESS_NOT_COVERED")
        waiter, known = self.waiting.register(body, meta.sender)
        return Reaction(answer={"waiting_no": waiter.no, "position": self.waiting.position(waiter)}, known=known)

    def _leave(self, body: Body, meta: Meta, now: int) -> Reaction:
        """PI03: idempotent."""
        returned = self.waiting.leave(body["waiting_no"], meta.sender, now)
        answer: Body = {"waiting_no": body["waiting_no"], "outcome": "not_waiting" if returned is None else "left"}
        if returned:
            answer["returned_resources"] = [resource.ref() for resource in returned]
        return Reaction(answer=answer)

    def _expire(self, now: int) -> list[Send]:
        """End what has expired and tell the owners (RR04)."""
        sends: list[Send] = []
        for entry, lost in self.ledger.expire(now):
            head: Body = {"area": entry.area, "reservation_id": entry.id}
            if entry.order is not None:
                head["service_order_id"] = entry.order
            body = head | {"resources": [resource.ref() for resource in lost]}
            sends.append(Send("RR04", body, system=entry.owner))
        return sends

    def _offers(self, now: int) -> list[Send]:
        """Hand out what became free; PA01 to each who has all it needs now."""
        sends: list[Send] = []
        for waiter in self.waiting.serve(now):
            entry = waiter.reservation
            assert entry is not None
            assert entry.expires_at is not None
            body: Body = {
                "service_order_id": waiter.order,
                "version": waiter.version,
                "area": waiter.area,
                "waiting_no": waiter.no,
                "reservation_id": entry.id,
                "resources": [hold.resource.ref() for hold in entry.held()],
                "expires_at": wire_time(entry.expires_at),
                "fence": entry.fence,
            }
            sends.append(Send("PA01", body, system=waiter.owner))
        return sends


PROMPTS: dict[str, Callable[[RmBrain, Body, int], Reaction]] = {
    "CT01": lambda rm, body, now: rm.start_cutover(body, now, body["dry_run"]),
    "CT07": lambda rm, body, now: rm.cancel_cutover(body["cutover_id"], body["reason"]["text"], now),
}
"""What only a person can make it send, and how; each raises PlanInvalid, and KeyError where the body lacks something."""
