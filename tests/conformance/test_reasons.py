"""Why a run did not pass: one reason once, and a system of which nothing can be heard is not asked everything."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from twisted.internet.protocol import Protocol

from conformance.match import NONE, NOTHING, SOME
from conformance.model import Difference, Line, Place, Verdict
from conformance.reasons import DEAF_AFTER, moments, reasons, trouble
from conformance.results import as_json
from conformance.verdict import Judged, explained, tongues
from gateway.clock import Entropy
from simulators.fleet import FleetSettings, brain_of
from simulators.host import SimulatorHost
from simulators.settings import HostSettings
from tests.conformance.rig import SUT, Rig
from tests.conformance.test_bad_suts import Closes, Garbage, Silent

PLACE = Place("x.toml", 1)


def _line(do: str, what: str) -> Line:
    return Line(do, PLACE, "CRM", what)


@pytest.mark.parametrize(
    ("line", "difference", "says"),
    [
        (_line("expect", "OH02"), Difference("/", "OH02", "无 / nothing"), "在时限内给出 OH02 / give OH02 in time"),
        (_line("expect", "receipt"), Difference("/", "receipt", "无"), "在时限内给出 收条 / give the receipt in time"),
        (_line("expect", "closed"), None, "关闭连接 / close the connection"),
        (_line("quiet", "OH08"), Difference("/", "没有 OH08 / no OH08", "OH08"), "不发送 OH08 / do not send OH08"),
        (_line("quiet", "*"), Difference("/", "没有 * / no *", "OH08"), "不发送任何报文 / send nothing at all"),
        (_line("expect", "OH02"), Difference("/a/b", SOME, NOTHING), "填写 /a/b / fill in /a/b"),
        (_line("expect", "OH02"), Difference("/a/b", NONE, "1"), "去掉 /a/b / leave /a/b out"),
        (_line("expect", "OH02"), Difference("/code", "0001", "3002"), "使 /code 为 0001 / let /code be 0001"),
        (_line("expect", "OH02"), Difference("/n", "大于 3 / more than 3", "2"), "/n：大于 3 / /n: more than 3"),
        (_line("expect", "OH02"), Difference("order", "OH02 先于 OH8 / OH02 before OH8", "x"), "使 OH02 先于 OH8 / send"),
        (_line("expect", "OH02"), Difference("party", "CRM", "RM"), "把 OH02 发给 CRM / send OH02 to CRM"),
        (_line("expect", "OH02"), Difference("byte 12", "00", "01"), "原样重发"),
    ],
)  # fmt: skip
def test_the_advice_is_a_sentence_in_each_language(line: Line, difference: Difference | None, says: str) -> None:
    case = replace(Rig().session("01.1/1").conductor._todo[0], cause="", repair="")
    judged = Judged(Verdict.FAIL, "x", [difference] if difference else [])
    told = explained(case, judged, line, 1, "lines", "")
    assert told.repair.startswith(says)
    for text in (told.cause, told.repair):
        zh, en = tongues(text)
        assert zh != en


def test_where_the_preamble_failed_the_test_data_are_named() -> None:
    case = Rig().session("01.1/1").conductor._todo[0]
    judged = Judged(Verdict.INCONCLUSIVE, "x", [Difference("/", "OH02", "无 / nothing")])
    told = explained(case, judged, _line("expect", "OH02"), 1, "preamble", "", ["product", "area", "product"])
    zh, en = tongues(told.repair)
    assert zh == "先使该步骤通过：在时限内给出 OH02；若测试数据不合适，改问卷 [values] 的 product, area"
    assert (
        en
        == "make that step pass first: give OH02 in time; where the test data do not suit, change product, area under [values]"
    )


def test_the_cause_of_a_case_is_not_told_of_what_it_does_not_ask() -> None:
    case = replace(Rig().session("01.1/1").conductor._todo[0], cause="甲 / a", repair="乙 / b")
    missing = [Difference("/x", SOME, NOTHING)]
    told = [explained(case, Judged(Verdict.FAIL, "x", missing, general=one), None, 1, "lines", "") for one in (False, True)]
    assert [(one.cause, one.repair) for one in told] == [
        ("甲 / a", "乙 / b"),
        ("没有填写 /x / /x is not filled in", "填写 /x / fill in /x"),
    ]


@pytest.mark.parametrize(
    ("text", "zh", "en"),
    [
        ("甲 / a", "甲", "a"),
        ("0001", "0001", "0001"),
        ("a / b", "a / b", "a / b"),
        ("符合 a / b / matching a / b", "符合 a / b", "matching a / b"),
    ],
)
def test_a_text_of_both_languages_is_taken_apart(text: str, zh: str, en: str) -> None:
    assert tongues(text) == (zh, en)


def _case(n: int, verdict: str, reason: str, path: str = "/code") -> dict[str, Any]:
    told = {"reason": reason, "line": {"what": "OH02"}, "differences": [{"path": path}]}
    return {"id": f"5.4/{n}", "verdict": verdict, "explanation": told if verdict != "PASS" else None}


def test_cases_of_one_reason_stand_together_failures_first() -> None:
    late = "前置步骤未达成：OH02 错，流水号 4711 / the preamble was not reached: OH02 is wrong, serial 4711"
    found = reasons(
        [
            _case(1, "INCONCLUSIVE", late),
            _case(2, "FAIL", "OH02 错，流水号 4712 / OH02 is wrong, serial 4712"),
            _case(3, "PASS", ""),
            _case(4, "FAIL", "OH02 错，流水号 4713 / OH02 is wrong, serial 4713", "/text"),
            _case(5, "INCONCLUSIVE", "别的 / something else"),
            _case(6, "NOT_APPLICABLE", "不适用 / not applicable"),
        ]
    )
    assert [[case["id"] for case in reason.cases] for reason in found] == [["5.4/2", "5.4/1"], ["5.4/4"], ["5.4/5"]]
    assert (found[0].zh, found[0].en) == ("OH02 错，流水号 4711", "OH02 is wrong, serial 4711")


def test_sanity_cases_are_told_apart_by_when_they_were_played() -> None:
    row = {"id": "07.4/1", "parties": ["CRM"]}
    assert [en for _, en in moments([row, {**row, "parties": ["RM"]}, row])] == ["at the start", "at the start", "at the end"]


@pytest.mark.parametrize(
    ("kind", "says"),
    [(Silent, "never answers"), (Closes, "closes every connection"), (Garbage, "not in packets of ctif-128")],
)
def test_a_system_nothing_is_heard_of_is_told_plainly_and_early(kind: type[Protocol], says: str) -> None:
    rig = Rig()
    rig.serve(kind)
    outcome = rig.play(rig.session("01.1"))
    judged = [one for one in outcome.results if one.verdict not in (Verdict.NOT_EXECUTED, Verdict.NOT_APPLICABLE)]
    assert DEAF_AFTER <= len(judged) < len(outcome.results) - DEAF_AFTER
    found = trouble(as_json(outcome))
    assert found is not None
    assert says in found.en
    assert found.zh != found.en
    assert all(zh and en for zh, en in found.checks)
    assert not outcome.passed


def test_nobody_there_is_told_with_what_to_check() -> None:
    rig = Rig()
    found = trouble(as_json(rig.play(rig.session("01.1"))))
    assert found is not None
    assert "cannot be judged" in found.en
    assert any("firewall" in en for _, en in found.checks)


@pytest.mark.parametrize(("layout", "heard"), [("ctif-128", True), ("dc-64", False), ("len4-be", False)])
def test_another_layout_is_told_and_the_right_one_is_not(layout: str, heard: bool) -> None:
    rig = Rig()
    host = SimulatorHost(
        brain_of("pf", FleetSettings(), Entropy(1)), HostSettings("PF0001", SUT), rig.clock, Entropy(2), rig.network
    )
    host.start()
    rig.pics = replace(rig.pics, layout=layout)
    found = trouble(as_json(rig.play(rig.session("01.1"))))
    assert (found is None) is heard
    assert found is None or f"layout = {layout}" in found.checks[0][1]
