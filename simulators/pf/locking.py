"""锁单: a lease on an order with a fence and a queue (spec 5.11, 04.7). It freezes dispatch and returns; cancel passes.

The fence grows with every grant and outlives the lock, so whoever slept through the end of its lease undoes nothing (3015).
"""

from __future__ import annotations

from adapters.wire.times import from_wire_time, wire_time
from simulators.brain import Body, Meta, Reaction, Send
from simulators.pf import results
from simulators.pf.floor import Floor, Task
from simulators.pf.legality import Ruling, Verdict
from simulators.pf.operations import Claim, Lock, Undo
from simulators.pf.order import Order

_DAY = 86_400_000


class Locking:
    """Locks of orders."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    def lock(self, order: Order, body: Body, meta: Meta, now: int) -> Reaction:
        """LK01: granted, extended, queued (``wait``), or refused 3004, 3007, 3013."""
        until = from_wire_time(body["lease_until"])
        claim = Claim(body["locked_by"], until, body["keep_resources"], body["reason"])
        lock = order.lock or Lock()
        holder = lock.holder
        if holder is not None and holder.owner != claim.owner and body.get("wait") and not order.closed:
            if not self._lease_fits(until, now):
                return Reaction.refuse("DATE_INVALID", order.state)
            lock.queue = [*(waiting for waiting in lock.queue if waiting.owner != claim.owner), claim]
            return Reaction(answer={"service_order_id": order.id, "queue_position": len(lock.queue)})
        ruling = self._ruling(order, claim.owner)
        if ruling.verdict is Verdict.REFUSED:
            return Reaction.refuse(ruling.symbol, order.state)
        if not self._lease_fits(until, now):
            return Reaction.refuse("DATE_INVALID", order.state)
        out: list[Send] = []
        order.lock = lock
        self._hold(order, claim, now, out)
        answer = {"service_order_id": order.id, "fence": lock.fence, "lease_until": wire_time(until)}
        return Reaction(answer=answer, sends=out)

    def _ruling(self, order: Order, asker: str) -> Ruling:
        rulings = [self._floor.rule(order, item, "lock", asker=asker) for item in order.going() or list(order.items.values())]
        return min(rulings, key=lambda ruling: ruling.verdict)

    def _lease_fits(self, until: int, now: int) -> bool:
        longest: int = self._floor.table.settings["lock_days"] * _DAY
        return now < until <= now + longest

    def _hold(self, order: Order, claim: Claim, now: int, out: list[Send]) -> None:
        """``claim`` holds the lock: a new fence unless it held it before; RM stops the expiry of what is to be kept, or takes
        it back."""
        lock = order.lock
        assert lock is not None
        before = lock.holder
        if before is None or before.owner != claim.owner:
            lock.fence += 1
        lock.holder = claim
        self._floor.flow.freeze(order, now)
        self._floor.later("lease", order, claim.until)
        if claim.keep and (before is None or not before.keep):
            out.append(Send("LK03", order.head() | {"reason": claim.reason}, role="RM"))
        elif not claim.keep and not self._recover(order, claim, now, out) and before is not None and before.keep:
            out.append(self._resume_expiry(order))

    def _recover(self, order: Order, claim: Claim, now: int, out: list[Send]) -> bool:
        """回收: the lock keeps no resources; what RM assigned goes back (LK04) and is assigned anew after the unlock. False
        where there is nothing to take back, or something is being changed or undone and decides for itself."""
        if order.change is not None or order.undos:
            return False
        again = {
            item.id: frozenset({item.process.assign})
            for item in order.going()
            if item.process.assign is not None and not item.archived and (item.resources or item.asked is not None)
        }
        if not again:
            return False
        undo = Undo("rework", tuple(again), {"text": claim.reason["text"]}, again=again, recover=True)
        self._floor.undoing.begin(order, undo, now, out)
        return True

    def unlock(self, order: Order, body: Body, meta: Meta, now: int) -> Reaction:
        """LK02: by the holder with the fence of its grant, or by force with a second person; nothing held is success."""
        lock = order.lock
        if lock is None or lock.holder is None:
            return Reaction(answer=self._unlocked(order, "not_locked"))
        force = body.get("force")
        if body["fence"] < lock.fence:
            return Reaction.refuse("STALE_VERSION", order.state)
        asker = body.get("operator", lock.holder.owner)
        if body["fence"] > lock.fence or (force is None and asker != lock.holder.owner):
            return Reaction.refuse("NOT_LOCK_OWNER", order.state)
        out: list[Send] = []
        if force is not None:
            if force["approved_by"] == body.get("operator"):
                return Reaction.refuse("NOT_LOCK_OWNER", order.state)
            body = results.lock_report(order, "forced", lock.fence, lock.holder, force["reason"])
            out.append(Send("LK05", body, system=order.sender))
        self._free(order, now, out)
        return Reaction(answer=self._unlocked(order, "unlocked"), sends=out)

    def _unlocked(self, order: Order, outcome: str) -> Body:
        return {"service_order_id": order.id, "outcome": outcome, "state": order.state}

    def hold_over(self, order: Order, cutover_id: str, until: int, now: int, out: list[Send]) -> None:
        """A cutover locks the order until ``until`` (LK05), unless it is closed or locked already."""
        if order.closed or order.locked:
            return
        order.lock = order.lock or Lock()
        claim = Claim(cutover_id, until, True, {"text": f"割接锁单 {cutover_id}"})
        self._hold(order, claim, now, out)
        body = results.lock_report(order, "cutover", order.lock.fence, claim, claim.reason)
        out.append(Send("LK05", body | {"cutover_id": cutover_id}, system=order.sender))

    def let_go(self, order: Order, cutover_id: str, now: int, out: list[Send]) -> None:
        """The cutover is over: the lock it holds ends as if its lease were over."""
        lock = order.lock
        if lock is not None and lock.holder is not None and lock.holder.owner == cutover_id:
            self.due(order, Task("lease", order.id, order.epoch, lock.holder.until), now, out)

    def due(self, order: Order, task: Task, now: int, out: list[Send]) -> None:
        """The lease is over: LK05, and the next in the queue holds the lock."""
        lock = order.lock
        if lock is None or lock.holder is None or lock.holder.until != task.at:
            return
        out.append(Send("LK05", results.lock_report(order, "expired", lock.fence, lock.holder), system=order.sender))
        self._free(order, now, out)

    def _free(self, order: Order, now: int, out: list[Send]) -> None:
        lock = order.lock
        assert lock is not None
        before, waiting = lock.holder, [claim for claim in lock.queue if claim.until > now]
        lock.queue = waiting[1:]
        if waiting:
            self._hold(order, waiting[0], now, out)
            out.append(Send("LK05", results.lock_report(order, "granted", lock.fence, waiting[0]), system=order.sender))
            return
        lock.holder = None
        if before is not None and before.keep:
            out.append(self._resume_expiry(order))
        self._floor.deferring.look(order, now, out)
        self._floor.flow.thaw(order, now, out)
        self._floor.closing.go_back(order, now, out)

    @staticmethod
    def _resume_expiry(order: Order) -> Send:
        """LK04: the expiry of what the order holds runs on."""
        return Send("LK04", order.head() | {"mode": "resume"}, role="RM")
