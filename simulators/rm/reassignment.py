"""CO03: the resources of an item change from the old needs to the new (spec 5.6).

What fits the new needs stays; what is missing is taken, all or nothing; what is no longer needed goes back: 预占 ones are
released, 占用 ones go 预释放 until the archive after completion.  A shortage leaves the item with what it had.
"""

from __future__ import annotations

from typing import Any

from simulators.rm.assignment import Assignments, ItemAssignment
from simulators.rm.ledger import Hold, Refused, Reservation
from simulators.rm.plant import Resource
from simulators.rm.states import PRE_RELEASED

Needs = list[dict[str, Any]]


class Reassignments:
    """Changes assignments of ``assignments``."""

    def __init__(self, assignments: Assignments) -> None:
        self._assignments = assignments
        self._plant = assignments.plant
        self._ledger = assignments.ledger

    def reassign(self, body: dict[str, Any], item: dict[str, Any], owner: str, now: int) -> list[Resource]:
        """What the item of a CO03 holds after it. An item nothing was assigned to yet gets the new needs. Raises Shortage,
        Refused (3012: the old resources it names are another's)."""
        order, item_id = body["service_order_id"], item["item_id"]
        self._assignments.check_open(order, body["version"])
        known = self._assignments.orders.get(order, {}).get(item_id)
        new: Needs = item.get("new_needs", [])
        if known is None or known.undone:
            first = {name: item[name] for name in ("item_id", "product", "product_instance_id")}
            return self._assignments.assign(body, first | {"action": "install", "needs": new}, owner, now)
        self._check_old(order, item)
        entry = self._ledger.entries[order]
        spare = self._concerned(entry, item, new)
        missing: Needs = []
        for need in new:
            kept = self._keep(spare, need, body["area"])
            if kept < need["quantity"]:
                missing.append(need | {"quantity": need["quantity"] - kept})
        if missing:
            taking = {"item_id": item_id, "product_instance_id": known.instance, "needs": missing}
            self._assignments.take(entry, body["area"], taking, [], now)
        for hold in spare:
            self._drop(entry, known, hold, now)
        self._give_anew(known, new, order, now)
        return self._assignments.held_by(order, item_id)

    def _check_old(self, order: str, item: dict[str, Any]) -> None:
        for ref in item.get("old_resources", ()):
            resource = self._plant.find(ref.get("res_inst_id", ""))
            if resource is None or resource.order in (None, order) or resource.instance == item["product_instance_id"]:
                continue
            raise Refused("RESOURCE_HELD", resource.state)

    def _concerned(self, entry: Reservation, item: dict[str, Any], new: Needs) -> list[Hold]:
        """The holds the change is about: of the types named, or all where no old needs are."""
        holds = self._assignments.holds_of(entry, item["item_id"])
        if "old_needs" not in item:
            return holds
        types = {need["res_type"] for need in (*item["old_needs"], *new)}
        return [hold for hold in holds if hold.resource.type in types]

    def _keep(self, spare: list[Hold], need: dict[str, Any], area: str) -> int:
        """Take out of ``spare`` what serves the need already; how many those are."""
        rule = need.get("rule", {})
        fitting = [hold for hold in spare if self._plant.fits(hold.resource, area, need["res_type"], rule)]
        for hold in fitting[: need["quantity"]]:
            spare.remove(hold)
        return min(len(fitting), int(need["quantity"]))

    def _drop(self, entry: Reservation, assignment: ItemAssignment, hold: Hold, now: int) -> None:
        if hold.state == "held":
            self._ledger.end(entry, hold, "released", now)
        else:
            self._plant.move(hold.resource, "pre_release", now)
            assignment.given.append(hold.resource)

    def _give_anew(self, assignment: ItemAssignment, new: Needs, order: str, now: int) -> None:
        """What the instance gives back follows the new needs: types no longer replaced are in use again."""
        types = self._assignments.given_types(assignment, new)
        for resource in list(assignment.given):
            if resource.order != order and resource.type not in types and resource.state == PRE_RELEASED:
                self._plant.move(resource, "cancelled", now)
                assignment.given.remove(resource)
        self._assignments.give(assignment, new, order, now)
