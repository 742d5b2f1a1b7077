"""受理: from an acceptable request to customer, account, orders, items and instances (spec 02.0, 03)."""

from __future__ import annotations

from typing import Any

from crm_core.customers.model import Account, Customer
from crm_core.orders.dispatch import may_leave, send
from crm_core.orders.examine_items import INSTANCE
from crm_core.orders.fold import fold
from crm_core.orders.model import CustomerOrder, OrderItem, ServiceOrder
from crm_core.orders.moves import Moves
from crm_core.orders.request import Planned, Request, Submission
from crm_core.orders.undoing import relation_of
from crm_core.ports import UnitOfWork
from crm_core.products.model import ProductInstance


def capture(command: Submission, uow: UnitOfWork, request: Request, content_hash: str) -> CustomerOrder:
    """Build everything, dispatch what may leave at once, then hand it to the unit of work. Returns the customer order."""
    customer = request.customer or _new_customer(command, uow)
    account_id = command.account_id or _account_for(command, uow, request, customer)
    customer_order = CustomerOrder(
        command.customer_order_id,
        customer.id,
        command.area,
        uow.origin.sender,
        content_hash,
        account_id=account_id,
        channel=command.channel,
        operator=command.operator,
        notify=command.notify or "end",
        pre_accepted=bool(command.pre_accept),
        details={"serial": uow.origin.serial},
        created_at=uow.now,
    )
    if command.payment is not None:
        customer_order.details["payment"] = command.payment
    born: dict[str, ProductInstance] = {}
    known: dict[str, ProductInstance] = {}
    orders = _orders(command, uow, request, customer, account_id)
    for order, plans in orders:
        _place_items(order, plans, uow, born, known)
    _link(orders)
    _tie(command, request, orders, uow)
    customer_order.service_order_ids = [order.id for order, _ in orders]
    customer_order.states = {order.id: order.state for order, _ in orders}
    instances = {**known, **born}
    for order, _ in orders:
        if may_leave(order, customer_order.pre_accepted, uow.now):
            moves = Moves(uow, order, "dispatch", fresh=customer_order)
            send(uow, order, customer, instances, moves)
            moves.settle()
    customer_order.state = fold(customer_order.states.values())
    uow.add(customer_order)
    for order, _ in orders:
        uow.add(order)
    for instance in born.values():
        uow.add(instance)
    for instance in known.values():
        uow.save(instance)
    return customer_order


def _new_customer(command: Submission, uow: UnitOfWork) -> Customer:
    data = command.customer
    customer = Customer(
        uow.new_id("CU"),
        data["name"],
        data["type"],
        command.area,
        grade=data.get("grade", "ordinary"),
        certificate_type=data.get("certificate_type"),
        certificate_no=data.get("certificate_no"),
        contacts=[command.contact],
        created_at=uow.now,
    )
    uow.add(customer)
    return customer


def _account_for(command: Submission, uow: UnitOfWork, request: Request, customer: Customer) -> str | None:
    """A new account where something must be paid for and nobody named who pays; existing instances keep theirs."""
    if request.customer is not None and all(plan.instance is not None for plan in request.items):
        return request.items[0].instance.account_id if request.items[0].instance is not None else None
    account = Account(uow.new_id("AC"), customer.id, command.area, customer.name, created_at=uow.now)
    uow.add(account)
    return account.id


def _orders(
    command: Submission, uow: UnitOfWork, request: Request, customer: Customer, account_id: str | None
) -> list[tuple[ServiceOrder, list[Planned]]]:
    """One service order for each sequence number, in that order."""
    groups: dict[int, list[Planned]] = {}
    for plan in request.items:
        groups.setdefault(plan.sequence, []).append(plan)
    details: dict[str, Any] = {"dates": command.dates, "contact": command.contact}
    if command.scheme is not None:
        details["scheme"] = command.scheme
    if command.attachments:
        details["attachments"] = command.attachments
    if command.Extension:
        details["Extension"] = command.Extension
    dates = request.dates
    return [
        (
            ServiceOrder(
                uow.new_id("SO"),
                command.customer_order_id,
                sequence,
                1,
                plans[0].item["action"],
                customer.id,
                command.area,
                since=uow.now,
                account_id=account_id,
                channel=command.channel,
                operator=command.operator,
                priority=5 if command.priority is None else command.priority,
                captured_at=dates["captured_at"] or uow.now,
                effective_at=dates["effective_at"],
                booked_at=dates["booked_at"],
                required_finish=dates["required_finish"],
                reservations=list(dict.fromkeys(command.reservations or ())),
                details=details | relation_of(plans),
            ),
            plans,
        )
        for sequence, plans in sorted(groups.items())
    ]


def _place_items(
    order: ServiceOrder,
    plans: list[Planned],
    uow: UnitOfWork,
    born: dict[str, ProductInstance],
    known: dict[str, ProductInstance],
) -> None:
    """The items of one order, and the order on each of their instances."""
    for plan in plans:
        item = plan.item
        instance = plan.instance
        if instance is None:
            instance_id = item.get("product_instance_id")
            instance = None if instance_id is None else born.get(instance_id)
            if instance is None:
                instance = _new_instance(order, item, instance_id or uow.new_id(INSTANCE), uow.now)
                born[instance.id] = instance
        else:
            known[instance.id] = instance
        if order.id not in instance.open_orders:
            instance.open_orders = [*instance.open_orders, order.id]
        order.items.append(
            OrderItem(
                item["item_id"],
                1,
                item["action"],
                item["product"],
                instance.id,
                access_number=item.get("access_number"),
                attrs=plan.attrs,
                resources=item.get("resources", []),
                depends_on=plan.depends_on,
                a_end=item.get("a_end"),
                z_end=item.get("z_end"),
                since=uow.now,
            )
        )


def _new_instance(order: ServiceOrder, item: dict[str, Any], instance_id: str, now: int) -> ProductInstance:
    return ProductInstance(
        instance_id,
        item["product"],
        order.customer_id,
        order.area,
        account_id=order.account_id,
        access_number=item.get("access_number"),
        a_end=item.get("a_end"),
        z_end=item.get("z_end"),
        created_at=now,
    )


def _link(orders: list[tuple[ServiceOrder, list[Planned]]]) -> None:
    """An item that depends on an item of a sibling order makes its order wait for that order."""
    if len(orders) == 1:
        return
    owner = {plan.item["item_id"]: order for order, plans in orders for plan in plans}
    for order, plans in orders:
        for plan in plans:
            for named in plan.depends_on:
                other = owner.get(named)
                if other is not None and other is not order:
                    _await(order, other)


def _tie(
    command: Submission,
    request: Request,
    orders: list[tuple[ServiceOrder, list[Planned]]],
    uow: UnitOfWork,
) -> None:
    """Orders in flight that are waited for learn who waits; reservations and the scheme learn whose they are."""
    if request.scheme is not None:
        request.scheme.used_by = command.customer_order_id
        uow.save(request.scheme)
    for order, plans in orders:
        for plan in plans:
            for order_id in plan.awaits:
                _await(order, request.awaited[order_id])
    for order in request.awaited.values():
        uow.save(order)
    for reservation in request.reservations:
        known = uow.reservation(reservation.id) is not None
        reservation.order_id = orders[0][0].id
        if known:
            uow.save(reservation)
        else:
            uow.add(reservation)


def _await(order: ServiceOrder, other: ServiceOrder) -> None:
    awaits = order.details.get("awaits", ())
    if other.id not in awaits:
        order.details = {**order.details, "awaits": [*awaits, other.id]}
        other.details = {**other.details, "awaited_by": [*other.details.get("awaited_by", ()), order.id]}
