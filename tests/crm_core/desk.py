"""A small world for tests of reports: one store, one order, and provisioning's messages about it."""

from __future__ import annotations

from typing import Any

from crm_core.billing.model import BillingRecord
from crm_core.events import Event
from crm_core.fakes import FakeStore
from crm_core.fallout.model import Fallout
from crm_core.orders.accept import AcceptOrder
from crm_core.orders.complete import ReportCompletion
from crm_core.orders.model import OrderItem, ServiceOrder
from crm_core.orders.reject import RejectOrder
from crm_core.orders.send_back import SendBackOrder
from crm_core.orders.stage import ReportStage
from crm_core.ports import Command, Outcome
from crm_core.products.model import ProductInstance
from crm_core.reference import Reference
from tests.crm_core.samples import CHANNEL, NOW, REFERENCE, pf, store, submission

AT = "20261122090000"
PORT = {"res_inst_id": "P1", "res_type": "PORT", "role": "port", "code": "NJ-01"}
NUMBER = {"res_inst_id": "N1", "res_type": "NUMBER", "role": "number", "code": "02580000001"}


class World:
    """Submits one order; then ``tell`` runs provisioning's reports, each with a serial of its own."""

    def __init__(
        self, *items: dict[str, Any], made: FakeStore | None = None, reference: Reference = REFERENCE, **fields: Any
    ) -> None:
        self.store = made or store()
        self.reference = reference
        self.serial = 0
        self.store.run(submission(*items, **fields), NOW, reference, CHANNEL)
        self.id = next(iter(self.store.table(ServiceOrder)))

    @property
    def order(self) -> ServiceOrder:
        """As committed."""
        return self.store.table(ServiceOrder)[self.id]

    def item(self, item_id: str = "1") -> OrderItem:
        """The newest row."""
        return next(item for item in self.order.newest() if item.item_id == item_id)

    def instance(self, item_id: str = "1") -> ProductInstance:
        """The item's instance."""
        return self.store.table(ProductInstance)[self.item(item_id).instance_id]

    def tell(self, command: Command, now: int = NOW) -> Outcome:
        """Run and commit."""
        self.serial += 1
        return self.store.run(command, now, self.reference, pf(self.serial))

    def edit(self, item_id: str = "1", **fields: Any) -> None:
        """Put the committed item where a message of a later chapter would."""
        for name, value in fields.items():
            setattr(self.item(item_id), name, value)

    def events(self, kind: type[Event]) -> list[Any]:
        """What was told, of one kind."""
        return [event for event in self.store.events if isinstance(event, kind)]

    def fallouts(self) -> list[Fallout]:
        """Records opened."""
        return list(self.store.table(Fallout).values())

    def billing(self) -> list[BillingRecord]:
        """Facts told to billing."""
        return list(self.store.table(BillingRecord).values())

    def accept(self, seq: int | None = None, version: int = 1) -> AcceptOrder:
        """OH02."""
        return AcceptOrder(self.id, version, "调度员甲", AT, "20261125180000", "02588000000", seq)

    def stage(self, seq: int | None = None, version: int = 1, **fields: Any) -> ReportStage:
        """OH07."""
        given: dict[str, Any] = {"state": "done", "work_order_id": "WO1", **fields}
        stage = {"code": "FIELD", "name": "外线施工"}
        return ReportStage(self.id, version, stage, time=AT, report_seq=seq, **given)

    def done(self, *items: dict[str, Any], seq: int | None = None, version: int = 1) -> ReportCompletion:
        """OH08; without items: item 1 with number and port."""
        rows = list(items) or [{"item_id": "1", "resources": [NUMBER, PORT], "access_number": "02580000001"}]
        return ReportCompletion(self.id, version, "装维员乙", AT, rows, report_seq=seq)

    def back(self, seq: int | None = None, items: list[dict[str, Any]] | None = None) -> SendBackOrder:
        """OH09."""
        reason = {"type": "10R", "code": "10R201", "text": "无资源"}
        return SendBackOrder(self.id, 1, reason, {"code": "RES_ASSIGN", "name": "资源配置"}, "审核员乙", items, seq)

    def reject(self, seq: int | None = None) -> RejectOrder:
        """OH12."""
        fault = {"path": "/x", "rule": "r", "found": "f", "text": "地址不全"}
        return RejectOrder(self.id, 1, "3022", [fault], seq)
