"""CH01: a channel submits a customer order; captured and, unless it must wait, dispatched in the same breath (02.0, 5.4)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from operator import attrgetter

from crm_core.errors import KeyReused, StateConflict
from crm_core.orders.capture import capture
from crm_core.orders.closing import leave_now
from crm_core.orders.examine import examine
from crm_core.orders.model import CustomerOrder
from crm_core.orders.moves import Moves
from crm_core.orders.request import Submission
from crm_core.ports import Outcome, UnitOfWork


@dataclass(frozen=True, slots=True)
class SubmitOrder(Submission):
    """``customer_order_id`` is the business key: the same content again gets the first answer.  The same without ``pre_accept``
    confirms what was accepted in advance, and what nothing else holds back is dispatched (docs/decisions/018)."""

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
        other content, ``StateConflict`` (3004) for a confirmation of what has ended, and one ``DomainError`` that lists every
        fault of the document."""
        # tells a repeat from a conflict: fields stand in the schema's order, whatever face the document came by
        content_hash = uow.fingerprint(list(_content(self)))
        known = uow.customer_order(self.customer_order_id)
        if known is not None:
            return self._again(uow, known, same=known.content_hash == content_hash)
        return _answer(capture(self, uow, examine(self, uow), content_hash), "ACCEPTED")

    def _again(self, uow: UnitOfWork, known: CustomerOrder, *, same: bool) -> Outcome:
        """A repeat, or the confirmation of what was accepted in advance: the same but for ``pre_accept``."""
        if same:
            return _answer(known, "DUPLICATE")
        if self.pre_accept or known.content_hash != uow.fingerprint(list(_content(replace(self, pre_accept=True)))):
            raise KeyReused(f"客户订单号 {known.id} 已用于其他内容", f"Customer order {known.id} is known with other content")
        if not known.pre_accepted:
            return _answer(known, "DUPLICATE")
        if known.ended_at is not None:
            zh, en = f"预受理订单 {known.id} 已结束", f"The pre-accepted order {known.id} has ended"
            raise StateConflict(zh, en, state=known.state)
        known.pre_accepted = False
        uow.save(known)
        for order_id in known.service_order_ids:
            order = uow.order(order_id)
            if order is not None and order.state == "DRAFT":
                leave_now(Moves(uow, order, "confirm"))
        return _answer(known, "ACCEPTED")


_content = attrgetter(*Submission.__slots__)


def _answer(order: CustomerOrder, symbol: str) -> Outcome:
    details = tuple([("service_order_id", order_id) for order_id in order.service_order_ids])
    return Outcome(symbol, state=order.state, details=details)
