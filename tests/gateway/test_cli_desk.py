"""``bssgw fallout``, ``watchdog``, ``order why`` and ``order resume`` beside a running gateway and on a finished demo."""

import shutil
from pathlib import Path

import pytest

from adapters.store.engine import open_engine
from crm_core.fallout.actions import ACTIONS
from crm_core.fallout.model import Fallout
from tests.adapters.store.harness import StoreHarness
from tests.crm_core.contract import Do
from tests.crm_core.samples import NOW
from tests.gateway.conftest import Finished, Running, any_port, bssgw

Demo = tuple[Finished, Path]


def test_why_tells_in_both_languages_that_an_order_ended(demo: Demo) -> None:
    told = bssgw("order", "why", "DEMO0000-03", "--config", demo[1])
    assert told.code == 0
    assert "已结束（COMPLETED）" in told.out
    assert "it ended (COMPLETED)" in told.out
    found = bssgw("order", "why", "DEMO0000-03", "--json", "--config", demo[1]).json
    assert all(waits[0]["since"] for waits in found.values())
    assert bssgw("order", "why", "SO404", "--config", demo[1]).code == 1


def test_nothing_is_left_unanswered_after_the_demo(demo: Demo) -> None:
    assert bssgw("watchdog", "--overdue", "--json", "--config", demo[1]).json == {"commands": []}
    assert bssgw("watchdog", "--config", demo[1]).code == 0


def test_nothing_is_pending_after_the_demo(demo: Demo) -> None:
    told = bssgw("order", "ageing", "--json", "--config", demo[1]).json
    assert (set(told["ages"].values()), told["orders"]) == ({0}, [])
    assert "90" in bssgw("order", "ageing", "--config", demo[1]).out


def test_records_are_listed_and_unknown_ones_said_so(demo: Demo, tmp_path: Path) -> None:
    config = Path(shutil.copytree(demo[1].parent, tmp_path / "copy")) / demo[1].name
    engine = open_engine(f"sqlite:///{next(config.parent.rglob('*.db'))}")
    record = Fallout("FO000000000001", "business", NOW, "计费拒绝", "billing said no", symbol="BILLING_REFUSED", area="025")
    harness = StoreHarness(engine)
    harness.group([Do(lambda uow: uow.add(record))])
    harness.store.close()
    engine.dispose()
    (row,) = bssgw("fallout", "list", "--state", "NEW", "--json", "--config", config).json["fallouts"]
    assert (row["id"], row["zh"]) == (record.id, record.zh)
    shown = bssgw("fallout", "show", row["id"], "--config", config)
    assert (shown.code, row["zh"] in shown.out) == (0, True)
    missing = bssgw("fallout", "show", "FO404", "--config", config)
    assert (missing.code, "FO404" in missing.err) == (1, True)


@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_goes_through_the_running_gateway(running: Running, action: str) -> None:
    done = bssgw("fallout", action, "FO404", "--reason", "测试", "--as", "OP1", "--json", "--config", running.config)
    assert done.code == 1
    (result,) = done.json
    assert (result["id"], result["code"], result["ok"]) == ("FO404", "3003", False)


def test_an_offer_is_answered_through_the_running_gateway(running: Running) -> None:
    done = bssgw("order", "resume", "SO404", "--accept", "--as", "OP1", "--config", running.config)
    assert (done.code, "3003" in done.out) == (1, True)


def test_without_a_gateway_it_says_what_to_do(tmp_path: Path) -> None:
    done = bssgw("fallout", "claim", "FO1", "--config", any_port(tmp_path), "--data-dir", tmp_path / "data")
    assert (done.code, "bssgw run" in done.err) == (3, True)


def test_no_record_chosen_is_a_mistake_of_use(running: Running) -> None:
    assert bssgw("fallout", "retry", "--reason", "x", "--config", running.config).code == 2
    many = [f"FO{n}" for n in range(21)]
    done = bssgw("fallout", "retry", *many, "--reason", "x", "--config", running.config)
    assert (done.code, "--dry-run" in done.err) == (2, True)


def test_links_are_listed_stopped_and_resumed_through_the_running_gateway(running: Running) -> None:
    rows = bssgw("link", "list", "--json", "--config", running.config).json["links"]
    peer = next(row["peer"] for row in rows if row["role"] == "PF")
    for action, stopped in (("stop", "OP1: 维护"), ("resume", None)):
        done = bssgw("link", action, peer, "--reason", "维护", "--as", "OP1", "--json", "--config", running.config)
        assert (done.code, done.json["ok"]) == (0, True)
        rows = bssgw("link", "list", "--json", "--config", running.config).json["links"]
        assert next(row["stopped"] for row in rows if row["peer"] == peer) == stopped
    assert peer in bssgw("link", "list", "--config", running.config).out
    assert bssgw("link", "stop", "XX0001", "--reason", "维护", "--config", running.config).code == 1
    assert bssgw("link", "stop", peer, "--config", running.config).code == 2
