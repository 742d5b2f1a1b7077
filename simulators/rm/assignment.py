"""Assignment, its undo and archive for the items of an order (OH03, OH05, OH06; spec 5.4, 03 resource states).

What an action does to resources is a row of ``plant.toml``: it takes new ones, gives the instance's own (预释放 until the
archive), both, or nothing.  An order's new resources stand in one ledger entry under the order's id; what it gives stands here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from simulators.archive import Archive
from simulators.installed import Installed
from simulators.rm.ledger import Hold, Ledger, Refused, Reservation
from simulators.rm.plant import Plant, Resource
from simulators.rm.states import IN_USE, ORDER_RESERVED, PRE_RELEASED

Fresh = Callable[[Reservation], int]
"""How long (ms) a reservation lasts that comes back to its owner."""
SIDE = "SIDE"
"""Attribute by which the two items of a relocation tell which end they are: ``in`` or ``out`` (5.4 rule 6)."""
_GIVE = "give"
RETURNED = "10R"
"""Reason type by which PF says that the order goes back to the CRM, and what the CRM had reserved with it."""


@dataclass(slots=True)
class ItemAssignment:
    """What one item has been given in which version and gives back; ``effects`` are those of its action, ``released``: what it
    gave back is free."""

    item_id: str
    instance: str
    effects: tuple[str, ...] = ()
    version: int = 1
    given: list[Resource] = field(default_factory=list)
    released: bool = False
    undone: bool = False

    @property
    def gives(self) -> bool:
        """Whether its action frees what its instance has been using."""
        return bool(self.given) or any(effect.startswith(_GIVE) for effect in self.effects)


class Items(dict[str, ItemAssignment]):
    """An order's assignments by item."""

    __slots__ = ("__weakref__",)


class Shortage(Exception):
    """Nothing was assigned to the item: reason row as ``Reason``, result code symbol."""

    def __init__(self, reason: dict[str, str], symbol: str = "RESOURCE_UNAVAILABLE") -> None:
        super().__init__(reason["text"])
        self.reason = reason
        self.symbol = symbol


class Assignments:
    """Assignments by order. All or nothing per item."""

    def __init__(self, plant: Plant, ledger: Ledger) -> None:
        self.plant = plant
        self.ledger = ledger
        self.orders: Archive[Items] = Archive(_packed, self._unpacked, mutable=True)
        self._closed, self._newest, self._dispatched = versions = _versions(), _versions(), _versions()
        self._archives: tuple[Archive[Items] | Archive[int], ...] = (self.orders, *versions)
        self._effects: dict[str, list[str]] = plant.table["effects"]
        self._moves_along = frozenset(plant.table["moves_along"])

    def install(self, row: Installed) -> None:
        """Put resources into use for an instance that was in service before the first order."""
        for res_type in row.res_types:
            for resource in self.plant.choose(row.area, res_type, 1):
                self.plant.move(resource, "reserve_order", row.since)
                self.plant.move(resource, "archive", row.since)
                self.plant.serve(resource, row.product_instance_id)

    def settle(self) -> None:
        """See ``Archive``."""
        for archive in self._archives:
            archive.settle()

    def _unpacked(self, _: str, rows: list[list[Any]]) -> Items:
        """See ``_packed``."""
        items = Items()
        for name, instance, effects, version, given, *ends in rows:
            resources = [self.plant.resources[one] for one in given]
            items[name] = ItemAssignment(name, instance, tuple(effects), version, resources, *ends)
        return items

    def close(self, order: str, version: int) -> None:
        """The whole order is undone: a late OH03 of this version or an older one meets a closed door (3010)."""
        self._closed[order] = max(version, self._closed.get(order, 0))

    def meet(self, order: str, version: int) -> None:
        """A message about this version of an order. Raises Refused: a newer one was met before (3015)."""
        newest = self._newest.get(order, 0)
        if version < newest:
            raise Refused("STALE_VERSION", str(newest))
        self._newest[order] = version

    def check_version(self, order: str, version: int) -> None:
        """Raises Refused: a newer dispatch of the order was met (3015). Changes do not count: PF may give one up again."""
        newest = self._dispatched.get(order, 0)
        if version < newest:
            raise Refused("STALE_VERSION", str(newest))

    def check_open(self, order: str, version: int) -> None:
        """Raises Refused: the order was undone in this version or a later one (3010)."""
        if version <= self._closed.get(order, 0):
            raise Refused("HOLD_EXPIRED")

    def assign(self, body: dict[str, Any], item: dict[str, Any], owner: str, now: int) -> list[Resource]:
        """Assign what ``item`` of an OH03 needs; a repeat returns what it has. Raises Shortage, Refused 3002, 3004 (in use by
        an earlier version), 3009, 3010, 3011, 3012, 3020, 3022."""
        order, area, version = body["service_order_id"], body["area"], body["version"]
        self.check_open(order, version)
        items = self.orders.get(order)
        if items is None:
            items = self.orders[order] = Items()
        known = items.get(item["item_id"])
        if known is not None and not known.undone:
            if version > known.version and self._in_use(order, item["item_id"]):
                raise Refused("STATE_CONFLICT", IN_USE)
            return self.held_by(order, item["item_id"])
        for table in (self._newest, self._dispatched):
            table[order] = max(version, table.get(order, 0))
        self._check_place(item, area)
        entry = self._entry(order, area, owner, now)
        effects = tuple(self._effects.get(_effect_name(item), ()))
        if any(effect.startswith(_GIVE) for effect in effects) and not self.plant.serving(item["product_instance_id"]):
            raise Refused("INSTANCE_UNKNOWN")
        needs = item.get("needs", [])
        if "take" in effects and needs:
            self.take(entry, area, item, body.get("reservations", []), now)
        assignment = ItemAssignment(item["item_id"], item["product_instance_id"], effects, version)
        items[item["item_id"]] = assignment
        taken = self.held_by(order, item["item_id"])
        for resource in taken:
            self.plant.serve(resource, assignment.instance)
        self.give(assignment, needs, order, now)
        return taken

    def held_by(self, order: str, item_id: str) -> list[Resource]:
        """The resources an item of an order holds or has taken into use."""
        entry = self.ledger.entries.get(order)
        if entry is None:
            return []
        return [hold.resource for hold in self.holds_of(entry, item_id)]

    def holds_of(self, entry: Reservation, item_id: str) -> list[Hold]:
        """Holds of an item whose resources are still its own: reserved for it or in use by it."""
        return [
            hold
            for hold in entry.holds
            if hold.item == item_id
            and hold.state in ("held", "consumed")
            and hold.resource.state in (ORDER_RESERVED, IN_USE)
            and hold.resource.order == entry.order
        ]

    def why_not_undo(self, order: str, item_id: str) -> str | None:
        """The symbol an undo of the item is refused with, or None: what it freed is free (3009), or what it took into use a
        later order gives back already (3004)."""
        assignment = self.orders.get(order, Items()).get(item_id)
        if assignment is None or assignment.undone:
            return None
        if assignment.released:
            return "RESOURCE_UNAVAILABLE"
        going = [hold.resource for hold in self._consumed(order, item_id) if hold.resource.state == PRE_RELEASED]
        return "STATE_CONFLICT" if any(resource not in assignment.given for resource in going) else None

    def undo(self, order: str, item_ids: Iterable[str], fresh: Fresh | None, now: int) -> dict[str, list[Resource]]:
        """Undo the assignment of items: new ones freed, given ones in use again. ``fresh``: the order goes back to the CRM, and
        what was reserved with it to its owner, for so long.

        Idempotent: an item with nothing to undo has no resources in the result.
        """
        done: dict[str, list[Resource]] = {}
        entry = self.ledger.entries.get(order)
        for item_id in item_ids:
            assignment = self.orders.get(order, Items()).get(item_id)
            if assignment is None or assignment.undone:
                continue
            assignment.undone = True
            done[item_id] = [] if entry is None else self._undo_holds(entry, item_id, fresh, now)
            for resource in assignment.given:
                if resource.state == PRE_RELEASED:
                    self.plant.move(resource, "archive" if resource.order == order else "cancelled", now)
                    done[item_id].append(resource)
            assignment.given.clear()
        self._settle(order, now)
        return done

    def end(self, order: str, fresh: Fresh | None, now: int) -> None:
        """All of the order is to be undone: what it brought and did not use is its owner's again for a fresh time where the
        order goes back to the CRM, else free (5.3). What another order has brought as well stays with that."""
        for entry in self.ledger.brought_by(order):
            self.ledger.come_back(entry, order, now)
            if self.ledger.passed_on(entry):
                continue
            held = entry.held()
            if fresh is not None and held:
                self._last(entry, fresh, now)
            for hold in () if fresh is not None else held:
                self.ledger.end(entry, hold, "released", now)

    def _last(self, entry: Reservation, fresh: Fresh, now: int) -> None:
        """The reservation lasts afresh from now on; its time stands still while an order under way has it."""
        self.ledger.set_expiry(entry, now + fresh(entry))
        if self.ledger.passed_on(entry):
            self.ledger.stop_expiry(entry, now)

    def _settle(self, order: str, now: int) -> None:
        """When nothing the order brought is held for it any more, what it left runs on."""
        entry = self.ledger.entries.get(order)
        if entry is not None and not entry.held():
            for brought in self.ledger.brought_by(order):
                self.ledger.come_back(brought, order, now)

    def use(self, order: str, item_id: str, now: int) -> list[Resource]:
        """预占 → 占用 of all an item holds; a repeat changes nothing. Raises Refused: nothing was assigned (3009)."""
        assignment = self._assigned(order, item_id)
        entry = self.ledger.entries[order]
        for hold in [hold for hold in entry.held() if hold.item == item_id]:
            self.ledger.end(entry, hold, "consumed", now)
            self.plant.serve(hold.resource, assignment.instance)
        self._settle(order, now)
        return self.held_by(order, item_id)

    def release(self, order: str, item_id: str, now: int) -> tuple[list[Resource], list[Resource]]:
        """预释放 → 空闲, numbers into quarantine: what is free now, and what waits frozen. A repeat changes nothing. Raises
        Refused: nothing was assigned (3009), or the item gives nothing back, what it has is in use (3004)."""
        assignment = self._assigned(order, item_id)
        if not assignment.gives:
            raise Refused("STATE_CONFLICT", IN_USE)
        assignment.released = True
        freed: list[Resource] = []
        frozen: list[Resource] = []
        for resource in assignment.given:
            if resource.state != PRE_RELEASED:
                continue
            rests = self.plant.types[resource.type].quarantine_days > 0
            self.plant.move(resource, "archive_quarantine" if rests else "archive", now)
            self.plant.serve(resource, None)
            (frozen if rests else freed).append(resource)
        return freed, frozen

    def _assigned(self, order: str, item_id: str) -> ItemAssignment:
        assignment = self.orders.get(order, Items()).get(item_id)
        if assignment is None or assignment.undone:
            raise Refused("RESOURCE_UNAVAILABLE")
        return assignment

    def _consumed(self, order: str, item_id: str) -> list[Hold]:
        entry = self.ledger.entries.get(order)
        holds = entry.holds if entry is not None else ()
        return [hold for hold in holds if (hold.item, hold.state, hold.resource.order) == (item_id, "consumed", order)]

    def _in_use(self, order: str, item_id: str) -> bool:
        return any(hold.resource.state == IN_USE for hold in self._consumed(order, item_id))

    def _check_place(self, item: dict[str, Any], area: str) -> None:
        """Raises Refused: an end of the item lies where the plant is not (3022)."""
        for name in ("a_end", "z_end"):
            if not self.plant.covers(item.get(name, {}).get("area", area)):
                raise Refused("ADDRESS_NOT_COVERED")

    def _entry(self, order: str, area: str, owner: str, now: int) -> Reservation:
        entry = self.ledger.entries.get(order)
        if entry is None:
            entry = self.ledger.open(Reservation(order, "ORDER", owner, area, order=order, created=now))
        elif entry.owner != owner:
            raise Refused("NOT_PERMITTED")
        return entry

    def take(self, entry: Reservation, area: str, item: dict[str, Any], reservations: list[str], now: int) -> None:
        """Hold what each need asks for: first what reservations of the order hold, then free ones. All or nothing."""
        self._pass_on(entry, reservations, now)
        taken: list[Hold] = []
        try:
            for need in item["needs"]:
                for _ in range(need["quantity"] - self._adopt(entry, need, item["item_id"], reservations, now, taken)):
                    resource = self._one(area, need, item)
                    taken.append(self.ledger.take(entry, resource, item["item_id"], now))
                    self.plant.serve(resource, item["product_instance_id"])
        except (Shortage, Refused):
            for hold in reversed(taken):
                self._let_go(entry, hold, now)
            raise

    def _pass_on(self, entry: Reservation, reservations: list[str], now: int) -> None:
        """What the order brings is its own while it is open. Raises Refused 3010, 3011."""
        found = [self.ledger.entries.get(name) for name in reservations]
        for source in found:
            if source is None:
                raise Refused("RESERVATION_UNKNOWN")
            if source.closed and not source.lent:
                raise Refused("HOLD_EXPIRED")
        for source in found:
            if source is not None and entry.order is not None and not source.offer:
                self.ledger.pass_on(source, entry.order, now)

    def _adopt(
        self, entry: Reservation, need: dict[str, Any], item_id: str, reservations: list[str], now: int, taken: list[Hold]
    ) -> int:
        adopted = 0
        for reservation_id in reservations:
            source = self.ledger.entries[reservation_id]
            for hold in source.held():
                if adopted < need["quantity"] and hold.resource.type == need["res_type"]:
                    taken.append(self.ledger.adopt(source, hold, entry, item_id, now))
                    adopted += 1
        return adopted

    def _one(self, area: str, need: dict[str, Any], item: dict[str, Any]) -> Resource:
        """One free resource for a need: the very number asked for where the plant has it, else any that fits."""
        row = self.plant.types.get(need["res_type"])
        if row is None:
            raise Refused("ATTRIBUTE_INVALID")
        wanted = item.get("access_number") if need["role"] == row.role == "number" else None
        named = self.plant.by_code(area, row.code, wanted) if wanted else None
        if named is not None:
            return named
        chosen = self.plant.choose(area, row.code, 1, need.get("rule"))
        if not chosen:
            raise Shortage(row.shortage)
        return chosen[0]

    def _let_go(self, entry: Reservation, hold: Hold, now: int) -> None:
        """Undo one hold of a half-made assignment: as if it had never been."""
        if hold.origin is not None:
            self.ledger.hand_back(entry, hold)
        else:
            self.ledger.end(entry, hold, "released", now)

    def _undo_holds(self, entry: Reservation, item_id: str, fresh: Fresh | None, now: int) -> list[Resource]:
        touched = []
        for hold in [hold for hold in entry.holds if hold.item == item_id]:
            lent = hold.origin is not None and not self.ledger.entries[hold.origin[0]].offer
            if hold.state == "held" and lent and fresh is not None:
                self._last(self.ledger.hand_back(entry, hold), fresh, now)
            elif hold.state == "held":
                self.ledger.end(entry, hold, "released", now)
            elif hold.state == "consumed" and hold.resource.state == IN_USE and hold.resource.order == entry.order:
                self.plant.move(hold.resource, "pre_release", now)
                self.plant.move(hold.resource, "archive", now)
                if lent and fresh is not None:
                    self._last(self.ledger.take_back(hold, now), fresh, now)
            else:
                continue
            touched.append(hold.resource)
        return touched

    def given_types(self, assignment: ItemAssignment, needs: list[dict[str, Any]]) -> frozenset[str]:
        """Types of the instance's own resources that its action gives back when ``needs`` are asked for."""
        everything = frozenset(self.plant.types)
        kinds = {
            "give": everything,
            "give_same_type": frozenset(need["res_type"] for need in needs),
            "give_old_site": everything - self._moves_along,
        }
        return frozenset().union(*(kinds.get(effect, ()) for effect in assignment.effects))

    def give(self, assignment: ItemAssignment, needs: list[dict[str, Any]], order: str, now: int) -> None:
        """占用 → 预释放 of what the item's action gives back."""
        types = self.given_types(assignment, needs)
        for resource in self.plant.serving(assignment.instance) if types else ():
            if resource.type in types and resource.order != order and resource.state == IN_USE:
                self.plant.move(resource, "pre_release", now)
                assignment.given.append(resource)


def _versions() -> Archive[int]:
    return Archive(int, lambda _, version: int(version))


def _packed(items: Items) -> list[list[Any]]:
    return [
        [one.item_id, one.instance, one.effects, one.version, [each.id for each in one.given], one.released, one.undone]
        for one in items.values()
    ]


def _effect_name(item: dict[str, Any]) -> str:
    side = next((attr["new"] for attr in item.get("attrs", []) if attr["code"] == SIDE), "")
    return f"{item['action']}_{side}" if side else str(item["action"])
