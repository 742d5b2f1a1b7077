"""Surveys, schemes and cutovers beside PF's orders: who uses a scheme, which orders are locked over a cutover."""

from __future__ import annotations

import pytest

from simulators.brain import Body
from simulators.pf.brain import PfBrain
from simulators.rm.brain import RmBrain
from tests.simulators.planning_talk import PlanningTalk
from tests.simulators.talk import START, Dice, Talk, accept_all, dispatch, item
from tests.simulators.test_cutover import CT, DAY, HOUR, Crm, begin, network, outcome, plan, taken
from tests.simulators.test_pf_scheme import cancel, confirm, designed, told
from tests.simulators.test_pf_survey import survey


class WholePf(PlanningTalk):
    """The PF's brain with all its chapters, instead of planning alone."""

    def __init__(self, rm: RmBrain | None = None) -> None:
        super().__init__(rm)
        self.brain = PfBrain(Dice(), 1.0)
        self.pf = self.brain._planning
        Talk.__init__(self, self.brain, self.rm)


def test_survey_runs_beside_orders() -> None:
    talk = WholePf()
    talk.ask("RC02", survey())
    talk.run(START + HOUR)
    assert [body["is_last"] for body in talk.bodies("RC03")] == [False, True]


def test_order_built_on_a_scheme_keeps_it_and_takes_its_resources() -> None:
    talk = WholePf()
    result = designed(talk)
    talk.ask("SD05", confirm(result))
    (state,) = talk.bodies("SD08")
    scheme = {name: result[name] for name in ("scheme_id", "version")}
    image = dispatch(items=[item(product="DDN")], scheme=scheme, reservations=[state["reservation_id"]])
    assert talk.ask("OH01", image) is None
    assert talk.ask("SD07", cancel()) == "STATE_CONFLICT"
    talk.run(START + HOUR)
    reserved = {ref["res_inst_id"] for ref in state["resources"]}
    assert reserved & set(taken(talk.rm))
    talk.run(START + 40 * DAY)
    assert told(talk) == [(1, "40")]


def test_scheme_of_an_order_that_was_cancelled_expires() -> None:
    talk = WholePf()
    result = designed(talk)
    talk.ask("SD05", confirm(result))
    scheme = {name: result[name] for name in ("scheme_id", "version")}
    talk.ask("OH01", dispatch(items=[item(product="DDN")], scheme=scheme))
    reason = {"type": "10C", "code": "10C001", "text": "用户撤单"}
    talk.ask("CN01", {"service_order_id": "SO1", "version": 1, "area": "025", "reason": reason})
    talk.run(START + 40 * DAY)
    assert told(talk) == [(1, "40"), (1, "60")]


def test_expired_offer_of_one_who_waits_is_no_schemes_business() -> None:
    talk = WholePf()
    lost = {"area": "025", "service_order_id": "SO1", "reservation_id": "OF0250000000001"}
    resources = [{"res_inst_id": "PORTNJGL010000000", "res_type": "PORT", "role": "port"}]
    reaction = talk.brain.on_document("RR04", lost | {"resources": resources}, talk.crm_meta(), talk.now)
    assert reaction.sends == []


def locked_world() -> tuple[WholePf, Crm]:
    """Three instances; an order is in flight on PI1."""
    talk, crm = WholePf(network()), Crm()
    talk.ask("OH01", dispatch(items=[item(product="POTS", action="modify", instance="PI1")]))

    def says(code: str, body: Body) -> list[tuple[str, Body]]:
        order = talk.brain.orders["SO1"]
        crm.blocked = {} if order.locked or order.closed else {"PI1": ["SO1"]}
        return [("OH13", accept_all(body))] if code == "OH08" else crm(code, body)

    talk.crm_says = says
    return talk, crm


def test_order_in_the_way_is_locked_over_the_cutover_and_goes_on_after() -> None:
    talk, _ = locked_world()
    begin(talk, plan(talk.rm, in_flight="lock"), until=1_500)
    order = talk.brain.orders["SO1"]
    assert order.lock is not None
    assert order.lock.holder is not None
    assert order.lock.holder.owner == CT
    (report,) = talk.bodies("LK05")
    assert (report["event"], report["cutover_id"]) == ("cutover", CT)
    talk.run(START + DAY)
    assert outcome(talk) == ("4", "4", {"done": 3})
    assert not order.locked
    assert order.state == "COMPLETED"


def test_order_in_the_way_is_waited_for() -> None:
    talk, _ = locked_world()
    begin(talk, plan(talk.rm, begins=HOUR, in_flight="finish"))
    assert outcome(talk) == ("4", "4", {"done": 3})
    assert talk.bodies("LK05") == []


def test_dry_run_tells_the_orders_in_flight() -> None:
    talk, _ = locked_world()
    begin(talk, plan(talk.rm), dry_run=True, until=0)
    assert ("PI1", "in_flight", "SO1") in [
        (row["product_instance_id"], row["field"], row["found"]) for row in talk.rm.cutovers.reports[CT]
    ]


@pytest.mark.parametrize(
    "code", ["RC02", "RC04", "SD01", "SD03", "SD05", "SD06", "SD07", "SD08", "CT01", "CT05", "CT07", "CT08"]
)
def test_chapters_of_planning_are_served(code: str) -> None:
    assert code in WholePf().brain.codes
