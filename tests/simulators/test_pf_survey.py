"""Surveys at PF (spec 5.1): RC02 → RC03 several times, RC04."""

from __future__ import annotations

import pytest

from simulators.brain import Body
from simulators.rm.brain import RmBrain
from tests.simulators.planning_talk import PlanningTalk
from tests.simulators.test_rm import small
from tests.simulators.test_rm_confirmation import need

PICK: Body = {"pre_occupy": {"reservation_id": "R1", "kind": "ADVANCE"}}


def survey(**more: object) -> Body:
    people = {"contact": {"name": "张示例", "phone": "13800000000"}, "why_manual": "新建小区"}
    return need() | {"survey_id": "SV1"} | people | more


def cancel(survey_id: str = "SV1") -> Body:
    return {"area": "025", "survey_id": survey_id, "reason": {"text": "用户取消"}}


def test_survey_answers_first_then_for_good() -> None:
    talk = PlanningTalk()
    assert talk.ask("RC02", survey()) is None
    talk.run()
    first, last = talk.bodies("RC03")
    assert [(row["outcome"], row["is_last"]) for row in (first, last)] == [("done", False), ("done", True)]
    assert (last["satisfaction"], last["to_build"]["fibre"], last["finish_days"]) == ("1", False, 7)
    assert last["budgets"]["total"] == sum(value for name, value in last["budgets"].items() if name != "total")
    assert talk.pf.surveys.surveys["SV1"].state == "done"


def test_what_is_missing_has_to_be_built() -> None:
    talk = PlanningTalk(RmBrain(small(1)))
    talk.ask("RC02", survey(quantity=2))
    talk.run()
    last = talk.bodies("RC03")[-1]
    assert (last["satisfaction"], last["to_build"]["fibre"], last["finish_days"]) == ("2", True, 37)


def test_survey_pre_occupies_and_its_cancel_gives_back() -> None:
    talk = PlanningTalk()
    talk.ask("RC02", survey(**PICK))
    assert talk.rm.ledger.counts["held"] == 3
    talk.ask("RC04", cancel())
    talk.run()
    (answer,) = talk.bodies("RC03")
    assert (answer["outcome"], answer["is_last"]) == ("cancelled", True)
    assert talk.rm.ledger.counts["held"] == 0


def test_cancel_before_rm_has_answered_gives_back_what_it_reserves_then() -> None:
    talk = PlanningTalk()
    sent = talk.pf.on_document("RC02", survey(**PICK), talk.crm_meta(), talk.now).sends[0]
    talk.ask("RC04", cancel())
    talk.deliver("PF", sent)
    talk.run()
    assert talk.rm.ledger.counts == {"held": 0, "consumed": 0, "released": 3, "expired": 0}


REFUSED = [({"product": "FAX"}, "3019"), ({"a_end": {"text": "北京市示例路", "area": "010"}}, "3022")]


@pytest.mark.parametrize(("more", "code"), REFUSED)
def test_what_rm_refuses_the_survey_refuses(more: Body, code: str) -> None:
    talk = PlanningTalk()
    talk.ask("RC02", survey(**more))
    (answer,) = talk.bodies("RC03")
    assert (answer["outcome"], answer["code"], answer["is_last"]) == ("refused", code, True)


def test_same_survey_again_is_known_another_need_is_refused() -> None:
    talk = PlanningTalk()
    talk.ask("RC02", survey())
    assert talk.tell("PF", "RC02", survey()).known
    assert talk.ask("RC02", survey(quantity=9)) == "SERIAL_REUSED"


def test_cancel_again_is_known_too_late_or_unknown_is_refused() -> None:
    talk = PlanningTalk()
    talk.ask("RC02", survey())
    talk.ask("RC04", cancel())
    assert talk.tell("PF", "RC04", cancel()).known
    assert talk.ask("RC04", cancel("SV9")) == "STATE_CONFLICT"
    talk.ask("RC02", survey(survey_id="SV2"))
    talk.run()
    assert talk.ask("RC04", cancel("SV2")) == "STATE_CONFLICT"
