"""PQ02: what would an operation be allowed to do, and undo? A dry run without effect (spec 5.5, 04.3)."""

from __future__ import annotations

from adapters.wire.times import from_wire_time
from simulators.brain import Body, Meta, Reaction
from simulators.pf import results, steps
from simulators.pf.floor import Floor
from simulators.pf.legality import Verdict
from simulators.pf.order import Item, Order
from simulators.pf.reasons import find_reason

_COLUMNS = {"amend": "change", "cancel": "cancel", "defer": "defer", "lock": "lock"}
_UNDOES = ("amend", "cancel")


class Inquiry:
    """Answers PQ02."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    def ask(self, order: Order, body: Body, meta: Meta, now: int) -> Reaction:
        """Per item: allowed, the point it has reached, what would be undone and released, a hint of the charge."""
        proposed = body.get("proposed_change", {})
        names = proposed.get("items") or list(order.items)
        if any(name not in order.items for name in names):
            return Reaction.refuse("ATTRIBUTE_INVALID", order.state)
        rows = [self._row(order, order.items[name], body["operation"], proposed) for name in names]
        return Reaction(answer={"service_order_id": order.id, "version": order.version, "items": rows})

    def _row(self, order: Order, item: Item, operation: str, proposed: Body) -> Body:
        same = "until" in proposed and order.deferral is not None and order.deferral.until == from_wire_time(proposed["until"])
        ruling = self._floor.rule(order, item, _COLUMNS[operation], same)
        point = self._floor.point(order, item)
        touched = self._stages(order, item, operation, proposed)
        symbol = ruling.symbol if ruling.verdict is Verdict.REFUSED else ""
        if not symbol and item.open and point == "hard" and touched:
            symbol = "PAST_NO_RETURN"
        row: Body = {"item_id": item.id, "allowed": not symbol, "point_of_no_return": point}
        if symbol:
            return row | results.refusal(symbol, order.shown(item))
        done = [order.steps[n] for n in steps.done_of(order, (item.id,)) if order.steps[n].stage.code in touched]
        if done:
            row["would_undo"] = [step.stage.ref() for step in done]
        if item.resources and (operation == "cancel" or item.process.assign in touched) and touched:
            row["would_release"] = item.resources
        if point == "soft" and done:
            hint = {"amount": self._floor.table.settings["soft_charge"], "text": "已施工，收取工料费"}
            row["charge_hint"] = hint
        return row

    def _stages(self, order: Order, item: Item, operation: str, proposed: Body) -> frozenset[str]:
        """Stages the operation would undo."""
        if operation not in _UNDOES or not item.open:
            return frozenset()
        everything = frozenset(item.process.stages)
        if operation == "cancel":
            return everything
        changes = proposed.get("changes")
        if changes is not None and not any(change.get("item_id", item.id) == item.id for change in changes):
            return frozenset()
        if changes is None and ("booked_at" in proposed or "required_finish" in proposed):
            return frozenset()
        reason = find_reason(proposed["reason"]["code"], "10Q", order.image["area"]) if "reason" in proposed else None
        ranks = {code: stage.rank for code, stage in self._floor.table.stages.items()}
        return steps.built_upon(item.process, reason.target, ranks) if reason is not None else everything
