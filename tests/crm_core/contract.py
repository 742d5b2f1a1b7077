"""What every store owes the core: the contract of ``ports.UnitOfWork``, run over the fake and over the real one.

Subclass ``UnitOfWorkContract``, give it a ``harness`` fixture, and name the class ``Test...``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol

import pytest

from crm_core.billing.model import BillingRecord
from crm_core.customers.model import Account, Customer
from crm_core.cutover.model import Cutover, CutoverItem
from crm_core.errors import DomainError, StateConflict
from crm_core.events import BillingDue
from crm_core.fallout.model import Fallout
from crm_core.orders.model import CustomerOrder, OrderChange, OrderItem, ServiceOrder, StageRecord
from crm_core.ports import Command, Outcome, UnitOfWork
from crm_core.products.model import ProductInstance
from crm_core.resources.model import Confirmation, Reservation
from crm_core.schemes.model import Scheme, SchemeRequest
from crm_core.surveys.model import Survey


class Harness(Protocol):
    """A store under test."""

    def group(self, commands: Sequence[Command]) -> list[Outcome | DomainError]:
        """Execute the commands as one group, each in a unit of work of its own, and commit once; a refusal drops only its own
        command and stands in the answers in its place."""

    def fallout(self, fallout_id: str) -> Fallout | None:
        """A committed fallout record: the core only adds them, so the unit of work has no lookup."""

    def stages(self, service_order_id: str) -> list[StageRecord]:
        """Committed stage records of an order, in order of arrival."""

    def changes(self, service_order_id: str) -> list[OrderChange]:
        """Committed history of an order; ``items`` may be empty where a store keeps them as text."""


@dataclass(frozen=True)
class Do:
    """A command made of a function."""

    deed: Callable[[UnitOfWork], Any]
    keys: tuple[tuple[str, str], ...] = ()

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """As given."""
        return self.keys

    def execute(self, uow: UnitOfWork) -> Outcome:
        """Whatever the function does."""
        self.deed(uow)
        return Outcome()


RESOURCE = {"res_inst_id": "P1", "res_type": "PORT", "role": "port", "code": "南京-01"}
ADDRESS = {"text": "南京市鼓楼区示例路1号𠮷", "area": "025"}
REASON = {"type": "10R", "code": "10R201", "text": "无资源"}
ATTRS = [{"code": "PLAN", "new": "P1", "old": "P0", "action": "M"}]

ITEM = OrderItem(
    "1", 1, "install", "POTS", "PI1", "IN_PROGRESS", True, True, True, "02580000001", ATTRS, [RESOURCE], ["2"], ADDRESS,
    ADDRESS, {"PORT": "南京-01"}, REASON, 11,
)  # fmt: skip

ENTITIES: dict[str, Any] = {
    "customer": Customer(
        "CU1", "张示例", "3", "025", "left", "gold", "ID", "320000190001010000", "CU0", [{"name": "李示例"}], {"a": "b"}, 5
    ),
    "account": Account("AC1", "CU1", "025", "张示例", "prepaid", "frozen", 6),
    "customer_order": CustomerOrder(
        "CO1", "CU1", "025", "CH0001", "ab" * 32, "PARTIAL", "AC1", "COUNTER", "OP1", "each", True, ["SO1"], {"SO1": "PARTIAL"},
        {"serial": "S1"}, 7, 8,
    ),
    "order": ServiceOrder(
        "SO1", "CO1", 2, 3, "install", "CU1", "025", "IN_PROGRESS", 9, "AC1", "COUNTER", "OP1", 7, REASON, 10, 11, 12, 13, 14,
        15, "调度员甲", 16, "FIELD", 17, "PF0001", 18, [{"seq": 20}], ["RV1"], {"holder": None, "fence": 1, "queue": []},
        [{"code": "CN01", "serial": "S2"}], {"until": 18}, {"stage": "FIELD"}, {"remaining": 19}, 20,
        {"contact": {"name": "张示例"}},
        [replace(ITEM), replace(ITEM, item_id="2", progress="RETURNED"), replace(ITEM, item_id="2", version=3)],
    ),
    "instance": ProductInstance(
        "PI1", "POTS", "CU1", "025", "AC1", "02580000001", "02580000000", "suspended", 5, True, {"PLAN": "P1"}, [RESOURCE],
        ADDRESS, ADDRESS, ["SO1"], "SO0", 19, 20, 21,
    ),
    "reservation": Reservation(
        "RV1", "ORDER", "CRM001", "025", "SO1", [{"resource": RESOURCE, "state": "held"}], 22, 23, 24, True,
        [{"item_no": 1}],
    ),
    "confirmation": Confirmation(
        "S6", "025", "CRM001", "answered", "CO1", {"a_end": ADDRESS}, {"result": "1"}, "OK", 46, 47
    ),
    "survey": Survey(
        "SV1", "025", "surveying", "CO1", {"a_end": ADDRESS}, [{"outcome": "done"}], REASON, "S3", "S4", 33, 34, 35
    ),
    "scheme_request": SchemeRequest(
        "SR1", "025", "30", 2, "SC1", "CO1", {"items": []}, [{"operation": "cancel", "serial": "S5"}], REASON, 36, 37
    ),
    "scheme": Scheme(
        "SC1/2", "SR1", "SC1", 2, "025", "40", [{"no": 1}], 1, "设计员甲", "审核员乙", [{"name": "图"}], REASON, "RV1", "CO1",
        38, 39,
    ),
    "cutover": Cutover("CT1", "025", "PF0001", "2", 40, 41, ["PI1", "PI2"], 1, 2, 3, REASON, 42, 43, 44),
    "cutover_item": CutoverItem("CT1/PI1", "CT1", "PI1", "frozen", REASON, ["SO1"], 45),
}  # fmt: skip
CHANGED = {"cutover_item": "state"}
"""The field a test changes where it is not the area."""
BILLING = BillingRecord("SO1/1/start", "SO1", "1", "PI1", "AC1", "025", "start", 25, "S9", "refused", REASON, 26, 27)
FALLOUT = Fallout(
    "FO1", "report", 28, "中文", "English", "STATE_CONFLICT", "SO1", None, "025", "claimed", "staff1", {"serial": "S1"},
    [{"who": "staff1"}], 29,
)  # fmt: skip
STAGE = StageRecord("SO1", 1, 2, "FIELD", "外线施工", "done", 30, "WO1", "装维班", "装维员乙", 31)
CHANGE = OrderChange("SO1", 32, "stage", "PF0001", "S1", "ACCEPTED", "IN_PROGRESS", (("1", "ACCEPTED", "IN_PROGRESS"),), "why")


def fresh(kind: str) -> Any:
    """A copy nobody else holds: stores may keep what they are given."""
    entity = ENTITIES[kind]
    if kind == "order":
        return replace(entity, items=[replace(item) for item in entity.items])
    return replace(entity)


def same(one: Any, other: Any) -> bool:
    """All fields but the row version, which is the store's."""
    return all(getattr(one, f.name) == getattr(other, f.name) for f in fields(one) if f.name != "row_version")


class UnitOfWorkContract:
    """Inherit, and provide ``harness``."""

    def look(self, harness: Harness, kind: str, entity_id: str) -> Any:
        """What a later command finds."""
        found: list[Any] = []
        harness.group([Do(lambda uow: found.append(getattr(uow, kind)(entity_id)), ((kind, entity_id),))])
        return found[0]

    def put(self, harness: Harness, *kinds: str) -> None:
        """Add samples in a command of their own."""
        harness.group([Do(lambda uow: [uow.add(fresh(kind)) for kind in kinds])])

    @pytest.mark.parametrize("kind", ENTITIES)
    def test_every_field_comes_back(self, harness: Harness, kind: str) -> None:
        """Added, committed, looked up."""
        self.put(harness, kind)
        assert same(self.look(harness, kind, ENTITIES[kind].id), ENTITIES[kind])

    @pytest.mark.parametrize("kind", ENTITIES)
    def test_what_is_not_there_is_none(self, harness: Harness, kind: str) -> None:
        """Unknown ids."""
        assert self.look(harness, kind, "XX9") is None

    @pytest.mark.parametrize("kind", ENTITIES)
    def test_a_save_is_kept_and_counted(self, harness: Harness, kind: str) -> None:
        """The next command sees it, with a higher row version."""
        self.put(harness, kind)
        changed = CHANGED.get(kind, "area")

        def change(uow: UnitOfWork) -> None:
            entity = getattr(uow, kind)(ENTITIES[kind].id)
            setattr(entity, changed, "0512")
            uow.save(entity)

        before = self.look(harness, kind, ENTITIES[kind].id).row_version
        harness.group([Do(change)])
        after = self.look(harness, kind, ENTITIES[kind].id)
        assert (getattr(after, changed), after.row_version > before) == ("0512", True)

    @pytest.mark.parametrize("kind", ENTITIES)
    def test_without_a_save_nothing_changes(self, harness: Harness, kind: str) -> None:
        """Working copies are isolated."""
        self.put(harness, kind)

        def change(uow: UnitOfWork) -> None:
            setattr(getattr(uow, kind)(ENTITIES[kind].id), CHANGED.get(kind, "area"), "0512")

        harness.group([Do(change)])
        assert same(self.look(harness, kind, ENTITIES[kind].id), ENTITIES[kind])

    def test_items_are_isolated_and_saved_with_their_order(self, harness: Harness) -> None:
        """An item is part of its order's working copy."""
        self.put(harness, "order")

        def touch(uow: UnitOfWork, keep: bool) -> None:
            order = uow.order("SO1")
            assert order is not None
            order.items[0].progress = "COMPLETED"
            order.items.append(replace(ITEM, item_id="3"))
            if keep:
                uow.save(order)

        harness.group([Do(lambda uow: touch(uow, False))])
        assert same(self.look(harness, "order", "SO1"), ENTITIES["order"])
        harness.group([Do(lambda uow: touch(uow, True))])
        items = self.look(harness, "order", "SO1").items
        assert [(item.item_id, item.version, item.progress) for item in items] == [
            ("1", 1, "COMPLETED"), ("2", 1, "RETURNED"), ("2", 3, "IN_PROGRESS"), ("3", 1, "IN_PROGRESS")
        ]  # fmt: skip

    def test_one_unit_gives_one_copy(self, harness: Harness) -> None:
        """Twice the same id is the same object; what was added is found."""
        self.put(harness, "instance")

        def twice(uow: UnitOfWork) -> None:
            assert uow.instance("PI1") is uow.instance("PI1")
            born = replace(ENTITIES["instance"], id="PI2")
            uow.add(born)
            assert uow.instance("PI2") is born

        assert isinstance(harness.group([Do(twice)])[0], Outcome)

    def test_a_refusal_leaves_nothing_and_spoils_nobody(self, harness: Harness) -> None:
        """In one group: a change, a refused one on the same key, one more that sees the first only."""
        self.put(harness, "instance", "order")
        seen: list[Any] = []

        def refuse(uow: UnitOfWork) -> None:
            instance = uow.instance("PI1")
            assert instance is not None
            seen.append(instance.area)
            instance.area = "0755"
            uow.save(instance)
            uow.add(fresh("customer"))
            uow.add(STAGE)
            uow.add(replace(FALLOUT))
            uow.emit(due())
            raise StateConflict("不", "no", state="suspended")

        def third(uow: UnitOfWork) -> None:
            instance = uow.instance("PI1")
            assert instance is not None
            seen.append(instance.area)

        answers = harness.group([Do(lambda uow: set_area(uow, "0512")), Do(refuse), Do(third)])
        assert [type(answer) for answer in answers] == [Outcome, StateConflict, Outcome]
        assert seen == ["0512", "0512"]
        assert self.look(harness, "customer", "CU1") is None
        assert (harness.stages("SO1"), harness.fallout("FO1")) == ([], None)

    def test_changes_of_one_group_add_up(self, harness: Harness) -> None:
        """The second command on a key works on the first one's result."""
        self.put(harness, "instance")

        def count(uow: UnitOfWork) -> None:
            instance = uow.instance("PI1")
            assert instance is not None
            instance.stop_mask += 1
            uow.save(instance)

        harness.group([Do(count) for _ in range(5)])
        assert self.look(harness, "instance", "PI1").stop_mask == ENTITIES["instance"].stop_mask + 5

    def test_history_stages_and_fallout(self, harness: Harness) -> None:
        """Rows that are only added."""
        self.put(harness, "order")
        harness.group([Do(lambda uow: [uow.add(STAGE), uow.add(CHANGE), uow.add(replace(FALLOUT))])])
        assert harness.stages("SO1") == [STAGE]
        (change,) = harness.changes("SO1")
        assert replace(change, items=CHANGE.items, reason=CHANGE.reason) == CHANGE
        record = harness.fallout("FO1")
        assert record is not None
        assert same(record, FALLOUT)

    def test_a_charging_fact_is_found_by_the_serial_of_its_notice(self, harness: Harness) -> None:
        """In the same unit and later."""
        self.put(harness, "order", "instance")
        found: list[BillingRecord | None] = []

        def tell(uow: UnitOfWork) -> None:
            (serial,) = uow.emit(due())
            record = replace(BILLING, serial=serial, state="sent")
            uow.add(record)
            assert uow.billing_by_serial(serial) is record
            found.append(record)

        harness.group([Do(tell)])
        told = found[0]
        assert told is not None
        harness.group([Do(lambda uow: found.append(uow.billing_by_serial(told.serial)), (("billing_serial", told.serial),))])
        assert found[1] is not None
        assert same(found[1], told)
        harness.group([Do(lambda uow: found.append(uow.billing_by_serial("S404")))])
        assert found[2] is None

    def test_ids_are_never_given_twice(self, harness: Harness) -> None:
        """Kind and 12 digits, over commands and groups."""
        ids: list[str] = []
        deed = Do(lambda uow: ids.extend(uow.new_id("SO") for _ in range(3)))
        harness.group([deed, deed])
        harness.group([deed])
        assert len(set(ids)) == 9
        assert all(one.startswith("SO") and len(one) == 14 and one[2:].isdecimal() for one in ids)

    def test_equal_values_have_equal_fingerprints_on_every_store(self, harness: Harness) -> None:
        """The digits are stored: another release, engine or interpreter must find the same for what comes again."""
        digits: list[str] = []
        values: list[Any] = ["张示例", 1, True, None, {"code": "速率\"", "list": ["a", "𠂇"]}, []]
        harness.group([Do(lambda uow: digits.extend((uow.fingerprint(values), uow.fingerprint(values[:-1]))))])
        assert digits[0] == "7ccc5cffd31d87544bb818da27e2a6a83a7e09610caf924b7659d02e44e742f9"
        assert digits[1] != digits[0]


def due() -> BillingDue:
    """A charging fact."""
    return BillingDue(
        key="PI1", area="025", customer_order_id="CO1", service_order_id="SO1", version=1, kind="start",
        product_instance_id="PI1", account_id="AC1", plan="POTS", effective_at="20261122090000", attrs=None,
    )  # fmt: skip


def set_area(uow: UnitOfWork, area: str) -> None:
    """Move the sample instance."""
    instance = uow.instance("PI1")
    assert instance is not None
    instance.area = area
    uow.save(instance)
