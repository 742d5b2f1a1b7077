"""The auditor: a sound store has no violation, and each way of breaking it is found under its clause."""

from __future__ import annotations

import pytest
from sqlalchemy import Table, text
from sqlalchemy.engine import Connection

from adapters.store import tables as t
from gateway.proof.auditor import audit
from schemas.loader import load

SO = "SO000000000001"


def test_a_sound_store_has_no_violation(connection: Connection) -> None:
    assert audit(connection, load(), quiet=True) == []


def copy(table: Table, where: str, **changes: str) -> str:
    """SQL that enters the rows of ``table`` once more, with columns replaced by SQL expressions."""
    columns = [column.name for column in table.columns]
    values = ", ".join(changes.get(name, name) for name in columns)
    return f"insert into {table.name} ({', '.join(columns)}) select {values} from {table.name} where {where}"


def second_order(state: str) -> str:
    """SQL for another order, open in ``state``, that disconnects the same instance."""
    named = f"""update customer_order set service_order_ids_json = '["{SO}", "SO2"]'"""
    order = copy(t.service_order, "1", id="'SO2'", action="'disconnect'", state=f"'{state}'", ended_at="null")
    item = copy(t.order_item, "1", order_id="'SO2'", action="'disconnect'", progress=f"'{state}'")
    return f"{named}; {order}; {item}"


def sent_again(number: int) -> str:
    """SQL for a message of ours with the content of another."""
    document = copy(t.message_document, f"message_id = {number}", message_id="9")
    return f"""{copy(t.message, f"id = {number}", id="9", serial="'another'")}; {document}"""


REOPENED = "update service_order set state = 'IN_PROGRESS', ended_at = null; update order_item set progress = 'IN_PROGRESS';"
REOPENED += copy(
    t.history,
    f"seq = 2 and subject_id = '{SO}'",
    seq="3",
    state_from="'COMPLETED'",
    state_to="'IN_PROGRESS'",
    detail="'1:COMPLETED>IN_PROGRESS'",
)
BOTH_OPEN = "update service_order set state = 'SUBMITTED', ended_at = null; update order_item set progress = 'SUBMITTED';"
BOTH_OPEN += second_order("SUBMITTED")
SECOND_OWNER = copy(t.product_instance, "1", id="'PI2'", status="'suspended'")
APPLIED_TWICE = copy(t.message, "id = 3", id="9")


@pytest.mark.parametrize(
    ("sql", "clause", "says"),
    [
        (APPLIED_TWICE, "6.4/1", "took effect 2 times"),
        ("delete from message where id = 3", "6.4/1", "without its message"),
        ("update message set serial = 'x' where direction = 'out'", "6.4/1", "share a serial"),
        ("update customer_order set service_order_ids_json = '[]'", "6.4/1", "the customer order names"),
        (BOTH_OPEN, "6.4/2", "conflict"),
        (REOPENED, "6.4/3", "ended COMPLETED, then moved to IN_PROGRESS"),
        (REOPENED, "6.4/3", "closed COMPLETED, then moved to IN_PROGRESS"),
        ("update history set state_from = 'ACCEPTED' where seq = 2", "6.4/3", "history breaks"),
        ("update history set state_to = 'CANCELLED' where seq = 2", "6.4/3", "its history ends in CANCELLED"),
        ("update order_item set progress = 'CANCELLED'", "6.4/3", "its items make CANCELLED"),
        ("update order_item set fallout = 1, progress = 'ACCEPTED'", "6.4/3", "its items make FALLOUT"),
        ("update service_order set ended_at = null", "6.4/3", "its end time contradicts"),
        (SECOND_OWNER, "6.4/5", "belongs to both"),
        (sent_again(2), "6.4/6", "version 1 was sent after 1"),
        ("update order_item set version = 7", "6.4/6", "item version 7 above 1"),
        (copy(t.stage_record, "1"), "6.4/6", "report 2 was applied 2 times"),
        ("update message set state = 'UNKNOWN' where id = 2", "6.4/7", "still UNKNOWN"),
        ("update message set state = 'DEAD' where id = 2", "6.4/7", "without a fallout record"),
        (second_order("ACCEPTED"), "6.4/7", "nobody was told"),
        (sent_again(5), "6.4/7", "was told 2 times"),
        (sent_again(4), "6.4/7", "was accepted 2 times"),
        ("delete from message_document where message_id = 5", "6.4/7", "was told 0 times"),
        ("delete from billing_record", "6.4/12", "should be told 1 times, was 0 times"),
        ("update billing_record set kind = 'change'", "6.4/12", "should be told 0 times, was 1 times"),
        ("update message set serial = 'y' where id = 6", "6.4/12", "0 billing notices for one fact"),
        ("update history set actor = 'somebody' where seq = 1", "8.4", "broken"),
    ],
)
def test_what_breaks_an_invariant_is_found(connection: Connection, sql: str, clause: str, says: str) -> None:
    for statement in sql.split(";"):
        connection.execute(text(statement.replace(":", r"\:")))
    found = audit(connection, load(), quiet=True)
    assert [violation for violation in found if violation.clause == clause and says in violation.en], found
    assert all(violation.zh and violation.subject for violation in found)


def test_what_is_under_way_is_no_violation(connection: Connection) -> None:
    for statement in second_order("ACCEPTED").split(";"):
        connection.execute(text(statement))
    assert audit(connection, load()) == []
