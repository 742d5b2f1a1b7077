"""过户: whom a product instance is transferred to, a customer and an account the CRM knows (spec 5.4, 03)."""

from __future__ import annotations

from typing import Any

from crm_core.orders.fulfil import NEW_ACCOUNT, NEW_CUSTOMER
from crm_core.ports import UnitOfWork
from crm_core.products.attributes import value_of

ACTION = "transfer"

Fault = tuple[str, str, str, str]
"""What was found, the symbol, and both texts."""


def heir_fault(attrs: list[dict[str, Any]], uow: UnitOfWork) -> Fault | None:
    """What is wrong with the heir the attributes of an item name: CUSTOMER_UNKNOWN (3001), or ACCOUNT_OR_CREDIT (3023) for an
    account that is unknown, not active, or not that customer's. None also where they name none: the product asks for that."""
    customer_id, account_id = value_of(attrs, NEW_CUSTOMER), value_of(attrs, NEW_ACCOUNT)
    if customer_id is None or account_id is None:
        return None
    heir = uow.customer(customer_id)
    if heir is None or heir.status == "left":
        return customer_id, "CUSTOMER_UNKNOWN", "过户后的客户不存在", "The customer after the transfer is not known"
    account = uow.account(account_id)
    if account is None or account.status != "active" or account.customer_id != customer_id:
        zh = "过户后的账户不存在、不可用或不属于该客户"
        return account_id, "ACCOUNT_OR_CREDIT", zh, "The account after the transfer is unknown, not active or another's"
    return None
