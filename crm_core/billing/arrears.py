"""BL06: an account is in arrears, or has paid (spec 05.3, 04.9). Arrears order a stop of its instances, payment its end.

The stop reason ``arrears`` has a bit of its own, so paying lifts no other stop.  Where orders are in flight on an instance, the
new one waits for their end.  A payment that crosses a stop in flight cancels it; the order that ends the stop waits for what
becomes of the stop, and goes no further if there is nothing to end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm_core.customers.model import Account, Customer
from crm_core.errors import CustomerUnknown, DomainError, InstanceUnknown
from crm_core.orders.cancel import CancelOrder
from crm_core.orders.fulfil import ARREARS, STOP_REASON
from crm_core.orders.item_states import ENDS
from crm_core.orders.model import OrderChange, ServiceOrder
from crm_core.orders.moves import NOBODY
from crm_core.orders.submit import SubmitOrder
from crm_core.ports import Outcome, UnitOfWork
from crm_core.products.attributes import stated
from crm_core.products.instance_machine import stop_bit
from crm_core.products.model import ProductInstance
from crm_core.times import from_wire, to_wire

ACTIONS = {"arrears": "suspend", "paid": "resume"}
"""What a notice orders, by its event."""
PAID_RULE = "paid"
"""The rule of the reason (10C) for which a payment cancels a stop in flight."""
GONE = ("disconnected", "void")


@dataclass(frozen=True, slots=True)
class TakeArrearsNotice:
    """Fields are the message's; ``as_of`` when billing found it: of two notices the later one counts."""

    account_id: str
    event: str
    as_of: str
    area: str
    instances: list[dict[str, Any]]
    part_no: int | None = None

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The account and the instances."""
        named = [("instance", row["product_instance_id"]) for row in self.instances]
        return (("account", self.account_id), *named)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """ACCEPTED; DUPLICATE for a notice that has had its effect. An older one than the newest known has none.

        Raises 3023 for an unknown account, ``CustomerUnknown`` (3001), ``InstanceUnknown`` (3002) for an instance that is not
        the account's, 3013 for a date that is none, and what the orders themselves would be refused with (3018)."""
        account = uow.account(self.account_id)
        if account is None:
            zh, en = f"账户 {self.account_id} 不存在", f"Account {self.account_id} is not known"
            raise DomainError(zh, en, code="ACCOUNT_OR_CREDIT")
        customer = uow.customer(account.customer_id)
        if customer is None:
            raise CustomerUnknown(f"客户 {account.customer_id} 不存在", f"Customer {account.customer_id} is not known")
        as_of = to_wire(from_wire(self.as_of))
        name = f"BL{as_of}{uow.fingerprint([self.account_id, self.event, self.part_no])[:12].upper()}"
        if uow.customer_order(name) is not None:
            return Outcome("DUPLICATE")
        instances = [self._instance(uow, row["product_instance_id"]) for row in self.instances]
        newest = f"ARREARS {account.id}"
        if as_of < customer.attrs.get(newest, ""):
            return Outcome()
        customer.attrs = {**customer.attrs, newest: as_of}
        uow.save(customer)
        if self.event == "paid":
            for instance in instances:
                _call_off(uow, instance)
        self._order(uow, account, customer, name, [one for one in instances if self._wanting(uow, one)])
        return Outcome()

    def _instance(self, uow: UnitOfWork, instance_id: str) -> ProductInstance:
        instance = uow.instance(instance_id)
        if instance is None or instance.account_id != self.account_id:
            zh = f"产品实例 {instance_id} 不存在或不属于账户 {self.account_id}"
            raise InstanceUnknown(zh, f"Instance {instance_id} is unknown, or not of account {self.account_id}")
        return instance

    def _wanting(self, uow: UnitOfWork, instance: ProductInstance) -> bool:
        """Whether it is, once what is in flight has ended, not yet as the notice wants it. What cannot be stopped by itself
        (a functional product) goes with what it belongs to."""
        product = uow.reference.products.get(instance.product)
        if instance.status in GONE or product is None or ACTIONS[self.event] not in product.processes:
            return False
        stops = [action for _, action in _in_flight(uow, instance)]
        stopped = stops[-1] == "suspend" if stops else bool(instance.stop_mask & stop_bit(ARREARS))
        return stopped is (self.event == "paid")

    def _order(
        self, uow: UnitOfWork, account: Account, customer: Customer, name: str, instances: list[ProductInstance]
    ) -> None:
        """One customer order, a service order for each instance."""
        if not instances:
            return
        contact = customer.contacts[0] if customer.contacts else {"name": customer.name, "phone": "-"}
        action = ACTIONS[self.event]
        SubmitOrder(
            customer_order_id=name,
            area=self.area,
            customer={"customer_id": customer.id},
            account_id=account.id,
            dates={"captured_at": to_wire(uow.now)},
            contact=contact,
            items=[_item(uow, n, action, instance) for n, instance in enumerate(instances, 1)],
            notify=NOBODY,
        ).execute(uow)


def _item(uow: UnitOfWork, n: int, action: str, instance: ProductInstance) -> dict[str, Any]:
    """It waits for whatever is in flight on the instance and may not run together with it."""
    item: dict[str, Any] = {
        "item_id": str(n), "action": action, "product": instance.product, "product_instance_id": instance.id, "sequence": n,
        "attrs": [{"code": STOP_REASON, "new": ARREARS, "action": "A"}],
    }  # fmt: skip
    if instance.access_number is not None:
        item["access_number"] = instance.access_number
    before = [order.id for order in _open(uow, instance) if not _together(uow, order, instance, action)]
    return item | ({"depends_on": before} if before else {})


def _open(uow: UnitOfWork, instance: ProductInstance) -> list[ServiceOrder]:
    found = [uow.order(order_id) for order_id in instance.open_orders]
    return [order for order in found if order is not None]


def _together(uow: UnitOfWork, order: ServiceOrder, instance: ProductInstance, action: str) -> bool:
    rows = [item for item in order.newest() if item.instance_id == instance.id]
    return all(uow.reference.may_run_together(action, item.action) for item in rows)


def _in_flight(uow: UnitOfWork, instance: ProductInstance) -> list[tuple[ServiceOrder, str]]:
    """The orders for arrears on the instance that have not ended, oldest first, and what each does."""
    return [
        (order, item.action)
        for order in _open(uow, instance)
        for item in order.newest()
        if item.instance_id == instance.id and item.progress not in ENDS and stated(item.attrs, STOP_REASON) == ARREARS
    ]


def _call_off(uow: UnitOfWork, instance: ProductInstance) -> None:
    """A stop in flight is to be cancelled; where that is refused, at once or later, the order that ends it waits (04.9)."""
    for order, action in _in_flight(uow, instance):
        if action != "suspend":
            continue
        reason = uow.reference.ruled("10C", PAID_RULE)
        try:
            CancelOrder(order.id, reason).execute(uow)
        except DomainError as refusal:
            here = order.state
            change = OrderChange(
                order.id, uow.now, "cancel_refused", uow.origin.sender, uow.origin.serial, here, here, (), refusal.en
            )
            uow.add(change)
