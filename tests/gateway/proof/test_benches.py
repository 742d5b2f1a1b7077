"""The benches as a user runs them, small: real processes, figures, ledger; and the multiplied store of ``bench start``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from click.testing import CliRunner
from sqlalchemy.engine import Connection

from adapters.store.engine import open_engine
from gateway.cli.app import bssgw
from gateway.proof.auditor import audit
from gateway.proof.bench_rig import prepare_store
from gateway.proof.bench_start import multiply
from schemas.loader import load


def test_whole_orders_are_measured_and_remembered(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger" / "bench.jsonl"
    options = ["bench", "lifecycle", "--orders", "12", "--window", "8", "--json", "--ledger", str(ledger)]
    done = CliRunner().invoke(bssgw, options, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    figures = json.loads(done.stdout)
    assert (figures["lost"], figures["duplicated"]) == (0, 0)
    assert figures["orders"] == 12
    assert figures["messages_per_order"] > 8
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
