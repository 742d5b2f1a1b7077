"""CH01: a channel submits a customer order; captured and, unless it must wait, dispatched in the same breath (02.0, 5.4)."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter

from crm_core.errors import KeyReused
from crm_core.orders.capture import capture
from crm_core.orders.examine import examine
from crm_core.orders.model import CustomerOrder
from crm_core.orders.request import Submission
from crm_core.ports import Outcome, UnitOfWork


@dataclass(frozen=True, slots=True)
class SubmitOrder(Submission):
    """``customer_order_id`` is the business key: the same content again gets the first answer."""

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The key itself, and every customer, account, instance and reservation the document names."""
        keys = [("customer_order", self.customer_order_id)]
        customer_id = self.customer.get("customer_id")
        if customer_id is not None:
            keys.append(("customer", customer_id))
        if self.account_id is not None:
            keys.append(("account", self.account_id))
        for item in self.items:
            instance_id = item.get("product_instance_id")
            if instance_id is not None:
                keys.append(("instance", instance_id))
        for reservation_id in self.reservations or ():
            keys.append(("reservation", reservation_id))
        return tuple(keys)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """ACCEPTED, or DUPLICATE for a repeat, with the service order ids. Raises ``KeyReused`` (1009) for the same key with
        other content, and one ``DomainError`` that lists every fault of the document."""
        # tells a repeat from a conflict: fields stand in the schema's order, whatever face the document came by
        content_hash = uow.fingerprint(list(_content(self)))
        known = uow.customer_order(self.customer_order_id)
        if known is not None:
            if known.content_hash != content_hash:
                raise KeyReused(
                    f"客户订单号 {known.id} 已用于其他内容", f"Customer order {known.id} is known with other content"
                )
            return _answer(known, "DUPLICATE")
        return _answer(capture(self, uow, examine(self, uow), content_hash), "ACCEPTED")


_content = attrgetter(*Submission.__slots__)


def _answer(order: CustomerOrder, symbol: str) -> Outcome:
    details = tuple([("service_order_id", order_id) for order_id in order.service_order_ids])
    return Outcome(symbol, state=order.state, details=details)
