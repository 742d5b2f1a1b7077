"""What waits and what stands, counted from open rows on every kind of database, along indexes."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event, insert
from sqlalchemy.engine import Engine

from adapters.store import tables as t
from adapters.store.attention_queries import oldest_waiting, open_fallouts, stranded
from tests.crm_core.samples import NOW

MESSAGES = [
    # id, direction, peer, state, first seen, closed
    (1, "out", "PF0001", "RETRY", NOW + 5, None),
    (2, "out", "PF0001", "READY", NOW + 1, None),
    (3, "out", "PF0001", "DONE", NOW - 9, NOW),
    (4, "out", "BIL001", "DEAD", NOW, NOW),
    (5, "out", "RM0001", "PARKED", NOW, None),
    (6, "in", "RM0001", "PARKED", NOW, NOW),
    (7, "out", "RM0001", "PARKED", NOW, NOW),
    (8, "out", "CH0001", "UNKNOWN", NOW + 3, None),
]
RECORDS = [("FO1", "dead", 4, None), ("FO2", "not_sent", 5, None), ("FO3", "not_sent", 7, NOW), ("FO4", "billing", None, None),
           ("FO5", "not_sent", 6, None)]  # fmt: skip


def fill(engine: Engine) -> None:
    messages: list[dict[str, Any]] = [
        {"id": n, "direction": direction, "peer": peer, "binding": "socket", "code": "OH01", "element": "DispatchOrder",
         "serial": f"S{n}", "area": "025", "state": state, "tries": 0, "first_seen": seen, "closed_at": closed}
        for n, direction, peer, state, seen, closed in MESSAGES
    ]  # fmt: skip
    records: list[dict[str, Any]] = [
        {"id": name, "error_class": kind, "opened_at": NOW, "zh": "异常", "en": "fallout", "symbol": "", "message_id": message,
         "area": "025", "state": "new" if closed is None else "closed", "about_json": "{}", "actions_json": "[]",
         "closed_at": closed, "row_version": 0}
        for name, kind, message, closed in RECORDS
    ]  # fmt: skip
    with engine.begin() as connection:
        connection.execute(insert(t.message), messages)
        connection.execute(insert(t.fallout), records)


def test_open_records_are_counted_by_class(engine: Engine) -> None:
    fill(engine)
    with engine.connect() as connection:
        assert open_fallouts(connection) == {"billing": 1, "dead": 1, "not_sent": 2}


def test_the_oldest_message_that_still_has_to_leave_is_told_for_each_peer(engine: Engine) -> None:
    fill(engine)
    with engine.connect() as connection:
        assert oldest_waiting(connection) == {"CH0001": NOW + 3, "PF0001": NOW + 1}


def test_messages_a_person_has_to_decide_about_are_those_with_an_open_record(engine: Engine) -> None:
    fill(engine)
    with engine.connect() as connection:
        assert stranded(connection) == {"DEAD": 1, "PARKED": 2}


@pytest.mark.parametrize("query", [open_fallouts, oldest_waiting, stranded])
def test_what_is_closed_is_not_looked_at(sqlite_file: Engine, query: Any) -> None:
    asked: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        asked.append((statement, parameters))

    fill(sqlite_file)
    with sqlite_file.connect() as connection:
        event.listen(sqlite_file, "before_cursor_execute", note)
        query(connection)
        event.remove(sqlite_file, "before_cursor_execute", note)
        ((statement, parameters),) = [one for one in asked if one[0].startswith("SELECT")]
        plan = [str(row[-1]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    scans = [step for step in plan if step.startswith("SCAN")]
    assert scans
    assert all(step.endswith("_open") for step in scans), plan
