"""Groups, rollbacks, conflicts and the history chain of the writing store (architecture 4, message-store.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.engine import Engine

from adapters.store.driver import StoreFault
from adapters.store.engine import open_engine
from adapters.store.history import COLUMNS, GENESIS, Chain, broken_links
from adapters.store.message_machine import ENDS, OPEN, READY, TRANSITIONS, IllegalMove, next_state
from adapters.store.store import StaleWrite, Store
from crm_core.errors import StateConflict
from crm_core.history import StateChange
from crm_core.ports import UnitOfWork
from gateway.proof.memory_store import memory_store
from tests.adapters.store.harness import StoreHarness
from tests.crm_core.contract import CHANGE, ENTITIES, STAGE, Do, fresh


@pytest.fixture
def harness(engine: Engine) -> Iterator[StoreHarness]:
    made = StoreHarness(engine)
    yield made
    made.store.close()


def instance(name: str) -> Any:
    return replace(ENTITIES["instance"], id=name)


def add(*names: str) -> Do:
    return Do(lambda uow: [uow.add(instance(name)) for name in names] + [uow.add(CHANGE)])


def bump(name: str) -> Do:
    def deed(uow: UnitOfWork) -> None:
        found = uow.instance(name)
        assert found is not None
        found.stop_mask += 1
        uow.save(found)
        uow.add(CHANGE)

    return Do(deed, (("instance", name),))


def mask(harness: StoreHarness, name: str) -> int:
    return int(harness.rows("SELECT stop_mask FROM product_instance WHERE id = :id", id=name)[0][0])


def ids(harness: StoreHarness) -> list[str]:
    found: list[str] = []
    harness.group([Do(lambda uow: found.append(uow.new_id("SO")))])
    return found


# -- rolling back -----------------------------------------------------------------------------------------------------------


def test_a_rollback_leaves_counters_chain_and_what_is_remembered_as_they_were(harness: StoreHarness) -> None:
    harness.group([add("PI1")])
    harness.group([bump("PI1")])
    store = harness.store
    before = (store.chain.seq, store.chain.head, mask(harness, "PI1"))
    taken: list[str] = []
    harness.begin([bump("PI1"), add("PI2"), Do(lambda uow: taken.extend(uow.new_id("SO") for _ in range(5)))])
    store.rollback()
    assert (store.chain.seq, store.chain.head, mask(harness, "PI1")) == before
    assert ids(harness) == taken[:1]
    harness.group([bump("PI1")])
    assert mask(harness, "PI1") == before[2] + 1
    assert harness.rows("SELECT count(*) FROM product_instance") == [(1,)]
    assert chain(harness) == []


def test_a_refusal_leaves_the_others_of_its_group_whole(harness: StoreHarness) -> None:
    harness.group([add("PI1")])

    def refuse(uow: UnitOfWork) -> None:
        bump("PI1").execute(uow)
        uow.add(instance("PI9"))
        raise StateConflict("不", "no")

    answers = harness.group([bump("PI1"), Do(refuse), bump("PI1"), add("PI2")])
    assert [isinstance(answer, StateConflict) for answer in answers] == [False, True, False, False]
    assert mask(harness, "PI1") == ENTITIES["instance"].stop_mask + 2
    assert harness.rows("SELECT id FROM product_instance ORDER BY id") == [("PI1",), ("PI2",)]


def test_a_failed_commit_makes_the_store_look_again_where_it_stands(
    harness: StoreHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commit went through and its answer got lost: numbers it used must not be given again."""
    harness.group([add("PI1")])
    commit = harness.store.driver.commit

    def lost() -> None:
        commit()
        raise StoreFault("storage", "connection lost")

    monkeypatch.setattr(harness.store.driver, "commit", lost)
    taken: list[str] = []
    with pytest.raises(StoreFault):
        harness.group([Do(lambda uow: taken.append(uow.new_id("SO"))), bump("PI1")])
    assert mask(harness, "PI1") == ENTITIES["instance"].stop_mask + 1
    assert ids(harness) > taken
    harness.group([bump("PI1")])
    assert mask(harness, "PI1") == ENTITIES["instance"].stop_mask + 2
    assert chain(harness) == []


def test_numbers_are_never_given_twice_over_restarts(harness: StoreHarness) -> None:
    seen = [ids(harness)[0] for _ in range(3)]
    harness.store.close()
    again = StoreHarness(harness.engine)
    seen += [ids(again)[0] for _ in range(3)]
    again.store.close()
    assert len(set(seen)) == 6
    assert seen == sorted(seen)


# -- somebody else writes ---------------------------------------------------------------------------------------------------


def test_a_row_changed_by_somebody_else_is_a_stale_write_and_the_replay_succeeds(harness: StoreHarness) -> None:
    harness.group([add("PI1")])
    harness.group([bump("PI1")])
    with harness.engine.begin() as connection:
        connection.execute(text("UPDATE product_instance SET row_version = row_version + 1, stop_mask = 40"))
    if harness.engine.dialect.name == "sqlite":
        with pytest.raises(StaleWrite):
            harness.group([bump("PI1")])  # it remembered what it wrote
    harness.group([bump("PI1")])
    assert mask(harness, "PI1") == 41


def test_a_row_that_exists_already_is_a_fault_of_the_data(harness: StoreHarness) -> None:
    harness.group([add("PI1")])
    with pytest.raises(StoreFault) as fault:
        harness.group([add("PI2", "PI1")])
    assert fault.value.kind == "data"
    assert harness.rows("SELECT id FROM product_instance") == [("PI1",)]


def test_a_locked_database_is_no_fault_of_the_data(sqlite_file: Engine) -> None:
    harness, other = StoreHarness(sqlite_file), StoreHarness(sqlite_file)
    harness.group([add("PI1")])
    other.store.begin()
    with pytest.raises(StoreFault) as fault:
        harness.group([bump("PI1")])
    assert fault.value.kind == "locked"
    other.store.rollback()
    harness.group([bump("PI1")])
    assert mask(harness, "PI1") == ENTITIES["instance"].stop_mask + 1
    harness.store.close()
    other.store.close()


def test_readers_beside_the_writer_wait_for_nobody(sqlite_file: Engine) -> None:
    from adapters.store.engine import reading

    harness = StoreHarness(sqlite_file)
    harness.group([add("PI1")])
    harness.begin([bump("PI1")])
    with reading(sqlite_file).connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM product_instance")).scalar() == 1
    harness.store.commit()
    harness.store.committed()
    harness.store.close()


def test_a_server_that_is_not_there_is_a_fault_of_the_storage(tmp_path: Path) -> None:
    store = Store(open_engine(f"postgresql+psycopg://postgres:@/nothing?host={tmp_path}"))
    with pytest.raises(StoreFault) as fault:
        store.begin()
    assert fault.value.kind == "storage"


def test_a_full_disk_is_a_fault_of_the_storage(sqlite_file: Engine) -> None:
    harness = StoreHarness(sqlite_file)
    harness.group([add("PI1")])
    pages = harness.store.driver.all("PRAGMA page_count")[0][0]
    harness.store.driver.all(f"PRAGMA max_page_count={pages}")
    with pytest.raises(StoreFault) as fault:
        harness.group([add(*[f"PI{n}" for n in range(2, 500)])])
    assert fault.value.kind == "storage"
    harness.store.driver.all("PRAGMA max_page_count=1000000")
    harness.group([add(*[f"PI{n}" for n in range(2, 500)])])
    assert harness.rows("SELECT count(*) FROM product_instance") == [(499,)]
    harness.store.close()


# -- remembering ------------------------------------------------------------------------------------------------------------

STEPS = st.lists(
    st.lists(st.tuples(st.sampled_from(["add", "bump", "refuse", "item", "stage"]), st.integers(0, 3)), min_size=1, max_size=5),
    max_size=8,
)


def test_what_is_added_and_changed_in_one_group_is_kept_as_changed(harness: StoreHarness) -> None:
    harness.group([add("PI1"), bump("PI1"), bump("PI1")])
    assert mask(harness, "PI1") == ENTITIES["instance"].stop_mask + 2
    harness.group([bump("PI1")])
    assert mask(harness, "PI1") == ENTITIES["instance"].stop_mask + 3


@settings(max_examples=40, deadline=None)
@given(STEPS)
def test_what_it_remembers_changes_nothing(groups: list[list[tuple[str, int]]]) -> None:
    dumps = []
    for remember in (0, 2, 6000):
        engine = memory_store()
        harness = StoreHarness(engine, remember=remember)
        answers = [[type(a).__name__ for a in harness.group([step(*one) for one in group])] for group in groups]
        tables = ("product_instance", "service_order", "order_item", "stage_record", "history")
        dumps.append((answers, [harness.rows(f"SELECT * FROM {table}") for table in tables]))
        harness.store.close()
        engine.dispose()
    assert dumps[0] == dumps[1] == dumps[2]


def step(what: str, number: int) -> Do:
    """One command on entity ``number``; adds it where it is not there yet."""
    name, order = f"PI{number}", f"SO{number}"

    def deed(uow: UnitOfWork) -> None:
        found = uow.instance(name)
        if found is None:
            uow.add(instance(name))
            uow.add(replace(fresh("order"), id=order))
            return
        found.attrs["step"] = what
        found.stop_mask += 1
        uow.save(found)
        if what == "item":
            kept = uow.order(order)
            assert kept is not None
            kept.items[0].progress = "COMPLETED"
            kept.items.append(replace(kept.items[0], item_id=str(len(kept.items) + 1)))
            uow.save(kept)
        if what == "stage":
            uow.add(replace(STAGE, service_order_id=order))
        uow.add(CHANGE)
        if what == "refuse":
            raise StateConflict("不", "no")

    return Do(deed, (("instance", name), ("order", order)))


# -- the history chain ------------------------------------------------------------------------------------------------------


def chain(harness: StoreHarness) -> list[int]:
    return broken_links(harness.rows(f"SELECT {', '.join(COLUMNS)} FROM history ORDER BY chain, seq"))


TAMPERED: dict[str, tuple[str, list[int]]] = {
    "edit": ("UPDATE history SET state_to = 'CANCELLED' WHERE seq = 2", [2]),
    "edit of who": ("UPDATE history SET actor = 'nobody' WHERE seq = 4", [4]),
    "delete": ("DELETE FROM history WHERE seq = 3", [4]),
    "truncated front": ("DELETE FROM history WHERE seq < 3", [3]),
    "new hash": ("UPDATE history SET hash = (SELECT hash FROM history WHERE seq = 1) WHERE seq = 3", [3, 4]),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_the_chain_shows_what_was_done_to_it(harness: StoreHarness, how: str) -> None:
    for _ in range(5):
        harness.group([Do(lambda uow: uow.add(CHANGE))])
    assert chain(harness) == []
    sql, broken = TAMPERED[how]
    with harness.engine.begin() as connection:
        connection.execute(text(sql))
    assert chain(harness) == broken


def test_the_history_of_what_is_no_order_says_who_and_which_message_where_orders_do(harness: StoreHarness) -> None:
    serial = "PF0001202611220900000000000001"
    change = StateChange(7, "cutover", "CT1", "freeze_last", "1", "2", "PF0001", serial, "2/2")
    harness.group([Do(lambda uow: uow.add(change))])
    columns = "at, subject, subject_id, input, state_from, state_to, actor, serial, detail"
    assert harness.rows(f"SELECT {columns} FROM history") == [
        (7, "cutover", "CT1", "freeze_last", "1", "2", "PF0001", serial, "2/2")
    ]
    assert tuple(field.name for field in fields(StateChange)) == COLUMNS[2:-1]


def test_the_chain_shows_two_entries_that_changed_places(harness: StoreHarness) -> None:
    for state in ("A", "B", "C"):
        harness.group([Do(lambda uow, state=state: uow.add(replace(CHANGE, state_to=state)))])  # type: ignore[misc]
    with harness.engine.begin() as connection:
        for old, new in ((2, 99), (3, 2), (99, 3)):
            connection.execute(text("UPDATE history SET seq = :new WHERE seq = :old"), {"old": old, "new": new})
    assert chain(harness) == [2, 3]


def test_a_store_that_was_cut_behind_goes_on_from_its_end_and_says_so_to_whoever_kept_the_head() -> None:
    """The end of a chain cannot speak for itself: its head, kept elsewhere, must be found in it."""
    kept = Chain(1, 0, GENESIS)
    rows = [kept.append((n, "order", "SO1", "x", "A", "B", "who", "s", None)) for n in range(4)]
    assert broken_links(rows) == []
    assert broken_links(rows[:3]) == []
    assert rows[2][-1] != kept.head


@given(st.lists(st.tuples(st.integers(0, 2**53), st.text(max_size=9), st.one_of(st.none(), st.text(max_size=9))), max_size=9))
def test_a_chain_is_whole_and_any_other_text_breaks_it(entries: list[tuple[int, str, str | None]]) -> None:
    made = Chain(1, 0, GENESIS)
    rows = [made.append((at, "order", text, "x", "A", "B", "who", "s", detail)) for at, text, detail in entries]
    assert broken_links(rows) == []
    for place, row in enumerate(rows):
        forged = [*rows[:place], (*row[:4], row[4] + "x", *row[5:]), *rows[place + 1 :]]
        assert broken_links(forged) == [place + 1]


# -- the message table --------------------------------------------------------------------------------------------------------

STATES = (*OPEN, *ENDS)
INPUTS = sorted({given for _, given in TRANSITIONS})


@pytest.mark.parametrize("state", STATES)
def test_every_state_and_input_is_decided(state: str) -> None:
    """In the table or an illegal move; nothing leads on from DONE, and only a person leads on from REJECTED."""
    for given_ in INPUTS:
        if (state, given_) in TRANSITIONS:
            assert next_state(state, given_) in STATES
        else:
            with pytest.raises(IllegalMove):
                next_state(state, given_)
    assert not [move for move in TRANSITIONS if move[0] in ("DONE", "REJECTED")]


def test_every_state_is_reached_and_every_open_one_can_end() -> None:
    reached, ends = {READY}, set(ENDS)
    for _ in STATES:
        reached |= {to for (state, _), to in TRANSITIONS.items() if state in reached}
        ends |= {state for (state, _), to in TRANSITIONS.items() if to in ends}
    assert reached == ends == set(STATES)


def test_unknown_leads_only_where_the_peers_word_or_the_budget_leads() -> None:
    assert {to for (state, _), to in TRANSITIONS.items() if state == "UNKNOWN"} == {
        "SENDING", "DONE", "REJECTED", "RETRY", "UNKNOWN", "DEAD", "PARKED"
    }  # fmt: skip


def test_a_store_opens_only_when_somebody_needs_it(engine: Engine, count: Callable[[str], int]) -> None:
    store = Store(engine)
    store.close()
    store.rollback()
    assert count("counter") == 0
