"""The demo's plan: every run has ids of its own, later orders wait for those they act on, every file is a good document."""

import sys

import pytest

from adapters.store.tables import customer_order
from adapters.xml.codec import Codec
from gateway.__main__ import main
from gateway.cli.demo import LAST_RUN, next_run, plan
from gateway.proof.memory_store import memory_store
from schemas.loader import load


def test_a_whole_round_has_twenty_orders_and_two_that_are_refused() -> None:
    orders = plan(20, 0)
    assert len([order for order in orders if not order.refusal]) == 20
    assert [order.expect for order in orders if order.refusal] == ["3020", "3002"]
    assert len({order.id for order in orders}) == 22


def test_few_orders_are_the_first_and_need_nothing_that_is_not_there() -> None:
    for wanted in range(1, 20):
        orders = plan(wanted, 0)
        assert len(orders) == wanted
        ids = [order.id for order in orders]
        assert all(other in ids[: ids.index(order.id)] for order in orders for other in order.after)


def test_more_orders_are_further_runs() -> None:
    ids = [order.id for order in plan(41, 7)]
    assert (ids[0], ids[20], ids[40]) == ("DEMO0007-01", "DEMO0008-01", "DEMO0009-01")


def test_run_numbers_end() -> None:
    with pytest.raises(ValueError, match=str(LAST_RUN + 1)):
        plan(21, LAST_RUN)


def test_every_file_is_a_good_document_whose_key_is_its_id() -> None:
    codec = Codec(load())
    for order in plan(20, 123):
        document = codec.decode(order.raw)
        assert document.element == "SubmitOrder"
        assert document.body["customer_order_id"] == order.id
        assert b"DEMO0000" not in order.raw


def test_numbers_of_different_runs_differ() -> None:
    first, second = plan(1, 1)[0].raw, plan(1, 2)[0].raw
    assert b"<access_number>02580000101</access_number>" in first
    assert b"<access_number>02580000201</access_number>" in second


def test_the_next_run_follows_the_newest_of_the_store() -> None:
    engine = memory_store()
    with engine.begin() as connection:
        assert next_run(connection) == 0
        row = {column.name: "" for column in customer_order.columns if not column.nullable}
        row |= {"id": "DEMO0041-03", "pre_accepted": False, "created_at": 0, "row_version": 0}
        connection.execute(customer_order.insert(), row)
        assert next_run(connection) == 42


@pytest.mark.parametrize("version", [(3, 10, 9), (3, 14, 0)])
def test_an_unsupported_python_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], version: tuple[int, int, int]
) -> None:
    monkeypatch.setattr(sys, "version_info", version)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert f"{version[0]}.{version[1]}" in line
