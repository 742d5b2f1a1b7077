"""PF's planning and RM talking through the codec, with a CRM that is told what to answer."""

from __future__ import annotations

from collections.abc import Callable

from adapters.wire.times import wire_time
from simulators.brain import Body, Meta, Reaction, Send
from simulators.codes import receipt
from simulators.pf.planning import Planning
from simulators.rm.brain import RmBrain
from tests.simulators.talk import START, SYSTEMS, Dice, Talk

Answer = Callable[[str, Body], list[tuple[str, Body]]]


class NoOrders:
    """PF without orders but those a test sets: ``open_orders`` by instance, ``locks`` what was asked to be locked."""

    def __init__(self) -> None:
        self.open_orders: dict[str, list[str]] = {}
        self.closed: list[str] = []
        self.locks: list[tuple[str, str]] = []
        self.used: list[str] = []

    def in_flight(self) -> dict[str, list[str]]:
        return self.open_orders

    def is_closed(self, order: str) -> bool:
        return order in self.closed

    def lock_over(self, order: str, cutover_id: str, until: int, now: int) -> list[Send]:
        self.locks.append(("lock", order))
        head: Body = {"service_order_id": order, "version": 1, "area": "025", "fence": 1, "event": "cutover"}
        return [Send("LK05", head | {"cutover_id": cutover_id, "lease_until": wire_time(until)}, role="CRM")]

    def unlock_after(self, order: str, cutover_id: str, now: int) -> list[Send]:
        self.locks.append(("unlock", order))
        return []


class PlanningTalk(Talk):
    """``crm_says``: what the CRM sends because of a message, as (code, body); it refuses what ``crm_refuses`` names."""

    def __init__(self, rm: RmBrain | None = None) -> None:
        self.orders = NoOrders()
        self.pf = Planning(Dice(), 1.0, self.orders, lambda scheme: scheme in self.orders.used)
        self.rm = rm or RmBrain()
        super().__init__(self.pf, self.rm)
        self.crm_says: Answer = lambda code, body: []
        self.crm_refuses: dict[str, str] = {}
        self.heard: list[tuple[str, str | None, Body]] = []

    def _hear(self, send: Send, body: Body, serial: str, sender: str) -> None:
        self.crm.append((send.code, body))
        self.heard.append((send.code, send.ref_serial, body))
        brain = self.brains[sender]
        if send.code in self.crm_refuses:
            refusal = receipt(self.crm_refuses[send.code])
            self._say(sender, brain.on_refusal(send, str(refusal["code"]), refusal, self.now))
            return
        self._say(sender, brain.on_answer(send, receipt("ACCEPTED"), self.now))
        for code, answer in self.crm_says(send.code, body):
            self._queue.append(("CRM", Send(code, answer, role="PF", ref_serial=serial)))

    def ask(self, code: str, body: Body) -> str | None:
        """A message of the CRM's to PF; the symbol of its refusal. What follows at once is settled."""
        reaction = self.tell("PF", code, body)
        return None if reaction.refusal is None else reaction.refusal.symbol

    def bodies(self, code: str) -> list[Body]:
        """What reached the CRM under a code."""
        return [body for heard, body in self.crm if heard == code]

    def rm_does(self, reaction: Reaction) -> None:
        """What a person at RM sets going, and all that follows until nothing is due within a day."""
        self._say("RM", reaction)
        self.settle()

    def crm_meta(self) -> Meta:
        """The CRM as a sender."""
        return Meta(SYSTEMS["CRM"], "CRM001" + "0" * 24, "025")


__all__ = ["START", "NoOrders", "PlanningTalk"]
