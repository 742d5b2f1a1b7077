"""A conversation with provisioning about operations: what the CRM says, what it heard and as the result of which command."""

from __future__ import annotations

from typing import Any

from adapters.wire.times import wire_time
from simulators.brain import Body, Reaction, Send
from simulators.pf.brain import PfBrain
from simulators.pf.order import Order
from simulators.pf.script import read_script
from simulators.rm.brain import RmBrain
from tests.simulators.talk import Dice, Talk, dispatch

DAY = 86_400_000
HOUR = 3_600_000


class PfTalk(Talk):
    """PF and RM with a scripted CRM. ``heard`` are the messages that reached the CRM, with their RefSerial."""

    def __init__(self, *acts: dict[str, Any], speed: float = 1.0, table: dict[str, Any] | None = None) -> None:
        self.pf = PfBrain(Dice(), speed, script=read_script({"act": list(acts)}))
        self.rm = RmBrain(table)
        super().__init__(self.pf, self.rm)
        self.heard: list[Send] = []

    def _hear(self, send: Send, body: Body, serial: str, sender: str) -> None:
        self.heard.append(send)
        super()._hear(send, body, serial, sender)

    def run(self, until: int | None = None) -> None:
        super().run(until)
        self.now = self.now if until is None else max(self.now, until)

    @property
    def order(self) -> Order:
        """The order most tests are about."""
        return self.pf.orders["SO1"]

    def begin(self, items: list[Body] | None = None, after_ms: int = 0, **more: Any) -> None:
        """Dispatch SO1 and let some time pass."""
        self.tell("PF", "OH01", dispatch(items=items, **more))
        self.run(self.now + after_ms)

    def until(self, code: str) -> Body:
        """Let time pass until the CRM has heard ``code``; its body."""
        known = len(self.of(code))
        while len(self.of(code)) == known:
            due = self.next_due()
            assert due is not None, f"nothing is due, {code} never comes: {self.codes()}"
            self.run(due)
        return self.of(code)[-1]

    def until_stage(self, stage: str) -> None:
        """Let time pass until a work order of the stage is under way."""
        while not any(work.stage == stage and work.state == "in_progress" for work in self.order.work_orders):
            due = self.next_due()
            assert due is not None, f"stage {stage} never begins"
            self.run(due)

    def next_due(self) -> int | None:
        return min((at for brain in (self.pf, self.rm) if (at := brain.next_due()) is not None), default=None)

    def of(self, code: str) -> list[Body]:
        """Bodies of one message the CRM heard."""
        return [body for heard, body in self.crm if heard == code]

    def say(self, message: str, /, order: str = "SO1", version: int = 1, **fields: Any) -> Reaction:
        """A command about an order; its serial is that of ``last_serial``."""
        head = {"service_order_id": order, "version": version, "area": "025"}
        return self.tell("PF", message, head | fields)

    def cancel(self, *items: str, version: int = 1, code: str = "10C001") -> Reaction:
        fields: Body = {"reason": {"type": "10C", "code": code, "text": "撤单"}}
        return self.say("CN01", version=version, **(fields | {"items": list(items)} if items else fields))

    def change(self, items: list[Body], base: int = 1, new: int = 2, code: str = "10Q001", **more: Any) -> Reaction:
        image = dispatch(items=items) | {"version": new} | more
        fields = {name: value for name, value in image.items() if name not in ("service_order_id", "version", "area")}
        reason = {"type": "10Q", "code": code, "text": "改单"}
        changes = [{"attr": {"code": "X", "new": "1", "action": "M"}}]
        return self.say("CO01", version=new, base_version=base, new_version=new, reason=reason, changes=changes, **fields)

    def defer(self, until: int, code: str = "10P001", version: int = 1) -> Reaction:
        return self.say("DF01", version=version, reason={"type": "10P", "code": code, "text": "缓装"}, until=wire_time(until))

    def end_deferral(self, appointment: int) -> Reaction:
        return self.say("DF02", appointment=wire_time(appointment))

    def lock(self, until: int, by: str = "A", keep: bool = True, wait: bool = False) -> Reaction:
        fields = {"reason": {"text": "核查"}, "locked_by": by, "lease_until": wire_time(until), "keep_resources": keep}
        return self.say("LK01", **(fields | {"wait": True} if wait else fields))

    def unlock(self, fence: int, **more: Any) -> Reaction:
        return self.say("LK02", fence=fence, **more)

    def last_ref(self, code: str) -> str | None:
        """RefSerial of the last ``code`` the CRM heard."""
        return [send.ref_serial for send in self.heard if send.code == code][-1]


def undone_twice(order: Order) -> list[tuple[str, str]]:
    """Work orders that were undone more than once for one item: (work order, item)."""
    seen: dict[tuple[str, str], int] = {}
    for work in order.work_orders:
        if work.direction == "reverse" and work.state == "done" and work.undoes is not None:
            for item in work.items:
                seen[work.undoes, item] = seen.get((work.undoes, item), 0) + 1
    return [key for key, times in seen.items() if times > 1]


def reversed_stages(order: Order) -> list[str]:
    """Stages undone, in order."""
    return [work.stage for work in order.work_orders if work.direction == "reverse" and work.state == "done"]
