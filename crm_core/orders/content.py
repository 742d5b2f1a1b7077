"""What a change makes of an order: examined, compared with what stands, and put in place (spec 5.6).

*Content* is a plain dict (it waits in ``operations`` until provisioning has answered): ``items`` (item id -> the fields that
become others), ``dates``, ``contact``, ``reservations``; absent: as it is.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from crm_core.errors import AttributeInvalid, DomainError, Refusal
from crm_core.orders.assign import ORDERED
from crm_core.orders.dependencies import SYMBOL as DEPENDENCY
from crm_core.orders.dependencies import circular
from crm_core.orders.examine_items import TWICE
from crm_core.orders.heir import ACTION as TRANSFER
from crm_core.orders.heir import heir_fault
from crm_core.orders.holds import let_go
from crm_core.orders.lost_holds import is_lost, used_resources
from crm_core.orders.model import OrderItem, ServiceOrder
from crm_core.ports import UnitOfWork
from crm_core.products.attributes import attr_faults
from crm_core.resources.machine import is_over
from crm_core.resources.model import Reservation
from crm_core.times import from_wire

_PLAIN = ("access_number", "a_end", "z_end", "resources", "depends_on")
_DATES = ("effective_at", "booked_at", "required_finish")
_TEXT_LIMIT = 500
_ROOT = "/Package/Body/OrderOperation/amend"

Content = dict[str, Any]


def examine_content(uow: UnitOfWork, order: ServiceOrder, fields: dict[str, Any]) -> tuple[Content, list[dict[str, Any]]]:
    """The content of a change and its list of differences (``Change``: item_id?, attr with old and new). Every fault of the
    items is found before the first is told; raises ``DomainError`` 3010, 3012, 3013, 3020, 3024."""
    changes: list[dict[str, Any]] = []
    content: Content = {}
    items = _items(uow, order, fields.get("items", ()), changes)
    if items:
        content["items"] = items
    dates = _dates(order, fields.get("dates"), changes)
    if dates:
        content["dates"] = dates
    contact = fields.get("contact")
    if contact is not None and contact != order.details["contact"]:
        content["contact"] = contact
        changes.append({"attr": _difference("contact", order.details["contact"], contact)})
    reservations = fields.get("reservations")
    if reservations is not None:
        _check_reservations(uow, order, reservations)
    if reservations is not None and reservations != order.reservations:
        content["reservations"] = reservations
        changes.append({"attr": _difference("reservations", order.reservations, reservations)})
    return content, changes


def _items(
    uow: UnitOfWork, order: ServiceOrder, given: Any, changes: list[dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    rows = {item.item_id: item for item in order.newest()}
    found: dict[str, dict[str, Any]] = {}
    faults: list[Refusal] = []
    named: set[str] = set()
    for n, fields in enumerate(given, 1):
        path = f"{_ROOT}/items/item[{n}]"
        item = rows.get(fields["item_id"])
        if item is None:
            zh, en = "定单没有此项；新增业务请另开订单", "The order has no such item; a new service is a new order"
            faults.append(Refusal(f"{path}/item_id", fields["item_id"], "ATTRIBUTE_INVALID", zh, en))
            continue
        if item.item_id in named:
            faults.append(Refusal(f"{path}/item_id", item.item_id, "ATTRIBUTE_INVALID", *TWICE))
        named.add(item.item_id)
        fixed = {"action": item.action, "product": item.product, "product_instance_id": item.instance_id}
        for name, value in fixed.items():
            if fields.get(name, value) != value:
                zh, en = "改单不能改变产品、动作或产品实例", "A change cannot alter product, action or instance"
                faults.append(Refusal(f"{path}/{name}", str(fields[name]), "ATTRIBUTE_INVALID", zh, en))
        content = {name: fields[name] for name in _PLAIN if name in fields and fields[name] != getattr(item, name)}
        for name, value in content.items():
            changes.append({"item_id": item.item_id, "attr": _difference(name, getattr(item, name), value)})
        attrs = _merged(item, fields.get("attrs", ()), changes)
        if attrs != item.attrs:
            content["attrs"] = attrs
            product = uow.reference.products.get(item.product)
            for below, value, zh, en in [] if product is None else attr_faults(product, item.action, attrs):
                faults.append(Refusal(path + below, value, "ATTRIBUTE_INVALID", zh, en))
            heir = heir_fault(attrs, uow) if item.action == TRANSFER else None
            if heir is not None:
                faults.append(Refusal(f"{path}/attrs", *heir))
        if content:
            found[item.item_id] = content
    faults.extend(_dependency_faults(rows, given, found))
    if faults:
        first = faults[0]
        raise DomainError(first.zh, first.en, code=first.symbol, refusals=tuple(faults))
    return found


def _dependency_faults(rows: dict[str, OrderItem], given: Any, content: dict[str, dict[str, Any]]) -> list[Refusal]:
    """What items would wait for: items of this order, or what they waited for before, and never in a circle (3024)."""
    faults: list[Refusal] = []
    edges: dict[str, list[str]] = {}
    for item in rows.values():
        wanted = content.get(item.item_id, {}).get("depends_on", item.depends_on)
        edges[item.item_id] = [one for one in wanted if one in rows]
        lost = [one for one in wanted if one not in rows and one not in item.depends_on]
        if lost:
            n = next(place for place, fields in enumerate(given, 1) if fields["item_id"] == item.item_id)
            zh, en = "所依赖的不是本定单的订单项", "What it is to depend on is no item of this order"
            faults.append(Refusal(f"{_ROOT}/items/item[{n}]/depends_on", lost[0], DEPENDENCY, zh, en))
    if circular(edges):
        zh, en = "订单项之间循环依赖", "The items depend on each other in a circle"
        faults.append(Refusal(f"{_ROOT}/items", "", DEPENDENCY, zh, en))
    return faults


def _merged(item: OrderItem, given: Any, changes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The item's attributes with those of the change laid over them: A and M set, D takes away, K and what is not named stays.

    An attribute keeps what it means for the instance (its action and old value); the difference speaks of the order."""
    attrs = list(item.attrs)
    for attr in given:
        place = next((n for n, own in enumerate(attrs) if own["code"] == attr["code"]), None)
        if attr["action"] == "K" or (place is not None and attr["action"] != "D" and attrs[place]["new"] == attr["new"]):
            continue
        if place is None:
            attrs.append(attr)
            difference = {**attr, "action": "D" if attr["action"] == "D" else "A"}
        else:
            own = attrs[place]
            difference = {"code": attr["code"], "new": attr["new"], "old": own["new"], "action": attr["action"]}
            if attr["action"] == "D":
                del attrs[place]
            else:
                difference["action"] = "M"
                attrs[place] = {**own, "new": attr["new"]}
        changes.append({"item_id": item.item_id, "attr": difference})
    return attrs


def _dates(order: ServiceOrder, given: dict[str, Any] | None, changes: list[dict[str, Any]]) -> dict[str, Any]:
    """The dates that become others; the capture stays what it was."""
    own = order.details["dates"]
    found = {}
    for name in _DATES:
        if given is None or name not in given or given[name] == own.get(name):
            continue
        check_date(order, given[name])
        found[name] = given[name]
        changes.append({"attr": _difference(name, own.get(name), given[name])})
    return found


def check_date(order: ServiceOrder, text: str) -> None:
    """DATE_INVALID (3013) for no date, or one before the capture."""
    if from_wire(text) < order.captured_at:
        raise DomainError(
            f"日期 {text} 早于受理时间", f"The date {text} lies before the capture", code="DATE_INVALID", state=order.state
        )


def _check_reservations(uow: UnitOfWork, order: ServiceOrder, ids: list[str]) -> None:
    for reservation_id in ids:
        reservation = uow.reservation(reservation_id)
        if reservation is None:
            continue
        own = reservation.order_id == order.id
        # one of its own may run on beyond what we know (5.3): only what we were told ends it
        if is_lost(reservation, used_resources(order)) if own else is_over(reservation, uow.now):
            zh, en = f"预留 {reservation_id} 已过期或已释放", f"Reservation {reservation_id} has expired or was released"
            raise DomainError(zh, en, code="HOLD_EXPIRED")
        if reservation.order_id is not None and not own:
            zh, en = f"预留 {reservation_id} 已被其他定单使用", f"Reservation {reservation_id} is used by another order"
            raise DomainError(zh, en, code="RESOURCE_HELD")


def _difference(code: str, old: Any, new: Any) -> dict[str, Any]:
    """An Attr with old and new as words."""
    if not old:
        return {"code": code, "new": _words(new), "action": "A"}
    return {"code": code, "new": _words(new), "old": _words(old), "action": "M" if new else "D"}


def _words(value: Any) -> str:
    if isinstance(value, dict):
        text = " ".join(_words(part) for part in value.values())
    elif isinstance(value, list):
        text = ",".join(_words(part) for part in value)
    else:
        text = str(value)
    return text[:_TEXT_LIMIT]


def put_content(order: ServiceOrder, items: list[OrderItem], content: Content) -> None:
    """The content stands: on ``items`` (those of the order it may still reach) and on the order."""
    for item in items:
        for name, value in content.get("items", {}).get(item.item_id, {}).items():
            setattr(item, name, value)
    _order_anew(order, content)
    dates = content.get("dates", {})
    for name, text in dates.items():
        setattr(order, name, from_wire(text))
    details = dict(order.details)
    if dates:
        details["dates"] = {**details["dates"], **dates}
    if "contact" in content:
        details["contact"] = content["contact"]
    order.details = details
    order.reservations = content.get("reservations", order.reservations)


def _order_anew(order: ServiceOrder, content: Content) -> None:
    """What the content gives its items is what they are ordered with from now on."""
    noted = order.details.get(ORDERED)
    if noted:
        given = content.get("items", {})
        anew = {
            item_id: {name: given.get(item_id, {}).get(name, value) for name, value in fields.items()}
            for item_id, fields in noted.items()
        }
        order.details = {**order.details, ORDERED: anew}


def take_reservations(uow: UnitOfWork, order: ServiceOrder, before: list[str]) -> None:
    """Reservations an order names become its own; one made elsewhere is taken over as it comes: its owner's ledger decides.
    What it named ``before`` and names no more it lets go."""
    let_go(uow, order, before)
    for reservation_id in order.reservations:
        reservation = uow.reservation(reservation_id)
        if reservation is None:
            sender = uow.origin.sender
            uow.add(Reservation(reservation_id, "ORDER", sender, order.area, order_id=order.id, created_at=uow.now))
        elif reservation.order_id is None:
            reservation.order_id = order.id
            uow.save(reservation)


def preview(order: ServiceOrder, content: Content) -> ServiceOrder:
    """The order as it would stand; the order itself is not touched."""
    items = [replace(item) for item in order.newest()]
    after = replace(order, items=items)
    put_content(after, items, content)
    return after


def nothing_changes() -> AttributeInvalid:
    """The refusal of a change that changes nothing."""
    return AttributeInvalid("改单内容与现有内容相同", "The change says what stands already")
