"""A customer is told something that no order of his tells: remembered, and handed to the channel with the change (5.12)."""

from __future__ import annotations

from dataclasses import dataclass

from crm_core.customers.notice import CustomerNotice
from crm_core.events import Event
from crm_core.ports import UnitOfWork
from crm_core.products.model import ProductInstance
from crm_core.times import to_wire


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerNoticeIssued(Event):
    """The channel is to tell a customer (CH04); ``text`` is Chinese, ``about`` what caused it, ``issued_at`` a wire time."""

    notice_id: str
    customer_id: str
    product_instance_id: str
    about: str
    issued_at: str
    text: str
    text_en: str
    access_number: str | None = None


def tell_customer(uow: UnitOfWork, instance: ProductInstance, area: str, about: str, zh: str, en: str) -> None:
    """The notice and its message are born in the transaction of what they tell, so there is exactly one of each."""
    notice = CustomerNotice(uow.new_id("NT"), instance.customer_id, instance.id, about, zh, en, uow.now)
    uow.add(notice)
    uow.emit(
        CustomerNoticeIssued(
            key=instance.id,
            area=area,
            notice_id=notice.id,
            customer_id=instance.customer_id,
            product_instance_id=instance.id,
            about=about,
            issued_at=to_wire(uow.now),
            text=zh,
            text_en=en,
            access_number=instance.access_number,
        )
    )
