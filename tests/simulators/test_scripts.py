"""Scripts of simulated systems: which orders an act is about, what is refused, one file for a fleet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from simulators.pf.script import KINDS, Act, ScriptInvalid
from simulators.scripts import read_scripts, scripts_of
from tests.simulators.pf_talk import PfTalk
from tests.simulators.talk import dispatch, item

STORY = [{"code": "STORY", "new": "return", "action": "A"}]


@pytest.mark.parametrize(
    ("act", "counts"),
    [
        ({}, True),
        ({"customer_order": "CO1"}, True),
        ({"customer_order": "CO2*"}, False),
        ({"service_order": "SO?"}, True),
        ({"attr": "STORY", "value": "ret*"}, True),
        ({"attr": "STORY", "value": "wait"}, False),
        ({"attr": "OTHER"}, False),
    ],
)
def test_act_counts_for_orders_it_names(act: dict[str, Any], counts: bool) -> None:
    assert Act("slow", **act).counts_for(dispatch(items=[item(attrs=STORY)])) is counts


@pytest.mark.parametrize(
    "data",
    [
        {"act": [{"do": "dance"}]},
        {"arrears": [{"event": "rich", "after_ms": 1}]},
        {"arrears": [{"event": "paid"}]},
        {"act": [{"do": "slow", "stage": "NOSUCH"}]},
        {"act": [{"do": "return", "reason": "10X"}]},
        {"act": [{"do": "shortage", "res_type": "NOSUCH"}]},
        {"act": [{"do": "slow", "what": 1}]},
        {"act": [{"stage": "FIELD"}]},
        {"acts": []},
        {"manual": [{"product": "FTTH"}]},
        {"event": [{"at": "soon", "area": "025", "res_type": "PORT", "quantity": 1}]},
    ],
)
def test_script_that_cannot_be_played_is_refused_in_both_languages(data: dict[str, Any]) -> None:
    with pytest.raises(ScriptInvalid) as refused:
        read_scripts(data)
    assert " / " in str(refused.value)


def test_file_speaks_to_the_whole_fleet(tmp_path: Path) -> None:
    path = tmp_path / "script.toml"
    text = '[[act]]\ndo = "slow"\nstage = "FIELD"\nms = 5\n[[manual]]\nproduct = "FTTH"\narea = "*"\ndelay_ms = 7\n'
    path.write_text(text, "utf-8")
    scripts = scripts_of(path)
    assert [act.ms for act in scripts.pf.acts] == [5]
    assert scripts.rm.manual
    path.write_text("[[act", "utf-8")
    with pytest.raises(ScriptInvalid):
        scripts_of(path)


def test_act_is_played_so_often_per_order_and_no_more() -> None:
    talk = PfTalk({"do": "return", "stage": "FIELD", "reason": "10R002", "attr": "STORY", "value": "return"})
    talk.begin([item(attrs=STORY)])
    talk.run()
    talk.tell("PF", "OH01", dispatch("SO2", items=[item("2", instance="PI2")]))
    talk.run()
    assert talk.pf.orders["SO1"].state == "RETURNED"
    assert talk.pf.orders["SO2"].state == "COMPLETED"


def test_every_kind_of_act_is_explained() -> None:
    assert all(KINDS.values())
