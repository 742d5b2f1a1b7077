"""What peers and channels remember, held against the store: the other half of the auditor (spec 06.4).

Ledgers are plain values, as the simulators' ``inspect()`` gives them; each function takes one and the store's connection.
``quiet`` as in ``auditor``: at rest both sides must also agree on what is finished.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import Connection

from adapters.store.message_machine import DONE
from crm_core.orders.item_states import CLOSED
from gateway.proof.auditor import Violation

Ledger = Mapping[str, Any]
_GONE = frozenset(CLOSED) - {"COMPLETED", "RETURNED"}


def against_channel(connection: Connection, system: str, ledger: Ledger) -> Iterator[Violation]:
    """1, 11: what a channel was told is accepted is in the store, and notices say what is stored.

    ``accepted``: customer order id -> the service order ids of its receipt; ``notices``: service order id -> states told.
    """
    stored: dict[str, list[str]] = {}
    for customer_order, order in connection.execute(text("SELECT customer_order_id, id FROM service_order ORDER BY id")):
        stored.setdefault(customer_order, []).append(order)
    for customer_order, orders in ledger["accepted"].items():
        if sorted(orders) != stored.get(customer_order):
            found = stored.get(customer_order)
            yield Violation(
                "6.4/11",
                f"{system} {customer_order}",
                f"已确认 {orders}，库中为 {found}",
                f"{orders} were acknowledged, the store has {found}",
            )
    told: dict[str, list[str]] = ledger["notices"]
    for order, state in connection.execute(text("SELECT id, state FROM service_order WHERE ended_at IS NOT NULL")):
        last = told.get(order, ["nothing"])[-1]
        if last != state and any(order in orders for orders in ledger["accepted"].values()):
            yield Violation("6.4/7", f"{system} {order}", f"终态 {state}，渠道得知 {last}", f"ended {state}, told {last}")


def customers_told(connection: Connection, system: str, ledger: Ledger, *, quiet: bool = False) -> Iterator[Violation]:
    """5.12: a channel heard each notice for a customer once at most, and only such as the CRM issued; at rest every one.

    ``customer_notices``: the ids the channel was handed, in order.
    """
    heard: Counter[str] = Counter(ledger["customer_notices"])
    issued = set(connection.execute(text("SELECT id FROM customer_notice")).scalars())
    for notice in sorted({*heard, *(issued if quiet else ())}):
        if heard[notice] != 1 or notice not in issued:
            times = heard[notice]
            zh, en = f"客户告知送达 {times} 次", f"a notice for a customer arrived {times} times"
            yield Violation("6.4/7", f"{system} {notice}", zh, en)


def against_provisioning(connection: Connection, system: str, ledger: Ledger, *, quiet: bool = False) -> Iterator[Violation]:
    """6, 7, 11: every dispatch with a receipt is at PF, in no higher version than was sent, and at rest with the same end."""
    held: Mapping[str, Any] = ledger["orders"]
    known = connection.execute(text("SELECT id, version, state, report_seq FROM service_order ORDER BY id")).all()
    dispatched = {
        order
        for (order,) in connection.execute(
            text(
                "SELECT m.order_key FROM message m JOIN message_document d ON d.message_id = m.id "
                "WHERE m.direction = 'out' AND m.peer = :peer AND m.state = :done"
            ),
            {"peer": system, "done": DONE},
        )
    }
    for order, version, state, report_seq in known:
        theirs = held.get(order)
        if theirs is None:
            if order in dispatched:
                yield Violation("6.4/11", f"{system} {order}", "已回执的派单对端没有", "the dispatch they took is not there")
            continue
        if theirs["version"] > version:
            newer = theirs["version"]
            yield Violation("6.4/6", f"{system} {order}", f"对端版本 {newer} 高于 {version}", f"has {newer}, not {version}")
        if quiet and (theirs["state"] == "COMPLETED") != (state == "COMPLETED"):
            other = theirs["state"]
            yield Violation("6.4/7", f"{system} {order}", f"本端 {state}，对端 {other}", f"here {state}, there {other}")
        if quiet and state == "COMPLETED" and theirs["report_seq"] != report_seq:
            other = theirs["report_seq"]
            yield Violation(
                "6.4/7", f"{system} {order}", f"报告采用 {report_seq}，对端发出 {other}", f"{report_seq} of {other} reports"
            )


def against_resources(connection: Connection, system: str, ledger: Ledger, own_id: str) -> Iterator[Violation]:
    """4, 5, 13: orders that ended without completion hold nothing, no resource has two owners, the counts add up."""
    counts: Mapping[str, int] = ledger["counts"]
    if sum(counts.values()) != (made := ledger["created"]):
        yield Violation("6.4/13", system, f"{dict(counts)} 之和不等于 {made}", f"{dict(counts)} do not add up to {made}")
    entries: Mapping[str, Any] = ledger["reservations"]
    states = Counter(state for entry in entries.values() for _, state in entry["holds"])
    if {state: number for state, number in counts.items() if number} != dict(states):
        yield Violation("6.4/13", system, f"计数 {dict(counts)}，明细 {dict(states)}", f"{dict(counts)}, but {dict(states)}")
    holders: dict[str, str] = {}
    for name, entry in entries.items():
        for resource, state in entry["holds"]:
            if state == "held" and holders.setdefault(resource, name) != name:
                other = holders[resource]
                yield Violation("6.4/5", resource, f"同时被 {other} 和 {name} 占用", f"held by both {other} and {name}")
    progress: dict[str, set[str]] = {}
    for order, state in connection.execute(text("SELECT order_id, progress FROM order_item")):
        progress.setdefault(order, set()).add(state)
    for name, entry in entries.items():
        held = [resource for resource, state in entry["holds"] if state == "held"]
        returned = entry["owner"] == own_id and entry["expires_at"] is not None
        if held and entry["order"] in progress and progress[entry["order"]] <= _GONE and not returned:
            yield Violation("6.4/4", f"{system} {name}", f"定单已结束，仍占用 {held}", f"its order ended, it holds {held}")
    yield from _owners(connection, system, ledger)


def _owners(connection: Connection, system: str, ledger: Ledger) -> Iterator[Violation]:
    """5: what an active instance uses by our books serves it, and nobody else, by theirs."""
    theirs: Mapping[str, Any] = ledger["resources"]
    used = "SELECT id, resources_json FROM product_instance WHERE status = 'active' ORDER BY id"
    for instance, resources in connection.execute(text(used)):
        for resource in json.loads(resources):
            found = theirs.get(resource.get("res_inst_id", ""))
            if found is not None and found["instance"] != instance:
                other = found["instance"]
                yield Violation(
                    "6.4/5",
                    f"{system} {resource['res_inst_id']}",
                    f"本端属 {instance}，对端属 {other}",
                    f"serves {instance} here and {other} there",
                )


def against_billing(connection: Connection, system: str, ledger: Ledger, *, quiet: bool = False) -> Iterator[Violation]:
    """12: billing let each fact count once; at rest it took every one and charges exactly what is in service."""
    taken: Counter[tuple[str, str, str]] = Counter()
    for fact in ledger["facts"]:
        if fact["refused"] is None:
            taken[tuple(fact["key"][:3])] += 1
    told = connection.execute(
        text("SELECT service_order_id, instance_id, kind, state FROM billing_record ORDER BY id"),
    ).all()
    for order, instance, kind, state in told:
        times = taken[order, instance, kind]
        if times > 1 or (times == 0 and state == "accepted"):
            yield Violation(
                "6.4/12",
                f"{system} {order} {instance}",
                f"{kind} 本端 {state}，对端生效 {times} 次",
                f"{kind} is {state} here and counted {times} times there",
            )
        if quiet and state == "sent":
            yield Violation("6.4/7", f"{system} {order} {instance}", f"{kind} 没有结果", f"{kind} got no result")
    charged = {
        instance
        for instance, row in ledger["instances"].items()
        if row["intervals"] and row["intervals"][-1][3] is None and not row["intervals"][-1][4]
    }
    if not quiet or any(state != "accepted" for *_, state in told):
        return
    serving = text("SELECT id FROM product_instance WHERE status IN ('active', 'suspended', 'pending_disconnect')")
    for instance in sorted(set(connection.execute(serving).scalars()) ^ charged):
        zh, en = ("仍在计费", "is still charged") if instance in charged else ("未在计费", "is not charged")
        yield Violation("6.4/12", f"{system} {instance}", zh, en)
