"""The reservation ledger (spec 5.3, 04.7): who holds what, until when, and what became of it.

Every entry's holds are held, consumed, released or expired, and those four always add up to what was created (06.4
invariant 13).  An assignment to an order is an entry like any other: kind ORDER, owned by the order, without expiry.
Fences grow over the whole ledger, so a later token is always the greater one.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Literal

from simulators.agenda import Agenda
from simulators.archive import Archive
from simulators.rm.plant import Plant, Resource
from simulators.rm.states import FREE, ORDER_RESERVED, states

HoldState = Literal["held", "consumed", "released", "expired"]
MOVE_OF_KIND = {"PICK": "pick", "ADVANCE": "reserve_advance", "ORDER": "reserve_order"}
"""Which move of the state table a kind of reservation makes, weakest first."""
KINDS = tuple(MOVE_OF_KIND)


class Refused(Exception):
    """The ledger says no: ``symbol`` names a row of the result-code table, ``state`` what was met. Nothing changed."""

    def __init__(self, symbol: str, state: str | None = None) -> None:
        super().__init__(symbol if state is None else f"{symbol} ({state})")
        self.symbol = symbol
        self.state = state


@dataclass(slots=True)
class Hold:
    """One resource of an entry. ``item`` is the reservation's item_no or the order's item_id; ``origin`` the reservation and
    its item a hold came from when an order took it over."""

    resource: Resource
    item: str
    state: HoldState = "held"
    origin: tuple[str, str] | None = None


@dataclass(slots=True, weakref_slot=True)
class Reservation:
    """One entry. ``expires_at`` ms or None (no expiry); ``left``: ms of its time that remain while a lock stops it;
    ``request`` what was asked, to tell a repeat from another one; ``lent``: the holds orders took over, whatever became of
    them; ``offer``: it holds what was offered to somebody on the waiting list; ``channel`` it was reserved through."""

    id: str
    kind: str
    owner: str
    area: str
    request: object = None
    order: str | None = None
    created: int = 0
    expires_at: int | None = None
    left: int | None = None
    extended: int = 0
    fence: int = 0
    closed: bool = False
    offer: bool = False
    channel: str = ""
    holds: list[Hold] = field(default_factory=list)
    lent: list[Hold] = field(default_factory=list)

    @property
    def used(self) -> bool:
        """Whether something it held is in use."""
        return any(hold.state == "consumed" for hold in (*self.holds, *self.lent))

    def held(self) -> list[Hold]:
        """The holds still held."""
        return [hold for hold in self.holds if hold.state == "held"]


class Ledger:
    """All entries, by id; expiry by due time."""

    def __init__(self, plant: Plant) -> None:
        self.plant = plant
        self.entries: Archive[Reservation] = Archive(_packed, self._unpacked, mutable=True, over=_over)
        self.counts: dict[HoldState, int] = {"held": 0, "consumed": 0, "released": 0, "expired": 0}
        self.created = 0
        self._fence = 0
        self._by_order: Archive[tuple[str, ...]] = Archive(list, lambda _, names: tuple(names))
        self._takers: dict[str, dict[str, None]] = {}
        self._brought: dict[str, dict[str, None]] = {}
        self._due: Agenda[tuple[str, int]] = Agenda()
        self._due_bound = _DUE_LEAST

    def open(self, entry: Reservation) -> Reservation:
        """Enter a new reservation under the next fence."""
        entry.fence = self.next_fence()
        self.entries[entry.id] = entry
        if entry.order is not None:
            self._by_order[entry.order] = (*self._by_order.get(entry.order, ()), entry.id)
        self._schedule(entry)
        return entry

    def of_order(self, order: str) -> list[Reservation]:
        """Every entry made for an order, oldest first."""
        return [self.entries[name] for name in self._by_order.get(order, ())]

    def set_expiry(self, entry: Reservation, at: int) -> None:
        """The entry lasts until ``at`` (ms)."""
        entry.expires_at, entry.left = at, None
        self._schedule(entry)

    def stop_expiry(self, entry: Reservation, now: int) -> None:
        """The entry's time stands still (LK03); again changes nothing."""
        if entry.expires_at is not None:
            entry.left, entry.expires_at = entry.expires_at - now, None

    def run_expiry(self, entry: Reservation, now: int) -> None:
        """The entry's time runs on from where it stood still (LK04), unless an order under way has brought it."""
        if entry.left is not None and not self.passed_on(entry):
            self.set_expiry(entry, now + entry.left)

    def pass_on(self, entry: Reservation, order: str, now: int) -> None:
        """An order brings the reservation: it is provisioning's, without expiry while the order is open (5.3)."""
        self._takers.setdefault(entry.id, {})[order] = None
        self._brought.setdefault(order, {})[entry.id] = None
        self.stop_expiry(entry, now)

    def passed_on(self, entry: Reservation) -> bool:
        """Whether an order under way has brought it: it is not its owner's."""
        return entry.id in self._takers

    def brought_by(self, order: str) -> list[Reservation]:
        """The reservations an order under way has brought."""
        return [self.entries[name] for name in self._brought.get(order, ())]

    def come_back(self, entry: Reservation, order: str, now: int) -> None:
        """The order needs the reservation no more; where no other does, its time runs on."""
        takers, brought = self._takers[entry.id], self._brought[order]
        del takers[order], brought[entry.id]
        if not brought:
            del self._brought[order]
        if not takers:
            del self._takers[entry.id]
            self.run_expiry(entry, now)

    def next_fence(self) -> int:
        """A token greater than every one before."""
        self._fence += 1
        return self._fence

    def take(self, entry: Reservation, resource: Resource, item: str, now: int) -> Hold:
        """Hold ``resource`` for ``entry``. Raises Refused: held by another 3012, not free 3009."""
        if resource.reservation is not None:
            raise Refused("RESOURCE_HELD", resource.state)
        if resource.state != FREE:
            raise Refused("RESOURCE_UNAVAILABLE", resource.state)
        self.plant.move(resource, MOVE_OF_KIND[entry.kind], now, resource.version)
        resource.reservation, resource.order = entry.id, entry.order
        hold = Hold(resource, item)
        entry.holds.append(hold)
        entry.closed = False
        self.counts["held"] += 1
        self.created += 1
        return hold

    def end(self, entry: Reservation, hold: Hold, state: HoldState, now: int) -> None:
        """A hold ends: consumed (the resource is in use now), released or expired (it is free again)."""
        self.plant.move(hold.resource, "archive" if state == "consumed" else states().undo_of(hold.resource.state), now)
        hold.state = state
        hold.resource.reservation = None
        self.counts["held"] -= 1
        self.counts[state] += 1
        if not entry.held():
            entry.closed = True

    def adopt(self, entry: Reservation, hold: Hold, into: Reservation, item: str, now: int) -> Hold:
        """A hold of a reservation passes to an order's entry: it is order-reserved from now on, without expiry."""
        if hold.resource.state != ORDER_RESERVED:
            self.plant.move(hold.resource, MOVE_OF_KIND["ORDER"], now)
        entry.holds.remove(hold)
        entry.lent.append(hold)
        entry.closed = not entry.held()
        hold.origin, hold.item = (entry.id, hold.item), item
        hold.resource.reservation, hold.resource.order = into.id, into.order
        into.holds.append(hold)
        into.closed = False
        return hold

    def hand_back(self, entry: Reservation, hold: Hold) -> Reservation:
        """An adopted hold goes back to the reservation it came from (5.3: on RETURNED), and that is returned. Its fence stays:
        nobody tells its owner another one."""
        assert hold.origin is not None
        origin, item = self.entries[hold.origin[0]], hold.origin[1]
        entry.holds.remove(hold)
        if not entry.held():
            entry.closed = True
        origin.lent.remove(hold)
        hold.origin, hold.item = None, item
        self.plant.serve(hold.resource, None)
        hold.resource.reservation, hold.resource.order = origin.id, origin.order
        origin.holds.append(hold)
        origin.closed, origin.kind = False, "ORDER"
        return origin

    def take_back(self, hold: Hold, now: int) -> Reservation:
        """As ``hand_back``, of a resource an adopted hold had taken into use, which is free: held once more, as a new hold."""
        assert hold.origin is not None
        origin, item = self.entries[hold.origin[0]], hold.origin[1]
        origin.lent.remove(hold)
        origin.kind, hold.origin = "ORDER", None
        self.take(origin, hold.resource, item, now)
        return origin

    def owned(self, reservation_id: str, owner: str) -> Reservation:
        """The entry, if this system has it. Raises Refused 3011, 2002."""
        entry = self.entries.get(reservation_id)
        if entry is None:
            raise Refused("RESERVATION_UNKNOWN")
        if entry.owner != owner:
            raise Refused("NOT_PERMITTED")
        return entry

    def check(self, reservation_id: str, owner: str, fence: int | None) -> Reservation:
        """The entry, if this system may touch it with this fence. Raises Refused 3011, 2002, 3015."""
        entry = self.owned(reservation_id, owner)
        if fence is not None and fence < entry.fence:
            raise Refused("STALE_VERSION", str(entry.fence))
        return entry

    def extend(self, entry: Reservation, kind: str, until: int, most: int, now: int) -> None:
        """Later expiry, perhaps a stronger kind, a new fence; under a lock the time left grows. Raises Refused 3025, 3004 (a
        weaker kind)."""
        if KINDS.index(kind) < KINDS.index(entry.kind):
            raise Refused("STATE_CONFLICT", entry.kind)
        if entry.extended >= most:
            raise Refused("EXTENSION_LIMIT")
        if kind != entry.kind:
            for hold in entry.held():
                self.plant.move(hold.resource, MOVE_OF_KIND[kind], now)
        entry.kind, entry.fence, stopped = kind, self.next_fence(), entry.left is not None
        entry.extended += 1
        self.set_expiry(entry, until)
        if stopped:
            self.stop_expiry(entry, now)

    def next_due(self) -> int | None:
        """When the next entry may expire (ms)."""
        return self._due.next()

    def expire(self, now: int) -> list[tuple[Reservation, list[Resource]]]:
        """End what is due: entries with the resources they lost, in order of due time."""
        ended = []
        for reservation_id, at in self._due.take(now):
            entry = self.entries[reservation_id]
            if entry.closed or entry.expires_at != at:
                continue
            lost = [hold.resource for hold in entry.held()]
            for hold in entry.held():
                self.end(entry, hold, "expired", now)
            entry.closed = True
            entry.fence = self.next_fence()
            ended.append((entry, lost))
        return ended

    def settle(self) -> None:
        """See ``Archive``; expiries that concern nothing any more are forgotten when they are most of all."""
        self.entries.settle()
        self._by_order.settle()
        if len(self._due) > self._due_bound:
            self._due.keep(self._expires)
            self._due_bound = max(_DUE_LEAST, 2 * len(self._due))

    def inspect(self) -> dict[str, Any]:
        """Every entry with what it holds, for the auditor: read as it is packed, for looking up all resources takes long."""
        return {
            name: {
                "owner": row["owner"],
                "order": row.get("order"),
                "closed": row.get("closed", False),
                "expires_at": row.get("expires_at"),
                "holds": [(resource, state) for resource, _, state, _ in row["holds"]],
            }
            for name, row in self.entries.rows()
        }

    def _expires(self, due: tuple[str, int]) -> bool:
        """Whether an expiry may still come to pass: what is packed is over, and is scheduled anew when it is not any more."""
        entry = self.entries.unpacked(due[0])
        return entry is not None and not entry.closed and entry.expires_at == due[1]

    def _unpacked(self, name: str, row: dict[str, Any]) -> Reservation:
        """See ``_packed``."""
        holds = {which: [self._hold(*hold) for hold in row[which]] for which in _HOLDS}
        return Reservation(name, **(row | holds))

    def _hold(self, resource: str, item: str, state: HoldState, origin: list[str] | None) -> Hold:
        return Hold(self.plant.resources[resource], item, state, None if origin is None else (origin[0], origin[1]))

    def _schedule(self, entry: Reservation) -> None:
        if entry.expires_at is not None:
            self._due.add(entry.expires_at, (entry.id, entry.expires_at))


_DUE_LEAST = 5000
_HOLDS = ("holds", "lent")


def _over(entry: Reservation) -> bool:
    """Whether no hold of it changes any more; so it does no harm that a hold which was lent is told of twice."""
    return entry.closed and not any(hold.state == "held" for hold in (*entry.holds, *entry.lent))


def _packed(entry: Reservation) -> dict[str, Any]:
    """What of it differs from a new one."""
    kept: dict[str, Any] = {}
    for one in fields(entry):
        value = getattr(entry, one.name)
        if one.name not in ("id", *_HOLDS) and value != one.default:
            kept[one.name] = value
    for which in _HOLDS:
        kept[which] = [(hold.resource.id, hold.item, hold.state, hold.origin) for hold in getattr(entry, which)]
    return kept
