"""A world with a channel that asks for operations on its order, and provisioning that answers them."""

from __future__ import annotations

from typing import Any

import pytest

from crm_core.errors import DomainError
from crm_core.events import Event, OrderStateChanged
from crm_core.orders.cancel_result import RecordCancelResult
from crm_core.orders.change_result import RecordChangeResult
from crm_core.orders.operation import OrderOperation
from crm_core.orders.operation_result import RecordOperationReceipt, RecordOperationResult
from crm_core.ports import Origin, Outcome
from tests.crm_core.desk import World
from tests.crm_core.samples import NOW

AMEND = {"type": "10Q", "code": "10Q001", "text": "客户改速率"}
CANCEL = {"type": "10C", "code": "10C001", "text": "客户不要了"}
PLAIN = {"text": "客户催"}


class Asked(World):
    """``ask`` is a CH03; ``answer`` a message of provisioning that names the command it answers."""

    def ask(self, operation: str, fields: dict[str, Any], *, dry_run: bool = False, version: int | None = None) -> Outcome:
        """One CH03, with a serial of its own."""
        self.serial += 1
        origin = Origin("CH0001", f"CH0001202611220850{self.serial:014d}", "CH03")
        command = OrderOperation(self.id, operation, dry_run, version, "OP01", **{operation: fields})
        return self.store.run(command, NOW, self.reference, origin)

    def amend(self, value: str = "POTS30", item_id: str = "1", **fields: Any) -> Outcome:
        """A change of the tariff of an item."""
        plan = {"code": "PLAN", "new": value, "action": "M"}
        one = {"item_id": item_id, "action": "install", "product": "POTS", "attrs": [plan]}
        return self.ask("amend", {"reason": AMEND, "items": [one], **fields})

    def cancel(self, *items: str) -> Outcome:
        """Of the items, or of all."""
        return self.ask("cancel", {"reason": CANCEL} | ({"items": list(items)} if items else {}))

    def refused(self, operation: str, fields: dict[str, Any], **given: Any) -> DomainError:
        """The refusal, which left everything as it was."""
        before = self.store.snapshot()
        with pytest.raises(DomainError) as met:
            self.ask(operation, fields, **given)
        assert self.store.snapshot() == before
        return met.value

    def last_serial(self, name: str) -> str:
        """Of the newest open operation of that name."""
        return str([entry for entry in self.order.operations if entry["operation"] == name][-1]["serial"])

    def answer(self, command: Any, ref: str | None) -> Outcome:
        """A message of provisioning with this RefSerial."""
        self.serial += 1
        origin = Origin("PF0001", f"PF0001202611220900{self.serial:014d}", "CO02", ref)
        return self.store.run(command, NOW, self.reference, origin)

    def changed(self, outcome: str = "applied", version: int = 2, ref: str | None = "", **fields: Any) -> Outcome:
        """CO02; without ``ref`` to the open change."""
        ref = self.last_serial("change") if ref == "" else ref
        return self.answer(RecordChangeResult(self.id, version, outcome, **fields), ref)

    def cancelled(self, *rows: tuple[str, str], ref: str | None = "", version: int = 1, **fields: Any) -> Outcome:
        """CN02 with (item, outcome) rows."""
        ref = self.last_serial("cancel") if ref == "" else ref
        why = {"code": "3005", "state": "IN_PROGRESS"}
        items = [{"item_id": one, "outcome": outcome, **({} if outcome == "cancelled" else why)} for one, outcome in rows]
        return self.answer(RecordCancelResult(self.id, version, items, **fields), ref)

    def operated(self, operation: str, outcome: str = "applied", **fields: Any) -> Outcome:
        """OH14 to the open operation."""
        return self.answer(RecordOperationResult(self.id, 1, operation, outcome, **fields), self.last_serial(operation))

    def receipt(self, name: str, symbol: str = "STATE_CONFLICT") -> Outcome:
        """The receipt that refuses the open operation's message for good."""
        serial = self.last_serial(name)
        command = RecordOperationReceipt(self.id, 1, False, symbol)
        return self.store.run(command, NOW, self.reference, Origin("PF0001", serial, "CO01"))

    def notices(self, serial: str | None = None) -> list[OrderStateChanged]:
        """CH02, all or those in answer to the CH03 with this serial."""
        told = self.events(OrderStateChanged)
        return told if serial is None else [one for one in told if one.ref_serial == serial]

    def count(self, kind: type[Event]) -> int:
        """How many events of a kind were told."""
        return len(self.events(kind))
