"""The auditor: a sound store has no violation, and each way of breaking it is found under its clause."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.engine import Connection

from gateway.proof.auditor import audit
from schemas.loader import load

SO = "SO000000000001"


def test_a_sound_store_has_no_violation(connection: Connection) -> None:
    assert audit(connection, load(), quiet=True) == []


def second_order(state: str, progress: str, ended: str) -> str:
    """SQL for another order that disconnects the same instance."""
    return f"""
        update customer_order set service_order_ids_json = '["{SO}", "SO2"]';
        insert into service_order select 'SO2', customer_order_id, 2, 1, 'disconnect', customer_id, area, '{state}', since,
            account_id, channel, operator, priority, reason_json, captured_at, effective_at, booked_at, required_finish,
            dispatched_at, accepted_at, accepted_by, expected_finish, stage, {ended}, pf_system, report_seq, held_json,
            reservations_json, lock_json, details_json, row_version from service_order where id = '{SO}';
        insert into order_item select 'SO2', item_id, version, position, 'disconnect', product, instance_id, '{progress}',
            amending, cancelling, fallout, access_number, attrs_json, resources_json, depends_on_json, a_end_json, z_end_json,
            result_attrs_json, reason_json, since from order_item where order_id = '{SO}'
    """


REOPENED = f"""
    update service_order set state = 'IN_PROGRESS', ended_at = null; update order_item set progress = 'IN_PROGRESS';
    insert into history select chain, 3, at, subject, subject_id, input, 'COMPLETED', 'IN_PROGRESS', actor, serial,
        '1:COMPLETED>IN_PROGRESS', hash from history where seq = 2 and subject_id = '{SO}'
"""
BOTH_OPEN = f"""
    update service_order set state = 'SUBMITTED', ended_at = null; update order_item set progress = 'SUBMITTED';
    {second_order("SUBMITTED", "SUBMITTED", "null")}
"""
SECOND_OWNER = """
    insert into product_instance select 'PI2', product, customer_id, area, account_id, access_number, previous_number,
        'suspended', stop_mask, cutover_freeze, attrs_json, resources_json, a_end_json, z_end_json, open_orders_json,
        last_order, created_at, activated_at, ended_at, row_version from product_instance
"""
APPLIED_TWICE = """
    insert into message select 9, direction, peer, binding, code, element, serial, ref_serial, area, order_key, state,
        error_class, result_code, tries, due_at, first_seen, closed_at from message where id = 3
"""
SENT_AGAIN = """
    insert into message select 9, direction, peer, binding, code, element, 'another', ref_serial, area, order_key, state,
        error_class, result_code, tries, due_at, first_seen, closed_at from message where id = {};
    insert into message_document select 9, document_json from message_document where message_id = {}
"""


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
        (SENT_AGAIN.format(2, 2), "6.4/6", "version 1 was sent after 1"),
        ("update order_item set version = 7", "6.4/6", "item version 7 above 1"),
        ("insert into stage_record select * from stage_record", "6.4/6", "report 2 was applied 2 times"),
        ("update message set state = 'UNKNOWN' where id = 2", "6.4/7", "still UNKNOWN"),
        ("update message set state = 'DEAD' where id = 2", "6.4/7", "without a fallout record"),
        (second_order("ACCEPTED", "ACCEPTED", "null"), "6.4/7", "nobody was told"),
        (SENT_AGAIN.format(5, 5), "6.4/7", "was told 2 times"),
        (SENT_AGAIN.format(4, 4), "6.4/7", "was accepted 2 times"),
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
    for statement in second_order("ACCEPTED", "ACCEPTED", "null").split(";"):
        connection.execute(text(statement))
    assert audit(connection, load()) == []
