"""竣工确认: the CRM accepts or refuses a completion item by item (spec 04.1, 04.6, 5.4 OH13 and rule 4).

Only here service and charging change: the instance moves, billing is told, once.  What is missing refuses the item: it goes
back in progress with fallout on, provisioning repairs it and reports again, or returns it.
"""

from __future__ import annotations

from typing import Any

from crm_core.billing.charge import charge
from crm_core.events import CompletionDecided
from crm_core.fallout.model import Fallout
from crm_core.orders.fulfil import NUMBER, fulfil, may_fulfil
from crm_core.orders.machine import rulebook
from crm_core.orders.model import OrderItem, ServiceOrder
from crm_core.orders.moves import Moves
from crm_core.orders.reports import Source
from crm_core.ports import UnitOfWork
from crm_core.products.model import ProductInstance

MISSING = "ATTRIBUTE_INVALID"


def decide(uow: UnitOfWork, moves: Moves, items: list[OrderItem], source: Source) -> None:
    """Decide on ``items``, all COMPLETING; products whose completion a person accepts stay there (``decide_by_hand``)."""
    by_hand = uow.reference.policies.get("decide_by_hand", ())
    answers: list[dict[str, Any]] = []
    for item in items:
        if item.product in by_hand:
            continue
        instance = uow.instance(item.instance_id)
        fault = fault_of(uow, item, instance)
        if fault is None and instance is not None:
            answers.append(accept(uow, moves, item, instance))
        else:
            answers.append(refuse(uow, moves, item, fault or ("INSTANCE_UNKNOWN", "产品实例不存在 / no instance")))
    answer(uow, moves.order, answers, source)


def fault_of(uow: UnitOfWork, item: OrderItem, instance: ProductInstance | None) -> tuple[str, str] | None:
    """Why a completion cannot be accepted: symbol and text in both languages."""
    product = uow.reference.products.get(item.product)
    needed = () if product is None else product.result_attrs.get(item.action, ())
    given = {resource["res_type"] for resource in item.resources}
    if item.access_number:
        given.add(NUMBER)
    missing = [code for code in needed if not item.result_attrs.get(code) and code not in given]
    if missing:
        return MISSING, f"缺少竣工属性 {'、'.join(missing)} / result attributes missing: {', '.join(missing)}"
    if instance is not None and not may_fulfil(item, instance):
        return "STATE_CONFLICT", f"产品实例处于 {instance.status} / the product instance is {instance.status}"
    return None


def accept(uow: UnitOfWork, moves: Moves, item: OrderItem, instance: ProductInstance) -> dict[str, Any]:
    """One item accepted: closed, in effect on its instance, charged. Returns its line of the answer."""
    moves.put(item, rulebook(uow.reference.policies).check(item, "completion_accepted"))
    before = dict(instance.attrs)
    fulfil(uow, moves.order, item, instance)
    charge(uow, moves.order, item, instance, before)
    return {"item_id": item.item_id, "result": "accepted"}


def refuse(uow: UnitOfWork, moves: Moves, item: OrderItem, fault: tuple[str, str]) -> dict[str, Any]:
    """One item refused: in progress again, with fallout on and a record for people. Returns its line of the answer."""
    symbol, text = fault
    moves.put(item, rulebook(uow.reference.policies).check(item, "completion_refused"))
    order = moves.order
    uow.add(
        Fallout(
            uow.new_id("FO"),
            "completion",
            uow.now,
            f"订单项 {item.item_id} 的报竣未通过：{text}",
            f"The completion of item {item.item_id} was refused: {text}",
            symbol=symbol,
            service_order_id=order.id,
            area=order.area,
            about={"serial": moves.serial, "sender": moves.actor, "item_id": item.item_id},
        )
    )
    return {"item_id": item.item_id, "result": "refused", "code": symbol, "reason": {"text": text}}


def answer_again(uow: UnitOfWork, order: ServiceOrder, items: list[OrderItem], source: Source) -> None:
    """A completion reported twice is answered twice: every report gets its result (06.1 promise 5)."""
    done = [item for item in items if item.progress == "COMPLETED"]
    answer(uow, order, [{"item_id": item.item_id, "result": "accepted"} for item in done], source)


def reported(order: ServiceOrder) -> dict[str, list[str]]:
    """Of each item that was reported as done: by whom, under which serial."""
    found: dict[str, list[str]] = order.details.get("completion", {}).get("of", {})
    return found


def answer(uow: UnitOfWork, order: ServiceOrder, answers: list[dict[str, Any]], source: Source) -> None:
    """Tell whoever reported, item by item (OH13); nothing decided yet is nothing to tell."""
    if answers:
        uow.emit(
            CompletionDecided(
                key=order.id,
                area=order.area,
                to=source.sender,
                ref_serial=source.serial,
                customer_order_id=order.customer_order_id,
                service_order_id=order.id,
                version=order.version,
                items=answers,
            )
        )
