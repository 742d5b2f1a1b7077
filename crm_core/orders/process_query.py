"""Asking provisioning for every order it knows of a customer order, an instance or a number (PQ01, spec 5.5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm_core.errors import AttributeInvalid, InstanceUnknown, OrderUnknown
from crm_core.events import ProcessQueried
from crm_core.ports import Outcome, UnitOfWork
from crm_core.times import from_wire


@dataclass(frozen=True, slots=True)
class QueryProcesses:
    """One of the three keys; a number goes with the ``time_range`` (begin, end as on the wire) in which orders for it were
    received, and with the ``area`` it belongs to. The answer stands beside each order it tells of."""

    customer_order_id: str | None = None
    product_instance_id: str | None = None
    access_number: str | None = None
    time_range: dict[str, str] | None = None
    area: str | None = None
    detail_level: str = "work_order"

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The customer order or the instance, where one is named."""
        if self.customer_order_id is not None:
            return (("customer_order", self.customer_order_id),)
        return () if self.product_instance_id is None else (("instance", self.product_instance_id),)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """OK; the answer is recorded when it comes. Raises 3020 unless exactly one key is given, with a number its range and
        its area; 3003 or 3002 for what the CRM does not know; 3013 for a date that is none."""
        keys = [key for key in (self.customer_order_id, self.product_instance_id, self.access_number) if key]
        number_alone = self.access_number is not None and (self.time_range is None or not self.area)
        if len(keys) != 1 or number_alone:
            zh = "须按客户订单、产品实例、号码之一查询；按号码须给出时间范围和本地网"
            en = "Ask by one of customer order, product instance, number; a number goes with a time range and an area"
            raise AttributeInvalid(zh, en)
        for text in (self.time_range or {}).values():
            from_wire(text)
        named: dict[str, Any] = {
            name: getattr(self, name)
            for name in ("customer_order_id", "product_instance_id", "access_number", "time_range")
            if getattr(self, name) is not None
        }
        uow.emit(ProcessQueried(key=keys[0], area=self.area or self._area(uow), detail_level=self.detail_level, **named))
        return Outcome("OK")

    def _area(self, uow: UnitOfWork) -> str:
        if self.customer_order_id is not None:
            order = uow.customer_order(self.customer_order_id)
            if order is None:
                zh, en = f"客户订单 {self.customer_order_id} 不存在", f"Customer order {self.customer_order_id} is not known"
                raise OrderUnknown(zh, en)
            return order.area
        instance = uow.instance(self.product_instance_id or "")
        if instance is None:
            zh, en = f"产品实例 {self.product_instance_id} 不存在", f"Instance {self.product_instance_id} is not known"
            raise InstanceUnknown(zh, en)
        return instance.area
