"""A lock's resources (spec 5.11): LK03 stops the expiry of what an order holds, LK04 lets it run on or takes it back."""

from __future__ import annotations

from adapters.wire.times import wire_time
from simulators.brain import Body
from simulators.rm.assignment import Assignments
from simulators.rm.ledger import Hold, Ledger, Refused, Reservation


class Locking:
    """Over the ledger's entries of one order at a time; states of resources do not change by a lock."""

    def __init__(self, ledger: Ledger, assignments: Assignments) -> None:
        self._ledger = ledger
        self._assignments = assignments

    def hold(self, body: Body, now: int) -> Body:
        """LK03: the held list. Raises Refused: everything has expired 3010, an older version 3015."""
        order = body["service_order_id"]
        self._assignments.meet(order, body["version"])
        entries = self._ledger.of_order(order)
        holding = [entry for entry in entries if entry.held()]
        if not holding and any(hold.state == "expired" for entry in entries for hold in entry.holds):
            raise Refused("HOLD_EXPIRED")
        held: list[Body] = []
        for entry in holding:
            self._ledger.stop_expiry(entry, now)
            for hold in entry.held():
                left = {} if entry.left is None else {"remaining_seconds": max(0, entry.left) // 1000}
                held.append(_line(entry, hold) | left)
        answer: Body = {"service_order_id": order}
        return answer | {"held": held} if held else answer

    def recover(self, body: Body, now: int) -> Body:
        """LK04 ``resume`` (expiry runs on) or ``recover`` (回收: what is held is released, what the order would give back stays
        in use). Raises Refused: all is in use 3009, an older version 3015."""
        order = body["service_order_id"]
        self._assignments.meet(order, body["version"])
        entries = self._ledger.of_order(order)
        lines = self._resume(entries, now) if body["mode"] == "resume" else self._release(order, entries, now)
        answer: Body = {"service_order_id": order}
        return answer | {"resources": lines} if lines else answer

    def _resume(self, entries: list[Reservation], now: int) -> list[Body]:
        lines = []
        for entry in entries:
            self._ledger.run_expiry(entry, now)
            for hold in entry.held():
                until = {} if entry.expires_at is None else {"expires_at": wire_time(entry.expires_at)}
                lines.append(_line(entry, hold) | until)
        return lines

    def _release(self, order: str, entries: list[Reservation], now: int) -> list[Body]:
        holds = [(entry, hold) for entry in entries for hold in entry.holds]
        if holds and all(hold.state == "consumed" for _, hold in holds):
            raise Refused("RESOURCE_UNAVAILABLE", "consumed")
        held = [(entry, hold) for entry, hold in holds if hold.state == "held"]
        in_use = {hold.item for entry, hold in holds if entry.id == order and hold.state == "consumed"}
        waiting = [name for name in self._assignments.orders.get(order, {}) if name not in in_use]
        self._assignments.undo(order, waiting, None, now)
        for entry, hold in held:
            if hold.state == "held":
                self._ledger.end(entry, hold, "released", now)
        return [_line(entry, hold) for entry, hold in held]


def _line(entry: Reservation, hold: Hold) -> Body:
    return {"reservation_id": entry.id, "resource": hold.resource.ref(), "res_state": hold.resource.state}
