"""Billing's copies of customers, accounts and product instances (BL03, spec 05.3): the newest version of each counts.

An image is refused whole, and changes nothing, where it names what billing does not know.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import astuple, dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import Any

from simulators.archive import Archive
from simulators.bill.intervals import Refused
from simulators.brain import Body


@cache
def tariff() -> dict[str, list[str]]:
    """The table as shipped."""
    return tomllib.loads((files("simulators.bill") / "tariff.toml").read_text("utf-8"))


@dataclass(frozen=True, slots=True)
class Copy:
    """One entity as it was told last, and whose it is."""

    customer: str
    version: int
    image: Body


class Copies:
    """All copies. ``charges`` says whether an account, or a product instance, is known from what is charged; ``any_plan``:
    every price plan counts as known, those of products that did not ship are not in the tariff."""

    def __init__(
        self, charges_account: Callable[[str], bool], charges_instance: Callable[[str], bool], *, any_plan: bool = False
    ) -> None:
        self._any_plan = any_plan
        self.by_kind: dict[str, Archive[Copy]] = {
            kind: Archive(astuple, lambda _, row: Copy(*row)) for kind in ("customer", "account", "product_instance")
        }
        self._charges_account = charges_account
        self._charges_instance = charges_instance

    def take(self, body: Body) -> bool:
        """Keep an image; whether it was known already. Raises Refused 1009, 3001, 3002, 3015, 3023."""
        kind, name, version = body["entity_kind"], body["entity_id"], body["entity_version"]
        image = body["image"].get(kind)
        if image is None:
            raise Refused("SCHEMA_FAULTS", "内容与类别不符 / the image is of another kind")
        known = self.by_kind[kind].get(name)
        fresh = Copy(body["customer_id"], version, image)
        if known is not None and version <= known.version:
            if version < known.version:
                raise Refused("STALE_VERSION", f"已有版本 {known.version} / version {known.version} is there")
            if known != fresh:
                raise Refused("SERIAL_REUSED", "同一版本、不同内容 / the same version with other content")
            return True
        self._check(kind, name, fresh)
        self.by_kind[kind][name] = fresh
        return False

    def knows_account(self, name: str) -> bool:
        """Whether there is such an account."""
        return name in self.by_kind["account"] or self._charges_account(name)

    def knows_instance(self, name: str) -> bool:
        """Whether there is such a product instance."""
        return name in self.by_kind["product_instance"] or self._charges_instance(name)

    def check_charge(self, account: str, plan: str) -> None:
        """Raises Refused: nothing can be charged to the account 3023, its customer has left 3001, no such plan 3020."""
        table = tariff()
        if not self._any_plan and not any(fnmatchcase(plan, pattern) for pattern in table["plans"]):
            raise Refused("ATTRIBUTE_INVALID", f"没有资费 {plan} / no plan {plan}")
        known = self.by_kind["account"].get(account)
        if known is None:
            return
        if known.image["status"] in table["closed_accounts"]:
            raise Refused("ACCOUNT_OR_CREDIT", "账户已销户 / the account is closed")
        owner = self.by_kind["customer"].get(known.customer)
        if owner is not None and owner.image["status"] in table["gone_customers"]:
            raise Refused("CUSTOMER_UNKNOWN", "客户已离网 / the customer has left")

    def _check(self, kind: str, name: str, fresh: Copy) -> None:
        if kind == "customer":
            return
        if fresh.customer not in self.by_kind["customer"]:
            raise Refused("CUSTOMER_UNKNOWN", f"没有客户 {fresh.customer} / no customer {fresh.customer}")
        if kind == "account":
            return
        account = fresh.image["account_id"]
        if not self.knows_account(account):
            raise Refused("ACCOUNT_OR_CREDIT", f"没有账户 {account} / no account {account}")
        if fresh.image["status"] in tariff()["ended_instances"] and not self.knows_instance(name):
            raise Refused("INSTANCE_UNKNOWN", f"没有产品实例 {name} / no product instance {name}")

    def settle(self) -> None:
        """See ``Archive``."""
        for copies in self.by_kind.values():
            copies.settle()

    def inspect(self) -> dict[str, Any]:
        """Versions by kind and id."""
        return {kind: {name: copy.version for name, copy in copies.items()} for kind, copies in self.by_kind.items()}
