"""The waiting list for scarce resources (spec 5.8, 5.9, 04.7): PI02, PI03, PA01.

One queue per area, resource type and selection rule; a queue is served by priority (9 first), then age, then number.
Whatever becomes free (given back, thawed, repaired, taken into service) goes to the best of all queues it fits and is held
for it in the ledger; when the head has all it needs, that is offered to it until the offer expires.  Then the entry is over
(its owner hears RR04 and may register again with its old age) and the next has its turn.  A resource is taken by the ledger's
compare-and-set only, so two waiters never get one.

Queues are sorted lists with the head at the end: the next offer costs a comparison a queue, a position one bisection.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, field
from typing import Any

from adapters.wire.times import from_wire_time
from simulators.rm.ledger import Ledger, Refused, Reservation
from simulators.rm.plant import Plant, Resource
from simulators.rm.states import FREE

Rank = tuple[int, int, int]
QueueKey = tuple[str, str, str | None, str | None, str | None]
"""Area, type, bureau, pattern, device."""


@dataclass(slots=True, eq=False)
class Waiter:
    """One entry. ``rank`` grows with precedence; ``reservation`` holds what came free for it (an offer once complete)."""

    no: str
    order: str
    item: str
    version: int
    owner: str
    area: str
    need: dict[str, Any]
    rank: Rank
    request: object
    queue: QueueKey
    state: str = "waiting"
    reservation: Reservation | None = None

    def in_force(self) -> bool:
        """Whether it waits, or holds an offer nobody has used, given back or let expire."""
        offered = self.state == "offered" and self.reservation is not None and bool(self.reservation.held())
        return self.state == "waiting" or offered


@dataclass(slots=True)
class _Queue:
    """Ranks in order, head last, and whose they are."""

    ranks: list[Rank] = field(default_factory=list)
    waiters: dict[Rank, Waiter] = field(default_factory=dict)


class WaitingList:
    """All queues. ``offer_ms``: how long an offer is held."""

    def __init__(self, plant: Plant, ledger: Ledger, offer_ms: int) -> None:
        self.plant = plant
        self.ledger = ledger
        self.waiters: dict[str, Waiter] = {}
        self._offer_ms = offer_ms
        self._queues: dict[tuple[str, str], dict[QueueKey, _Queue]] = {}
        self._by_item: dict[tuple[str, str], Waiter] = {}
        self._collecting: dict[str, Waiter] = {}
        self._offers = 0

    def __len__(self) -> int:
        return sum(len(queue.ranks) for queues in self._queues.values() for queue in queues.values())

    def register(self, body: dict[str, Any], owner: str) -> tuple[Waiter, bool]:
        """PI02: the entry, and whether it was there already. What is free for it is put up; ``serve`` hands it out.

        Raises Refused: another need under the same key 1009, no instant 3013, not covered 3022, an older version 3015.
        """
        area, need = body["area"], body["need"]
        if need["res_type"] not in self.plant.types or not self.plant.covers(area):
            raise Refused("ADDRESS_NOT_COVERED")
        known = self._by_item.get((body["service_order_id"], body["item_id"]))
        request = [need, body["priority"], body["since"]]
        if known is not None and body["version"] < known.version:
            raise Refused("STALE_VERSION", str(known.version))
        if known is not None and known.in_force():
            if body["version"] == known.version and known.request == request and known.owner == owner:
                return known, True
            raise Refused("SERIAL_REUSED", known.state)
        try:
            since = from_wire_time(body["since"])
        except ValueError:
            raise Refused("DATE_INVALID") from None
        waiter = self._enter(body, owner, since, request)
        self._look_for(waiter)
        return waiter, False

    def position(self, waiter: Waiter) -> int:
        """Its place in its queue, 1 = head (or no longer queueing: served)."""
        queue = self._queues[waiter.area, waiter.need["res_type"]][waiter.queue]
        place = bisect_left(queue.ranks, waiter.rank)
        return max(1, len(queue.ranks) - place)

    def leave(self, no: str, owner: str, now: int) -> list[Resource] | None:
        """PI03: what it gave back, or None where it did not wait any more. Raises Refused: not its owner 2002."""
        waiter = self.waiters.get(no)
        if waiter is None:
            return None
        if waiter.owner != owner:
            raise Refused("NOT_PERMITTED")
        if not waiter.in_force():
            return None
        if waiter.state == "waiting":
            self._dequeue(waiter)
        waiter.state = "left"
        return self._give_back(waiter, now)

    def serve(self, now: int) -> list[Waiter]:
        """Hold what became free for those who wait best for it; who has all it needs now, in order."""
        offered = []
        while freed := self.plant.take_freed():
            for resource in freed:
                waiter = self._best(resource) if resource.state == FREE else None
                if waiter is None:
                    continue
                if self._hold(waiter, resource, now):
                    offered.append(waiter)
                else:
                    self._claim(waiter, now)
        return offered

    def _enter(self, body: dict[str, Any], owner: str, since: int, request: object) -> Waiter:
        area, need = body["area"], body["need"]
        rule = need.get("rule", {})
        bureau = self.plant.bureau_of(area, need["res_type"], rule)
        number = len(self.waiters) + 1
        waiter = Waiter(
            no=f"WT{area}{number:010d}",
            order=body["service_order_id"],
            item=body["item_id"],
            version=body["version"],
            owner=owner,
            area=area,
            need=need,
            rank=(body["priority"], -since, -number),
            request=request,
            queue=(area, need["res_type"], bureau, rule.get("pattern"), rule.get("device")),
        )
        self.waiters[waiter.no] = self._by_item[waiter.order, waiter.item] = waiter
        queue = self._queues.setdefault((area, need["res_type"]), {}).setdefault(waiter.queue, _Queue())
        insort(queue.ranks, waiter.rank)
        queue.waiters[waiter.rank] = waiter
        return waiter

    def _look_for(self, waiter: Waiter) -> None:
        """Free ones are only there where nobody has waited for them before; also those held for a lesser one count."""
        queue = self._queues[waiter.area, waiter.need["res_type"]][waiter.queue]
        if queue.ranks[-1] == waiter.rank:
            found = self.plant.choose(waiter.area, waiter.need["res_type"], waiter.need["quantity"], waiter.need.get("rule"))
            self.plant.put_up(found)

    def _best(self, resource: Resource) -> Waiter | None:
        """The head of the queues that ``resource`` fits."""
        best: Waiter | None = None
        for queue in self._queues.get((resource.area, resource.type), {}).values():
            if not queue.ranks or (best is not None and queue.ranks[-1] < best.rank):
                continue
            head = queue.waiters[queue.ranks[-1]]
            if self.plant.fits(resource, head.area, resource.type, head.need.get("rule", {})):
                best = head
        return best

    def _hold(self, waiter: Waiter, resource: Resource, now: int) -> bool:
        """Hold it for the waiter; whether that completes what it needs."""
        if waiter.reservation is None:
            self._offers += 1
            name = f"OF{waiter.area}{self._offers:010d}"
            entry = Reservation(name, "ORDER", waiter.owner, waiter.area, order=waiter.order, created=now, offer=True)
            waiter.reservation = self.ledger.open(entry)
            self._collecting[waiter.no] = waiter
        self.ledger.take(waiter.reservation, resource, waiter.item, now)
        if len(waiter.reservation.held()) < waiter.need["quantity"]:
            return False
        self._dequeue(waiter)
        waiter.state = "offered"
        self.ledger.set_expiry(waiter.reservation, now + self._offer_ms)
        return True

    def _claim(self, waiter: Waiter, now: int) -> None:
        """Who needs more takes what lesser ones collect, so that no two wait for each other."""
        for other in list(self._collecting.values()):
            entry = other.reservation
            if other.rank >= waiter.rank or entry is None:
                continue
            for hold in entry.held():
                if self.plant.fits(hold.resource, waiter.area, waiter.need["res_type"], waiter.need.get("rule", {})):
                    self.ledger.end(entry, hold, "released", now)

    def _dequeue(self, waiter: Waiter) -> None:
        queue = self._queues[waiter.area, waiter.need["res_type"]][waiter.queue]
        del queue.ranks[bisect_left(queue.ranks, waiter.rank)]
        del queue.waiters[waiter.rank]
        self._collecting.pop(waiter.no, None)

    def _give_back(self, waiter: Waiter, now: int) -> list[Resource]:
        if waiter.reservation is None:
            return []
        held = waiter.reservation.held()
        for hold in held:
            self.ledger.end(waiter.reservation, hold, "released", now)
        return [hold.resource for hold in held]
