"""Messages taken back before anybody tried to send them (spec 5.7)."""

from __future__ import annotations

import pytest

from adapters.store.rows import MessageRecord
from adapters.store.store import Store
from adapters.store.unit import StoreUnit
from crm_core.events import Event
from gateway.proof.memory_store import memory_store
from tests.crm_core.samples import CHANNEL, NOW, REFERENCE

SERIAL = "CRM00120261122090000000000001"


def publish(event: Event, unit: StoreUnit) -> tuple[str, ...]:
    """Nobody is told."""
    return ()


def unit(store: Store) -> StoreUnit:
    """A command's view."""
    return StoreUnit(store, NOW, REFERENCE, CHANNEL, publish)


def send(store: Store, state: str = "READY") -> int:
    """A message of ours, in the group under way."""
    one = unit(store)
    number = store.next("message")
    place = (number, "out", "PF0001", "OH01", "DispatchOrder", SERIAL, "025", state, NOW, "socket")
    record = MessageRecord(*place, order_key="SO1")
    one.send(record, {})
    one.merge()
    return number


def commit(store: Store) -> None:
    """The group stands."""
    store.flush()
    store.commit()
    store.committed()


def state_of(store: Store, number: int) -> tuple[str, str | None]:
    """As stored."""
    with store.engine.connect() as connection:
        row = connection.exec_driver_sql(f"SELECT state, error_class FROM message WHERE id = {number}").one()
    return (row[0], row[1])


@pytest.fixture
def store() -> Store:
    made = Store(memory_store())
    made.begin()
    return made


@pytest.mark.parametrize("same_group", [True, False])
def test_a_message_nobody_tried_to_send_is_taken_back(store: Store, same_group: bool) -> None:
    number = send(store)
    if not same_group:
        commit(store)
        store.begin()
    one = unit(store)
    assert one.withdraw(SERIAL)
    one.merge()
    assert number in store.withdrawn
    commit(store)
    assert (state_of(store, number), number in store.withdrawn) == (("PARKED", "withdrawn"), True)
    store.withdrawn.passed_over(number)
    assert number not in store.withdrawn


def test_an_attempt_opened_before_in_the_same_group_keeps_it(store: Store) -> None:
    number = send(store)
    commit(store)
    store.begin()
    opening = unit(store)
    opening.put("message_state", ("SENDING", None, None, 1, None, None, number))
    opening.merge()
    assert not unit(store).withdraw(SERIAL)
    commit(store)
    store.begin()
    assert not unit(store).withdraw(SERIAL)


@pytest.mark.parametrize("state", ["PARKED", "RETRY", "DONE"])
def test_what_is_not_ready_may_have_left(store: Store, state: str) -> None:
    send(store, state)
    commit(store)
    store.begin()
    assert not unit(store).withdraw(SERIAL)


def test_an_unknown_serial_is_not_there_to_take_back(store: Store) -> None:
    assert not unit(store).withdraw(SERIAL)


def test_a_command_that_is_dropped_took_nothing_back(store: Store) -> None:
    number = send(store)
    assert unit(store).withdraw(SERIAL)
    commit(store)
    assert (state_of(store, number), number in store.withdrawn) == (("READY", None), False)


def test_a_group_that_is_rolled_back_took_nothing_back(store: Store) -> None:
    number = send(store)
    commit(store)
    store.begin()
    one = unit(store)
    assert one.withdraw(SERIAL)
    one.merge()
    store.rollback()
    assert (state_of(store, number), number in store.withdrawn) == (("READY", None), False)


@pytest.mark.parametrize(("stands", "taken"), [(True, True), (False, False)])
def test_after_a_commit_of_unknown_outcome_the_table_says(store: Store, stands: bool, taken: bool) -> None:
    number = send(store)
    commit(store)
    store.begin()
    one = unit(store)
    assert one.withdraw(SERIAL)
    one.merge()
    store.flush()
    if stands:
        store.commit()
    store._commit_open = True
    store.withdrawn.doubted()
    store.rollback()
    store.begin()
    assert number not in store.withdrawn
    assert store.withdrawn.took(number, store.driver) is taken
    assert (number in store.withdrawn) is taken
