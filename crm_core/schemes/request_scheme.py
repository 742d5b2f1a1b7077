"""A person asks for the design of a scheme (SD01, spec 5.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm_core.errors import AttributeInvalid, CustomerUnknown, DomainError, KeyReused
from crm_core.ports import Outcome, UnitOfWork
from crm_core.products.orderable import check_area
from crm_core.schemes.events import SchemeRequested
from crm_core.schemes.model import SchemeRequest
from crm_core.times import from_wire


@dataclass(frozen=True, slots=True)
class RequestScheme:
    """Fields are the message's; ``scheme_request_id`` is the asker's key: the same request again is success without effect."""

    scheme_request_id: str
    area: str
    customer: dict[str, Any]
    items: list[dict[str, Any]]
    required_date: str
    contact: dict[str, Any]
    customer_order_id: str | None = None
    operator: str | None = None
    channel: str | None = None

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The key, and the customer if there is one already."""
        keys = [("scheme_request", self.scheme_request_id)]
        if "customer_id" in self.customer:
            keys.append(("customer", self.customer["customer_id"]))
        return tuple(keys)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """Raises ``KeyReused`` (1009), ``CustomerUnknown`` (3001), ``AttributeInvalid`` (3020), DATE_INVALID (3013)."""
        asked = {
            "customer": self.customer,
            "items": self.items,
            "required_date": self.required_date,
            "contact": self.contact,
        }
        known = uow.scheme_request(self.scheme_request_id)
        if known is not None:
            if known.asked != asked:
                raise KeyReused(
                    f"方案申请号 {known.id} 已用于其他内容", f"Scheme request {known.id} is known with other content"
                )
            return Outcome("DUPLICATE", state=known.state)
        self._check(uow)
        request = SchemeRequest(
            self.scheme_request_id,
            self.area,
            customer_order_id=self.customer_order_id,
            asked=asked,
            requested_at=uow.now,
        )
        uow.emit(
            SchemeRequested(
                key=request.id,
                area=self.area,
                scheme_request_id=request.id,
                customer_order_id=self.customer_order_id,
                operator=self.operator,
                channel=self.channel,
                image=asked,
            )
        )
        uow.add(request)
        return Outcome("ACCEPTED", state=request.state, details=(("scheme_request_id", request.id),))

    def _check(self, uow: UnitOfWork) -> None:
        check_area(uow, self.area)
        customer_id = self.customer.get("customer_id")
        if customer_id is not None and uow.customer(customer_id) is None:
            raise CustomerUnknown(f"客户 {customer_id} 不存在", f"Customer {customer_id} is not known")
        for item in self.items:
            if item["product"] not in uow.reference.products:
                raise AttributeInvalid(f"产品 {item['product']} 不存在", f"The product {item['product']} is not known")
        if from_wire(self.required_date) < uow.now:
            raise DomainError("要求日期已过", "The required date has passed", code="DATE_INVALID")
