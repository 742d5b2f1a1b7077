"""The benches as a user runs them, small: real processes, figures, ledger; and the multiplied store of ``bench start``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy.engine import Connection

from adapters.store.engine import open_engine
from gateway.bench.rig import BenchFailed, prepare_store, rig
from gateway.bench.start import multiply
from gateway.cli.app import bssgw
from gateway.proof.auditor import audit
from schemas.loader import load


def test_whole_orders_of_every_kind_are_measured_and_remembered(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger" / "bench.jsonl"
    options = ["bench", "lifecycle", "--profile", "mixed", "--orders", "20", "--window", "20", "--json"]
    done = CliRunner().invoke(bssgw, [*options, "--ledger", str(ledger)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    figures = json.loads(done.stdout)
    assert (figures["lost"], figures["duplicated"], figures["stuck"], figures["violations"]) == (0, 0, 0, [])
    assert (figures["orders"], figures["profile"]) == (20, "mixed")
    assert figures["messages_per_order"] > 8
    kinds = figures["kinds"]
    assert {name: row["orders"] for name, row in kinds.items()} == {
        "plain": 12, "change": 2, "cancel": 2, "pending": 1, "deferral": 1, "lock": 1, "return": 1
    }  # fmt: skip
    assert all(sum(row["ends"].values()) == row["orders"] for row in kinds.values())
    assert kinds["cancel"]["ends"] == {"CANCELLED": 2}
    asked = {name: [what for what in row["operations"] if what.endswith(("0001", "ok"))] for name, row in kinds.items()}
    assert asked["deferral"] == ["defer 0001", "end_deferral 0001"]
    assert asked["lock"] == ["lock 0001", "unlock 0001"]
    assert asked["pending"] == ["resume ok"]
    assert asked["return"] == asked["change"] == ["amend 0001"]
    entry = json.loads(ledger.read_text(encoding="utf-8"))
    assert (entry["command"], entry["figures"]) == ("lifecycle", figures)
    assert len(entry["date"]) == 14


def test_one_order_multiplied_is_that_many_sound_open_orders(
    tmp_path: Path, fill_store: Callable[[Connection], None]
) -> None:
    prepare_store(tmp_path)
    database = tmp_path / "gateway.db"
    engine = open_engine(f"sqlite:///{database}")
    with engine.begin() as connection:
        fill_store(connection)
        connection.exec_driver_sql("UPDATE service_order SET state = 'ACCEPTED', ended_at = NULL")
        connection.exec_driver_sql("UPDATE order_item SET progress = 'ACCEPTED'")
        for table in ("history", "inbox", "billing_record"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
        connection.exec_driver_sql("UPDATE product_instance SET status = 'pending'")
    assert multiply(database, 40) == 40
    with engine.connect() as connection:
        assert audit(connection, load()) == []
        serials = connection.exec_driver_sql("SELECT count(DISTINCT serial), count(*) FROM message").one()
    engine.dispose()
    assert tuple(serials) == (240, 240)


def test_a_cutover_is_measured_to_its_end() -> None:
    done = CliRunner().invoke(bssgw, ["bench", "cutover", "--instances", "6", "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    figures = json.loads(done.stdout)
    assert (figures["planned"], figures["done"], figures["failed"], figures["excluded"]) == (6, 6, 0, 0)
    assert (figures["billed"], figures["notices"], figures["duplicated"], figures["differences"]) == (6, 6, 0, 0)
    assert 0 < figures["applied_seconds"] <= figures["seconds"]


def test_a_waiting_list_is_measured() -> None:
    options = ["bench", "waiting-list", "--entries", "300", "--offers", "20", "--json"]
    done = CliRunner().invoke(bssgw, options, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    figures = json.loads(done.stdout)
    assert (figures["entries"], figures["offers"], figures["waiting"]) == (300, 20, 300)
    assert all(0 < figures[f"{name}_p50_ms"] <= figures[f"{name}_max_ms"] for name in ("register", "next_offer", "leave"))


def test_a_long_load_says_how_far_it_is() -> None:
    told: list[int] = []
    with rig() as made:
        (made.folder / "load.py").write_text("print('on the way: 5'); print('on the way: 9'); print('{\"ends\": 12}')")
        assert made.run("client", "load", told=told.append) == {"ends": 12}
    assert told == [5, 9]


def test_a_load_that_dies_says_why() -> None:
    with rig() as made:
        (made.folder / "load.py").write_text("import sys; print('on the way: 5'); sys.exit('no server there')")
        with pytest.raises(BenchFailed, match="no server there"):
            made.run("client", "load")
