"""Documents into commands, events into outbound messages, by rows alone (architecture 1, 6)."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

import pytest

from adapters.document import Document, Header
from adapters.store.store import Store
from adapters.store.unit import StoreUnit
from adapters.translate import Inbound, Outbound, ReceiptCommands, use_cases
from adapters.xml.codec import Codec
from crm_core.events import OrderStateChanged
from gateway.proof.memory_store import memory_store
from schemas.loader import load
from tests.crm_core.samples import CHANNEL, NOW, REFERENCE

CATALOGUE = load()
CODEC = Codec(CATALOGUE)


class Book:
    """Who is who."""

    own_id = "CRM001"

    def __init__(self, **known: str) -> None:
        self.known = known

    def receiver(self, role: str, area: str) -> str | None:
        return self.known.get(role)

    def reachable(self, system_id: str) -> bool:
        return system_id in self.known.values()

    def binding(self, system_id: str) -> str:
        return "soap" if self.reachable(system_id) else ""


def unit() -> StoreUnit:
    return StoreUnit(Store(memory_store()), NOW, REFERENCE, CHANNEL, lambda event, unit: ())


def inbound() -> Inbound:
    own = {row.command for row in CATALOGUE.messages() if row.command is not None} - use_cases().keys()
    return Inbound(CATALOGUE, {name: lambda body, name=name: (name, body) for name in own})  # type: ignore[misc,return-value]


@pytest.mark.parametrize("row", [row for row in CATALOGUE.messages() if row.command is not None], ids=lambda row: row.code)
def test_every_good_sample_of_a_message_the_core_takes_becomes_its_command(row: Any) -> None:
    made = inbound()
    samples = [path.read_bytes() for path in CATALOGUE.samples(row.name) if path.name.startswith("ok_")]
    documents = [CODEC.decode(raw) for raw in samples]
    requests = [document for document in documents if document.element == row.name]
    assert requests
    for document in requests:
        command: Any = made.command(document)
        if isinstance(command, tuple):
            assert command == (row.command, document.body)
            continue
        assert type(command).__name__ == row.command
        for field in fields(command):
            if field.name in document.body:
                assert getattr(command, field.name) == document.body[field.name]
        assert isinstance(command.prefetch(), tuple)


def test_a_message_nobody_takes_has_no_command() -> None:
    row = next(row for row in CATALOGUE.messages() if row.command is None)
    assert inbound().command(Document(row, row.name, Header(row.code, "s", "PF0001", "CRM001"))) is None


def changed(**values: Any) -> OrderStateChanged:
    """An order's notice, with what is not given taken from the field's kind."""
    given: dict[str, Any] = {"key": "SO1", "area": "025", "to": None, "ref_serial": None}
    for field in fields(OrderStateChanged):
        if field.name not in given and field.name not in values and field.default is MISSING:
            given[field.name] = {"version": 1}.get(field.name, "025")
    return OrderStateChanged(**(given | values))


def test_an_event_becomes_the_messages_whose_rows_name_it() -> None:
    made = unit()
    rows = CATALOGUE.for_event("OrderStateChanged")
    serials = Outbound(CATALOGUE, Book(channel="CH0001")).publish(changed(state="COMPLETED"), made)
    assert len(serials) == len(rows) == len(made.outgoing)
    (record, body), *_ = made.outgoing
    assert (record.code, record.peer, record.state, record.order_key) == (rows[0].code, "CH0001", "READY", "SO1")
    assert body["state"] == "COMPLETED"
    assert serials[0] == record.serial
    assert record.serial.startswith("CRM001")
    assert len(record.serial) == 30


@pytest.mark.parametrize(
    ("known", "to", "peer", "state"),
    [
        ({"channel": "CH0001", "other": "CH0007"}, "CH0007", "CH0007", "READY"),
        ({"channel": "CH0001"}, "CH0007", "CH0007", "PARKED"),
        ({"channel": "CH0001"}, None, "CH0001", "READY"),
        ({}, None, "channel", "PARKED"),
    ],
)
def test_the_receiver_is_whom_the_event_names_else_who_plays_the_role_else_nobody(
    known: dict[str, str], to: str | None, peer: str, state: str
) -> None:
    made = unit()
    Outbound(CATALOGUE, Book(**known)).publish(changed(to=to), made)
    record, _ = made.outgoing[0]
    assert (record.peer, record.state) == (peer, state)


def test_nobody_to_tell_is_a_fallout_record_and_never_silent() -> None:
    made = unit()
    Outbound(CATALOGUE, Book()).publish(changed(), made)
    made.merge()
    record, _ = made.outgoing[0]
    fallout = made.store.find("fallout", "FO000000000001")
    assert (fallout.message_id, fallout.symbol, fallout.state) == (record.id, "PEER_UNAVAILABLE", "new")


def test_receipts_speak_to_the_core_where_the_row_says_so() -> None:
    receipts = ReceiptCommands(CATALOGUE)
    row = CATALOGUE.for_event("OrderDispatched")[0]
    body = {"service_order_id": "SO1", "version": 2, "action": "install"}
    command: Any = receipts.command(row, body, accepted=False, symbol="STATE_CONFLICT")
    assert (command.service_order_id, command.accepted, command.symbol) == ("SO1", False, "STATE_CONFLICT")
    silent = next(row for row in CATALOGUE.messages() if row.on_receipt is None)
    assert receipts.command(silent, body, accepted=True, symbol="OK") is None
    assert receipts.command(row, None, accepted=True, symbol="OK") is None


def test_the_answer_of_a_query_speaks_to_the_core_with_the_fields_of_both() -> None:
    receipts = ReceiptCommands(CATALOGUE)
    row = CATALOGUE.for_event("OperationInquired")[0]
    asked = {"service_order_id": "SO1", "version": 1, "operation": "cancel"}
    answer = {"service_order_id": "SO1", "version": 2, "items": []}
    command: Any = receipts.command(row, asked, accepted=True, symbol="OK", answer=answer)
    assert (command.service_order_id, command.operation, command.version, command.items) == ("SO1", "cancel", 2, [])
    assert receipts.listens(row)
    assert receipts.command(row, asked, accepted=False, symbol="ORDER_UNKNOWN") is None
