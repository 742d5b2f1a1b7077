"""How every system stands at the end of a story: rows of system, subject and state, in the words of the story."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from adapters.store import queries
from gateway.proof.world import BILL, CHANNEL, PF, RM
from gateway.stories.stage import Stage, plain_name

End = tuple[str, str, str]


def ends(stage: Stage) -> list[End]:
    """All of them, in an order that does not depend on the run."""
    names = stage.names()
    ledgers = {system: host.ledger for system, host in stage.world.hosts.items()}
    return [
        *_counter(ledgers[CHANNEL], names),
        *_orders(stage),
        *_planned(stage),
        *_instances(stage),
        *_provisioning(ledgers[PF], names),
        *_resources(ledgers[RM]),
        *_charges(ledgers[BILL]),
        *_complaints(ledgers),
    ]


def _counter(ledger: dict[str, Any], names: dict[str, str]) -> Iterator[End]:
    for order, code in ledger["refused"].items():
        yield "CH", f"order {names[order]}", f"refused {code}"
    for order, states in ledger["notices"].items():
        yield "CH", f"told of {names[order]}", ", ".join(states)


def _orders(stage: Stage) -> Iterator[End]:
    names = stage.names()
    for order in [order for order in names if order.startswith("SO")]:
        with stage.world.engine.connect() as connection:
            row = queries.order(connection, order)
        assert row is not None
        yield "CRM", f"order {names[order]}", f"{row['state']} v{row['version']}"
        newest = {item["item_id"]: item for item in row["items"]}
        if len(newest) > 1:
            for item in newest.values():
                what = f"item {names[order]}/{item['item_id']} {item['action']} {item['product']}"
                yield "CRM", what, item["progress"]
        for fact in row["billing"]:
            yield "CRM", f"billing {names[order]} {plain_name(fact['instance_id'])}", f"{fact['kind']} {fact['state']}"
        for record in row["fallouts"]:
            yield "CRM", f"fallout {names[order]} {record['error_class']}", record["state"]


def _planned(stage: Stage) -> Iterator[End]:
    queries_ = {
        "survey": "SELECT id, state FROM survey ORDER BY id",
        "scheme": "SELECT request_id || ' v' || version, state FROM scheme ORDER BY request_id, version",
        "request": "SELECT id, state FROM scheme_request ORDER BY id",
        "confirmation": "SELECT 'of resources', state FROM confirmation ORDER BY asked_at, id",
        "reservation": "SELECT id, kind || CASE WHEN closed THEN ' closed' ELSE ' open' END FROM reservation ORDER BY id",
        "cutover": "SELECT id, state || ': done ' || done || ', failed ' || failed || ', excluded ' || excluded FROM cutover",
    }
    with stage.world.engine.connect() as connection:
        for what, query in queries_.items():
            for name, state in connection.exec_driver_sql(query):
                if not str(name).startswith("SO"):
                    yield "CRM", f"{what} {name}", str(state)


def _instances(stage: Stage) -> Iterator[End]:
    query = "SELECT id, product, status, access_number, cutover_freeze FROM product_instance ORDER BY id"
    with stage.world.engine.connect() as connection:
        for name, product, status, number, frozen in connection.exec_driver_sql(query):
            more = [text for text in (number, "frozen" if frozen else "") if text]
            yield "CRM", f"instance {plain_name(name)} {product}", " ".join([status, *more])


def _provisioning(ledger: dict[str, Any], names: dict[str, str]) -> Iterator[End]:
    for order, row in ledger["orders"].items():
        yield "PF", f"order {names[order]}", f"{row['state']} v{row['version']}"
    for what, rows in ledger["planning"].items():
        for name, row in rows.items():
            yield "PF", f"{what.removesuffix('s')} {name}", str(row["state"] if isinstance(row, dict) else row)


def _resources(ledger: dict[str, Any]) -> Iterator[End]:
    counts = [f"{state} {number}" for state, number in ledger["counts"].items()]
    yield "RM", "holds", ", ".join(counts)
    serving: dict[str, Counter[str]] = {}
    for row in ledger["resources"].values():
        if row["instance"] is not None:
            serving.setdefault(row["instance"], Counter())[row["type"]] += 1
    for instance, types in sorted(serving.items()):
        found = ", ".join(f"{kind} {number}" if number > 1 else kind for kind, number in sorted(types.items()))
        yield "RM", f"serves {plain_name(instance)}", found
    for number, row in ledger["waiting"].items():
        yield "RM", f"waiting {number}", row["state"]
    for name, row in ledger["cutovers"].items():
        counts = [f"{state} {number}" for state, number in sorted(row["counts"].items())]
        yield "RM", f"cutover {name}", f"{row['state']}: {', '.join(counts)}"


def _charges(ledger: dict[str, Any]) -> Iterator[End]:
    for instance, row in sorted(ledger["instances"].items()):
        counting = [(plan, end) for _, plan, _, end, taken_back in row["intervals"] if not taken_back]
        told = [plan if end is None else f"{plan} ended" for plan, end in counting]
        yield "BILL", f"charges {plain_name(instance)}", ", ".join(told) + (" suspended" if row["suspended"] else "")
    refused = sum(1 for fact in ledger["facts"] if fact["refused"] is not None)
    if refused:
        yield "BILL", "facts refused", str(refused)


def _complaints(ledgers: dict[str, dict[str, Any]]) -> Iterator[End]:
    """Messages of theirs that nobody took."""
    for system, ledger in ledgers.items():
        for row in ledger.get("complaints", ()):
            yield system[:2], f"complains of {row.get('code', 'plan')}", str(row["result"])
