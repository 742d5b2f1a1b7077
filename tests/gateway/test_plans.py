"""Surveys, schemes, reservations and cutovers through a whole gateway: on the wire, in the timers, on the command line."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from adapters.store.engine import open_engine
from adapters.store.migration import upgrade
from adapters.store.store import Store
from adapters.store.unit import StoreUnit
from adapters.wire.times import wire_time
from crm_core.cutover.freeze import FreezeInstances
from crm_core.cutover.window_end import EndFreezeWindow
from crm_core.ports import Command, Origin, Outcome, UnitOfWork
from crm_core.products.model import ProductInstance
from crm_core.resources.reserve import ReserveResource
from crm_core.schemes.decide import CancelScheme
from gateway import timers
from gateway.timers import CommandJob
from tests.crm_core.samples import NOW, REFERENCE
from tests.crm_core.test_reservations import CONFIRM, ITEMS
from tests.crm_core.test_schemes import REASON
from tests.crm_core.test_schemes import REQUEST as SCHEME
from tests.crm_core.test_surveys import REQUEST as SURVEY
from tests.gateway.conftest import bssgw
from tests.gateway.rig import Rig

HOUR = 3_600_000


@dataclass(frozen=True)
class Own:
    """Puts an active instance into the store."""

    instance_id: str

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """Nothing."""
        return ()

    def execute(self, uow: UnitOfWork) -> Outcome:
        """Add it."""
        uow.add(ProductInstance(self.instance_id, "POTS", "C1", "025", "A1", "02580000101", status="active"))
        return Outcome()


def freeze(now: int, hours: int = 1) -> FreezeInstances:
    window = {"begin": wire_time(now), "end": wire_time(now + hours * HOUR)}
    return FreezeInstances("CT1", "025", window, [{"product_instance_id": one} for one in ("PI1", "PI9")])


def do(rig: Rig, *commands: Command) -> None:
    for command in commands:
        rig.gateway.writer.submit(CommandJob(command, "PF0001", type(command).__name__))
    rig.run(2)


def test_what_people_ask_leaves_as_documents_the_schemas_take() -> None:
    rig = Rig()
    pf = rig.station()
    rig.run(1)
    due = wire_time(rig.clock.now() + 1000 * HOUR)
    scheme = replace(SCHEME, customer={"name": "张示例", "type": "1"}, required_date=due)
    do(rig, SURVEY, scheme, Own("PI1"), freeze(rig.clock.now()))
    do(rig, CancelScheme("SR1", REASON))
    assert sorted(packet.code for packet in pf.received) == ["CT08", "RC02", "SD01", "SD07"]
    body = next(packet.body for packet in pf.received if packet.code == "CT08").decode("gb18030")
    assert "<code>3002</code>" in body
    assert rig.one("SELECT state FROM survey") == "surveying"
    assert rig.one("SELECT state FROM scheme_request") == "20"


def test_questions_to_resource_management_wait_in_the_outbox_as_documents() -> None:
    rig = Rig()
    do(rig, CONFIRM, ReserveResource("RV1", "025", "PICK", ITEMS, True))
    assert rig.rows("SELECT code FROM message WHERE direction = 'out' ORDER BY code") == [("RC01",), ("RR01",)]
    assert rig.one("SELECT state FROM confirmation") == "asked"


def test_a_freeze_nobody_ends_thaws_when_its_window_is_over() -> None:
    rig = Rig()
    do(rig, Own("PI1"), freeze(rig.clock.now()))
    assert rig.one("SELECT cutover_freeze FROM product_instance") == 1
    rig.run(3000)
    assert rig.one("SELECT cutover_freeze FROM product_instance") == 1
    rig.run(700)
    assert rig.one("SELECT cutover_freeze FROM product_instance") == 0
    rig.run(600)
    assert rig.one("SELECT count(*) FROM fallout WHERE error_class = 'cutover'") == 1


def stored(folder: Path) -> Path:
    """A data directory whose store knows one cutover, thawed by its window."""
    url = f"sqlite:///{folder}/gateway.db"
    upgrade(url)
    engine = open_engine(url)
    store = Store(engine)
    given: tuple[tuple[Any, int], ...] = (
        (Own("PI1"), NOW), (freeze(NOW), NOW), (EndFreezeWindow("CT1"), NOW + 2 * HOUR),
    )  # fmt: skip
    for command, now in given:
        store.begin()
        unit = StoreUnit(store, now, REFERENCE, Origin("PF0001", "S1", "CT02"), lambda event, unit: ())
        command.execute(unit)
        unit.merge()
        store.flush()
        store.commit()
        store.committed()
    store.close()
    engine.dispose()
    return folder


def test_cutovers_on_the_command_line(tmp_path: Path) -> None:
    folder = stored(tmp_path)
    (row,) = bssgw("cutover", "list", "--json", "--data-dir", folder).json["cutovers"]
    assert (row["id"], row["state"], row["planned"]) == ("CT1", "2", 2)
    assert row["alarmed_at"] == NOW + 2 * HOUR
    assert bssgw("cutover", "list", "--json", "--state", "4", "--data-dir", folder).json["cutovers"] == []
    found = bssgw("cutover", "show", "CT1", "--json", "--data-dir", folder).json
    assert found["counts"] == {"planned": 2}
    assert [item["instance_id"] for item in found["items"]] == ["PI1", "PI9"]
    assert [change["input"] for change in found["history"]] == ["freeze_last", "window_end"]
    text = bssgw("cutover", "show", "CT1", "--data-dir", folder).out
    assert "待施工" in text
    assert "产品实例不存在" in text
    assert "CT1" in bssgw("cutover", "list", "--data-dir", folder).out


def test_an_unknown_cutover_says_what_to_do(tmp_path: Path) -> None:
    done = bssgw("cutover", "show", "CT404", "--data-dir", stored(tmp_path))
    assert done.code == 1
    assert "bssgw cutover list" in done.err


def test_surveys_and_schemes_nobody_answers_reach_the_desk_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timers, "AT_ONCE", 1)
    rig = Rig()
    rig.station()
    due = wire_time(rig.clock.now() + 1000 * HOUR)
    scheme = replace(SCHEME, customer={"name": "张示例", "type": "1"}, required_date=due)
    do(rig, SURVEY, replace(SURVEY, survey_id="SV2"), scheme)
    rig.run(120)
    assert rig.rows("SELECT id FROM fallout") == []
    with rig.engine.begin() as connection:
        for table in ("survey", "scheme_request"):
            connection.exec_driver_sql(f"UPDATE {table} SET requested_at = requested_at - {720 * HOUR}")
    rig = rig.restarted()
    rig.run(300)
    about = [json.loads(row[0]) for row in rig.rows("SELECT about_json FROM fallout WHERE error_class = 'overdue'")]
    assert sorted(one["operation"] for one in about) == ["scheme", "survey", "survey"]
    assert {one["survey"] for one in about if "survey" in one} == {"SV1", "SV2"}
