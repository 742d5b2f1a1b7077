"""May this dispatch be taken? What PF judges about an OH01 before it accepts (5.4 rules 1-3, 04.9, 01.1.6).

What is known at once is refused in the receipt; what needs a look at the order is told by OH12 (``Verdict.rejection``).
"""

from __future__ import annotations

from dataclasses import dataclass

from schemas.loader import load
from simulators.brain import Body, Send
from simulators.pf.image import nobody, wrong
from simulators.pf.machine import REPEATABLE, REPORTED
from simulators.pf.order import Item, Order, action_name
from simulators.pf.pairs import Pairs
from simulators.pf.processes import ProcessTable
from simulators.pf.standing import Standing
from simulators.pf.steps import set_levels

_ANY = "*"


@dataclass(slots=True)
class Verdict:
    """``refusal``: symbol for the receipt, with the state met; ``known``: the same dispatch again; ``renew``: the image of an
    order not accepted yet is replaced; ``rejection``: symbol for OH12 with what was wrong; else ``items`` are taken."""

    refusal: str | None = None
    state: str | None = None
    known: bool = False
    renew: bool = False
    rejection: str | None = None
    found: str = ""
    items: dict[str, Item] | None = None


class CallOff:
    """A cancel that came before its dispatch: id and version are closed (04.9). ``answered``: its CN02 is said."""

    def __init__(self, body: Body, sender: str, serial: str) -> None:
        self.version: int = body["version"]
        self.answered = False
        self._head = {name: body[name] for name in ("customer_order_id", "service_order_id", "version", "area") if name in body}
        self._sender = sender
        self._serial = serial

    def answer(self, names: list[str]) -> list[Send]:
        """CN02 about the items ``names``, once; who does not know them yet says it when the late dispatch names them."""
        if self.answered or not names:
            return []
        self.answered = True
        rows = [{"item_id": name, "outcome": "cancelled"} for name in names]
        return [Send("CN02", self._head | {"items": rows}, system=self._sender, ref_serial=self._serial)]


class Admission:
    """Judges dispatches against the orders PF has. ``orders`` is the newest dispatch of each service order."""

    def __init__(self, table: ProcessTable, orders: dict[str, Order]) -> None:
        self._table = table
        self._orders = orders
        self._busy: dict[str, dict[str, None]] = {}
        self._owner_of_item: dict[str, str] = {}
        self.pairs = Pairs(orders)
        self.standing = Standing(orders)
        self._compatible = [row.extra for row in load().table("compatible_actions").rows.values()]

    def judge(self, body: Body, now: int) -> Verdict:
        """What becomes of this OH01; nothing is changed. Frozen (3018) is told in the receipt: the CRM tries again."""
        known = self._orders.get(body["service_order_id"])
        if known is not None:
            verdict = _repeated(known, body)
            if verdict is not None and not verdict.renew:
                return verdict
            renew = verdict is not None
        else:
            renew = False
            if self.standing.frozen(body, now):
                return Verdict(refusal="FROZEN_BY_CUTOVER")
        stands = nobody(body) or wrong(body) or self.standing.against(body)
        if stands is not None:
            return Verdict(renew=renew, rejection=stands[0], found=stands[1])
        items: dict[str, Item] = {}
        for image in body["items"]:
            process = self._table.find(image["product"], action_name(image))
            if process is None:
                return Verdict(renew=renew, rejection="NO_PROCESS", found=f"{image['product']} {action_name(image)}")
            items[image["item_id"]] = Item(image["item_id"], image, process)
        return self._judge_relations(body, items, renew)

    def enter(self, order: Order) -> None:
        """The order is in flight on its instances."""
        self.pairs.enter(order)
        self.standing.enter(order)
        for item in order.items.values():
            self._busy.setdefault(item.instance, {})[order.id] = None
            self._owner_of_item[item.id] = order.id

    def leave(self, order: Order) -> None:
        """The order is closed."""
        self.standing.leave(order)
        for item in order.items.values():
            busy = self._busy.get(item.instance, {})
            busy.pop(order.id, None)
            if not busy:
                self._busy.pop(item.instance, None)

    def _judge_relations(self, body: Body, items: dict[str, Item], renew: bool) -> Verdict:
        try:
            set_levels(items)
        except ValueError:
            return Verdict(renew=renew, rejection="DEPENDENCY_NOT_MET", found="depends_on")
        lost = self.pairs.lost(body)
        if lost is not None:
            return Verdict(renew=renew, rejection="DEPENDENCY_NOT_MET", state=self._orders[lost].state, found=lost)
        for item in items.values():
            for name in item.image.get("depends_on", ()):
                if name not in items and not self._dependency_met(name):
                    return Verdict(renew=renew, rejection="DEPENDENCY_NOT_MET", found=name)
            other = self._collision(body["service_order_id"], item)
            if other is not None:
                return Verdict(renew=renew, rejection="ORDER_IN_FLIGHT", state=self._orders[other].state, found=other)
        return Verdict(renew=renew, items=items)

    def _dependency_met(self, item_id: str) -> bool:
        owner = self._orders.get(self._owner_of_item.get(item_id, ""))
        return owner is not None and owner.items[item_id].progress == "COMPLETED"

    def _collision(self, order_id: str, item: Item) -> str | None:
        """Another order in flight on the instance that may not run beside this item."""
        for other_id in self._busy.get(item.instance, ()):
            other = self._orders[other_id]
            if other_id == order_id:
                continue
            held = [mine for mine in other.items.values() if mine.instance == item.instance]
            actions = [mine.image["action"] for mine in held if mine.open and mine.progress not in REPORTED]
            if not all(self._go_together(action, item.image["action"]) for action in actions):
                return other_id
        return None

    def _go_together(self, one: str, other: str) -> bool:
        for row in self._compatible:
            pair = (row["first"], row["second"])
            if all(wanted in (_ANY, action) for wanted, action in zip(pair, (one, other), strict=True)):
                return True
            if all(wanted in (_ANY, action) for wanted, action in zip(pair, (other, one), strict=True)):
                return True
        return False


def _repeated(known: Order, body: Body) -> Verdict | None:
    """A dispatch of an order PF has already: what it is, or None where it is a new dispatch after a closing (rule 1)."""
    version, state = body["version"], known.state
    over = state == "REJECTED" or known.closed
    if version < known.version:
        return Verdict(refusal="STALE_VERSION", state=state)
    if version == known.version:
        if known.image == body:
            return Verdict(known=True)
        if state == "ACKNOWLEDGED":
            return Verdict(renew=True)
        return Verdict(refusal="STATE_CONFLICT" if over else "ORDER_IN_FLIGHT", state=state)
    if over and state in REPEATABLE:
        return None
    return Verdict(refusal="STATE_CONFLICT" if over else "ORDER_IN_FLIGHT", state=state)
