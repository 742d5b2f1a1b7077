"""``bssgw status``: what a person called at night reads first."""

import re
from pathlib import Path
from typing import Any

import pytest

from adapters.store.engine import open_engine
from crm_core.fallout.model import Fallout
from gateway.cli.output import span
from gateway.cli.status_view import tell, to_do
from tests.adapters.store.harness import StoreHarness
from tests.crm_core.contract import Do
from tests.crm_core.samples import NOW
from tests.gateway.conftest import Running, bssgw

CHINESE = re.compile("[\u4e00-\u9fff]")
LINK = {"peer": "PF0001", "role": "PF", "state": "up", "address": "tcp://127.0.0.1:1", "stopped": None, "waiting": 0,
        "under_way": 0, "more_in_table": False, "connects": 1, "fault": "", "since": NOW, "oldest": None}  # fmt: skip


def found(**changes: Any) -> dict[str, Any]:
    """A gateway where all is well, but for ``changes``; ``link`` changes its only link."""
    writer = {"waiting": 0, "groups": 1, "jobs": 1, "refused": 0, "failed": 0, "largest_group": 1, "storage_fault": None}
    well: dict[str, Any] = {
        "system_id": "CRM001", "links": [{**LINK, **changes.pop("link", {})}], "listeners": [], "held_keys": [], "rates": [],
        "wrong_charsets": [], "certificates": [], "writer": {**writer, **changes.pop("writer", {})}, "store_fault": None,
        "fallouts": {"open": 0, "by_class": {}}, "stranded": {},
    }  # fmt: skip
    return {**well, **changes}


MATTERS: list[tuple[dict[str, Any], str, str]] = [
    ({"fallouts": {"open": 3, "by_class": {"billing": 2, "overdue": 1}}}, "3 (billing 2, overdue 1)", "bssgw fallout list"),
    ({"stranded": {"PARKED": 2}}, "(PARKED): 2", "bssgw message list --state PARKED"),
    ({"stranded": {"DEAD": 1}}, "(DEAD): 1", "bssgw message list --state DEAD"),
    ({"writer": {"storage_fault": "disk full"}}, "disk full", ""),
    ({"store_fault": "locked"}, "locked", "bssgw db status"),
    ({"held_keys": [{"key": "SO1", "reason": "x"}]}, "held keys: 1", "bssgw message held"),
    ({"link": {"state": "stopped", "stopped": "OP1: 维护"}}, "is stopped", "bssgw link resume PF0001 --reason …"),
    ({"link": {"state": "down", "fault": "refused"}}, "down: refused", "bssgw peer test PF0001"),
    ({"link": {"state": "circuit open"}}, "circuit open", "bssgw peer test PF0001"),
    ({"link": {"state": "soap, 0 under way", "fault": "refused"}}, "refused", "bssgw peer test PF0001"),
    ({"link": {"state": "down", "address": "", "waiting": 4}}, "until PF0001 connects", "bssgw message list --peer PF0001"),
    ({"certificates": [{"where": "listen", "subject": "x", "ends": "2026-11-30", "days": 3, "state": "soon", "zh": "快过期",
                        "en": "ends soon", "file": "x"}]}, "ends soon", ""),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "said", "call"), MATTERS)
def test_what_wants_a_person_is_told_in_both_languages_with_the_next_call(
    changes: dict[str, Any], said: str, call: str
) -> None:
    (matter,) = to_do(found(**changes))
    assert said in matter["en"]
    assert CHINESE.search(matter["zh"])
    assert matter["next"].startswith(call) if call else matter["next"] == ""


@pytest.mark.parametrize(
    "changes",
    [{}, {"link": {"state": "down", "address": ""}}, {"link": {"state": "paused"}}, {"link": {"fault": "earlier"}},
     {"fallouts": None, "stranded": None}],
)  # fmt: skip
def test_where_nothing_wants_a_person_it_says_so(changes: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    well = found(**changes)
    well["to_do"] = to_do(well)
    tell(well, NOW)
    told = capsys.readouterr().out
    assert (well["to_do"], "没有要处理的 / nothing to do" in told) == ([], True)


def test_a_store_that_says_both_languages_says_each_once() -> None:
    well = found(writer={"storage_fault": "没有空间 / no room"})
    (matter,) = to_do(well)
    assert ("no room" in matter["zh"], "没有空间" in matter["en"], "no room" in matter["en"]) == (False, False, True)


def test_the_next_call_names_the_same_gateway() -> None:
    (matter,) = to_do(found(stranded={"DEAD": 1}), " --data-dir d")
    assert matter["next"] == "bssgw message list --state DEAD --data-dir d"


def test_a_link_is_told_with_since_waiting_and_the_age_of_the_oldest(capsys: pytest.CaptureFixture[str]) -> None:
    waits = found(link={"state": "down", "waiting": 7, "more_in_table": True, "oldest": NOW - 3 * 3_600_000})
    waits["to_do"] = to_do(waits)
    tell(waits, NOW)
    told = capsys.readouterr().out
    row = next(line for line in told.splitlines() if line.startswith(" PF0001"))
    for part in ("down", "2026-11-", "7+", "3h00m"):
        assert part in row
    for heading in ("要做 to do", "链路 links", "写入 writer"):
        assert heading in told


@pytest.mark.parametrize(
    ("ms", "told"),
    [(None, ""), (900, "0.9s"), (150_000, "2m30s"), (7_260_000, "2h01m"), (200_000_000, "2d07h")],
)
def test_a_duration_stays_readable_however_long(ms: int | None, told: str) -> None:
    assert span(ms) == told


KEYS = {"system_id", "links", "listeners", "held_keys", "wrong_charsets", "rates", "certificates", "writer",
        "fallouts", "stranded", "store_fault", "to_do"}  # fmt: skip


def test_beside_a_running_gateway(running: Running) -> None:
    told = bssgw("status", "--json", "--config", running.config).json
    assert told.keys() >= KEYS
    link = next(one for one in told["links"] if one["peer"] == "PF0001")
    assert (link["since"] > 0, link["oldest"]) == (True, None) or link["oldest"] > 0
    assert any(one["next"].startswith("bssgw peer test PF0001 --config") for one in told["to_do"])
    people = bssgw("status", "--config", running.config)
    assert (people.code, "要做 to do" in people.out) == (0, True)


def test_open_records_and_a_store_that_cannot_be_read_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from adapters.store.migration import upgrade
    from gateway import control

    added = ("fallouts", "stranded", "store_fault")
    reply = {"ok": True, **{name: value for name, value in found().items() if name not in added}}
    monkeypatch.setattr(control, "ask", lambda *_: reply)
    unread = bssgw("status", "--json", "--data-dir", tmp_path).json
    assert (unread["fallouts"], "no database" in unread["store_fault"]) == (None, True)
    url = f"sqlite:///{tmp_path}/gateway.db"
    upgrade(url)
    engine = open_engine(url)
    harness = StoreHarness(engine)
    harness.group([Do(lambda uow: uow.add(Fallout("FO1", "billing", NOW, "计费拒绝", "billing said no")))])
    harness.store.close()
    engine.dispose()
    told = bssgw("status", "--json", "--data-dir", tmp_path).json
    assert told["fallouts"] == {"open": 1, "by_class": {"billing": 1}}
    assert [one["next"] for one in told["to_do"]] == [f"bssgw fallout list --data-dir {tmp_path}"]
