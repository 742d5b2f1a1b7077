"""Peers' ledgers against the store: agreement is silent, each disagreement is found under its clause."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.engine import Connection

from gateway.proof.auditor import Violation
from gateway.proof.ledgers import against_billing, against_channel, against_provisioning, against_resources

SO, PI, CO = "SO000000000001", "PI000000000001", "CO000000000001"
Ledger = dict[str, Any]

CHANNEL: Ledger = {"accepted": {CO: [SO]}, "notices": {SO: ["IN_PROGRESS", "COMPLETED"]}}
PROVISIONING: Ledger = {"orders": {SO: {"version": 1, "state": "COMPLETED", "report_seq": 0}}}
RESOURCES: Ledger = {
    "created": 2,
    "counts": {"held": 0, "consumed": 1, "released": 1, "expired": 0},
    "resources": {"P1": {"instance": PI}, "P2": {"instance": None}},
    "reservations": {
        SO: {"owner": "PF0001", "order": SO, "expires_at": None, "holds": [("P1", "consumed"), ("P2", "released")]},
    },
}
BILLING: Ledger = {
    "instances": {PI: {"suspended": None, "intervals": [("A1", "PLAN", 0, None, False)]}},
    "facts": [{"key": (SO, PI, "start", 1), "refused": None}],
}


def judge(connection: Connection, name: str, ledger: Ledger) -> list[Violation]:
    match name:
        case "channel":
            return list(against_channel(connection, "CH0001", ledger))
        case "provisioning":
            return list(against_provisioning(connection, "PF0001", ledger, quiet=True))
        case "resources":
            return list(against_resources(connection, "RM0001", ledger, "CRM001"))
        case _:
            return list(against_billing(connection, "BIL001", ledger, quiet=True))


LEDGERS = {"channel": CHANNEL, "provisioning": PROVISIONING, "resources": RESOURCES, "billing": BILLING}


@pytest.mark.parametrize("name", LEDGERS)
def test_ledgers_that_agree_have_no_violation(connection: Connection, name: str) -> None:
    connection.execute(text("update billing_record set state = 'accepted'"))
    assert judge(connection, name, LEDGERS[name]) == []


def hold(state: str) -> Callable[[Ledger], None]:
    """The released port is in ``state`` again, and counted so."""

    def change(ledger: Ledger) -> None:
        ledger["reservations"][SO]["holds"][1] = ("P2", state)
        ledger["counts"] |= {"released": 0, state: 1}

    return change


def held_twice(ledger: Ledger) -> None:
    hold("held")(ledger)
    ledger["reservations"]["SO2"] = {"owner": "PF0001", "order": "SO2", "expires_at": None, "holds": [("P2", "held")]}
    ledger["counts"]["held"], ledger["created"] = 2, 3


CANCELLED = "update order_item set progress = 'CANCELLED'"
REFUSED = "update billing_record set state = 'sent'"


@pytest.mark.parametrize(
    ("name", "sql", "change", "clause", "says"),
    [
        ("channel", "", lambda it: it["accepted"].update(CO2=["SO2"]), "6.4/11", "the store has None"),
        ("channel", "", lambda it: it["notices"].update({SO: ["IN_PROGRESS"]}), "6.4/7", "ended COMPLETED, told IN_PROGRESS"),
        ("channel", "", lambda it: it["notices"].clear(), "6.4/7", "told nothing"),
        ("provisioning", "", lambda it: it["orders"].clear(), "6.4/11", "not there"),
        ("provisioning", "", lambda it: it["orders"][SO].update(version=3), "6.4/6", "has 3, not 1"),
        ("provisioning", "", lambda it: it["orders"][SO].update(state="IN_PROGRESS"), "6.4/7", "there IN_PROGRESS"),
        ("provisioning", "", lambda it: it["orders"][SO].update(report_seq=4), "6.4/7", "0 of 4 reports"),
        ("resources", "", lambda it: it.update(created=5), "6.4/13", "do not add up to 5"),
        ("resources", "", lambda it: it["counts"].update(held=1, released=0), "6.4/13", "but"),
        ("resources", CANCELLED, hold("held"), "6.4/4", "it holds ['P2']"),
        ("resources", "", held_twice, "6.4/5", "held by both"),
        ("resources", "", lambda it: it["resources"]["P1"].update(instance="PI9"), "6.4/5", "serves"),
        ("billing", "", lambda it: it["facts"].append(it["facts"][0]), "6.4/12", "counted 2 times"),
        ("billing", "", lambda it: it["facts"].clear(), "6.4/12", "counted 0 times"),
        ("billing", REFUSED, lambda it: None, "6.4/7", "got no result"),
        ("billing", "", lambda it: it["instances"].clear(), "6.4/12", "is not charged"),
        ("billing", "update product_instance set status = 'disconnected'", lambda it: None, "6.4/12", "is still charged"),
    ],
)
def test_a_disagreement_is_found(
    connection: Connection, name: str, sql: str, change: Callable[[Ledger], None], clause: str, says: str
) -> None:
    connection.execute(text("update billing_record set state = 'accepted'"))
    if sql:
        connection.execute(text(sql))
    ledger = deepcopy(LEDGERS[name])
    change(ledger)
    found = judge(connection, name, ledger)
    assert [violation for violation in found if violation.clause == clause and says in violation.en], found


def test_what_the_crm_reserved_itself_may_wait_for_the_next_dispatch(connection: Connection) -> None:
    connection.execute(text(CANCELLED))
    ledger = deepcopy(RESOURCES)
    hold("held")(ledger)
    ledger["reservations"][SO] |= {"owner": "CRM001", "expires_at": 1}
    assert judge(connection, "resources", ledger) == []
