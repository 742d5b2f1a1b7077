"""Is a submitted customer order acceptable? Every faulty part is found before the first is told (spec 02.0, 5.4)."""

from __future__ import annotations

from crm_core.customers.model import Account, Customer
from crm_core.errors import DomainError
from crm_core.orders.examine_items import examine_items
from crm_core.orders.request import Faults, Request, Submission
from crm_core.ports import UnitOfWork
from crm_core.resources.machine import HELD, is_over
from crm_core.resources.model import Reservation
from crm_core.schemes.use import examine_scheme
from crm_core.times import from_wire

_DATES = ("captured_at", "effective_at", "booked_at", "required_finish")


def examine(command: Submission, uow: UnitOfWork) -> Request:
    """Look at all of it: what is needed to capture, or one ``DomainError`` whose ``refusals`` name every fault by path."""
    faults = Faults()
    areas = uow.reference.areas
    if areas and command.area not in areas:
        faults.add("/area", command.area, "ATTRIBUTE_INVALID", "区域不存在", "The area is not known")
    customer = _customer(command, uow, faults)
    account = _account(command, uow, customer, faults)
    dates = _dates(command, faults)
    items, awaited = examine_items(command, uow, customer, faults)
    reservations = _reservations(command, uow, faults)
    scheme = examine_scheme(command.scheme, uow, faults)
    faults.raise_if_any()
    return Request(customer, account, dates, items, reservations, awaited, scheme)


def _customer(command: Submission, uow: UnitOfWork, faults: Faults) -> Customer | None:
    customer_id = command.customer.get("customer_id")
    if customer_id is None:
        for name, zh in (("name", "新客户须有名称"), ("type", "新客户须有类型")):
            if not command.customer.get(name):
                faults.add(f"/customer/{name}", "", "ATTRIBUTE_INVALID", zh, f"A new customer needs a {name}")
        return None
    customer = uow.customer(customer_id)
    if customer is None or customer.status == "left":
        faults.add("/customer/customer_id", customer_id, "CUSTOMER_UNKNOWN", "客户不存在", "The customer is not known")
    return customer


def _account(command: Submission, uow: UnitOfWork, customer: Customer | None, faults: Faults) -> Account | None:
    if command.account_id is None:
        return None
    account = uow.account(command.account_id)
    if account is None or account.status != "active" or (customer is not None and account.customer_id != customer.id):
        zh, en = "账户不存在、不可用或不属于该客户", "The account is unknown, not active, or another customer's"
        faults.add("/account_id", command.account_id, "ACCOUNT_OR_CREDIT", zh, en)
        return None
    return account


def _dates(command: Submission, faults: Faults) -> dict[str, int | None]:
    dates: dict[str, int | None] = {}
    for name in _DATES:
        text = command.dates.get(name)
        moment = None
        if text is not None:
            try:
                moment = from_wire(text)
            except DomainError as error:
                faults.add(f"/dates/{name}", text, error.code, error.zh, error.en)
        dates[name] = moment
    captured = dates["captured_at"]
    for name in ("booked_at", "required_finish"):
        moment = dates[name]
        if captured is not None and moment is not None and moment < captured:
            zh, en = "日期早于受理时间", "The date lies before the capture"
            faults.add(f"/dates/{name}", command.dates[name], "DATE_INVALID", zh, en)
    return dates


def _reservations(command: Submission, uow: UnitOfWork, faults: Faults) -> list[Reservation]:
    """Known copies are checked; one made elsewhere is taken over as it comes: its owner's ledger decides."""
    found: list[Reservation] = []
    for n, reservation_id in enumerate(command.reservations or (), 1):
        path = f"/reservations/reservation_id[{n}]"
        if any(one.id == reservation_id for one in found):
            continue
        reservation = uow.reservation(reservation_id)
        if reservation is None:
            reservation = Reservation(reservation_id, "ORDER", uow.origin.sender, command.area, created_at=uow.now)
        elif is_over(reservation, uow.now):
            zh, en = "预留已过期或已释放", "The reservation has expired or was released"
            gone = next((item["state"] for item in reservation.items if item["state"] != HELD), "expired")
            faults.add(path, reservation_id, "HOLD_EXPIRED", zh, en, state=gone)
        elif reservation.order_id is not None:
            zh, en = "预留已被其他定单使用", "The reservation is used by another order"
            user = uow.order(reservation.order_id)
            faults.add(path, reservation_id, "RESOURCE_HELD", zh, en, state=None if user is None else user.state)
        found.append(reservation)
    return found
