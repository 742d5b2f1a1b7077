"""Cutovers between RM, PF and CRM (spec 5.12): done + failed + excluded = planned, however they go."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.wire.times import wire_time
from simulators.brain import Body
from simulators.installed import Installed
from simulators.parts import ELEMENTS, parts
from simulators.rm.brain import RmBrain
from simulators.rm.cutover_plan import PlanInvalid, draft
from simulators.rm.plant import load_table
from simulators.rm.script import Script, read_script
from tests.simulators.planning_talk import PlanningTalk
from tests.simulators.talk import START
from tests.simulators.test_rm import CRM, DAY, reserve

HOUR = 3_600_000
CT = "CT1"


def network(count: int = 3, script: Script | None = None, res_type: str = "NUMBER") -> RmBrain:
    """Two bureaus; ``count`` instances with a resource each in the first."""
    table = load_table()
    table["area"] = [row | {"bureaus": ["NJGL01"]} for row in table["area"] if row["code"] == "025"]
    rows = [Installed(f"PI{n}", "A1", "025", "P1", START, (res_type,)) for n in range(count)]
    first = RmBrain(table, installed=rows)
    table["area"] = [row | {"bureaus": ["NJGL01", "NJGL02"]} for row in table["area"]]
    rm = RmBrain(table, script=script)
    for row in rows:
        for resource in first.plant.serving(row.product_instance_id):
            own = rm.plant.find(resource.id)
            assert own is not None
            rm.plant.move(own, "reserve_order", START)
            rm.plant.move(own, "archive", START)
            rm.plant.serve(own, row.product_instance_id)
    return rm


def plan(rm: RmBrain, count: int = 3, per_wave: int = 2, begins: int = 0, **more: Any) -> dict[str, Any]:
    """Every instance to the second bureau; the window opens ``begins`` ms from START and lasts an hour."""
    (res_type,) = {row.type for row in rm.plant.serving("PI0")}
    window = {"begin": wire_time(START + begins), "end": wire_time(START + begins + HOUR)}
    freeze = {"begin": wire_time(START), "end": wire_time(START + begins + 2 * HOUR)}
    head = {"area": "025", "cutover_id": CT, "type": "number", "window": window, "freeze_window": freeze}
    items = draft(rm.plant, [f"PI{n}" for n in range(count)], res_type, "NJGL02", per_wave)
    return head | {"items": items} | more


class Crm:
    """Freezes all but what a test names, applies all."""

    def __init__(self) -> None:
        self.blocked: dict[str, list[str]] = {}
        self.unknown: list[str] = []
        self.refused: list[str] = []

    def __call__(self, code: str, body: Body) -> list[tuple[str, Body]]:
        if code == "CT02":
            return [
                ("CT08", _part(body) | {"instances": [self._freeze(row["product_instance_id"]) for row in body["instances"]]})
            ]
        if code == "CT06":
            rows = [self._apply(row["product_instance_id"]) for row in body.get("done", [])]
            return [("CT08", _part(body) | ({"instances": rows} if rows else {}))]
        return [("CT08", _part(body))] if code == "CT07" else []

    def _freeze(self, name: str) -> Body:
        row: Body = {"product_instance_id": name, "outcome": "frozen"}
        if name in self.unknown:
            return row | {"outcome": "unknown", "code": "3002", "reason": {"text": "无此实例"}}
        if self.blocked.get(name):
            return row | {"outcome": "blocked", "code": "3006", "blocking_orders": self.blocked[name]}
        return row

    def _apply(self, name: str) -> Body:
        return {"product_instance_id": name, "outcome": "refused" if name in self.refused else "applied"}


def _part(body: Body) -> Body:
    wanted = ("area", "cutover_id", "part_no", "is_last")
    return {name: body[name] for name in wanted if name in body} | {"outcome": "accepted"}


def world(rm: RmBrain) -> tuple[PlanningTalk, Crm]:
    talk, crm = PlanningTalk(rm), Crm()
    talk.crm_says = crm
    return talk, crm


def begin(talk: PlanningTalk, table: dict[str, Any], dry_run: bool = False, until: int = DAY) -> None:
    talk.rm_does(talk.rm.start_cutover(table, talk.now, dry_run))
    talk.run(talk.now + until)


def outcome(talk: PlanningTalk) -> tuple[str, str, dict[str, int]]:
    """State at RM, state at PF, and PF's counts."""
    rm, pf = talk.rm.inspect()["cutovers"][CT], talk.pf.inspect()["cutovers"][CT]
    assert sum(pf["counts"].values()) == pf["planned"] == rm["planned"] == sum(rm["counts"].values())
    return rm["state"], pf["state"], pf["counts"]


def in_bureau(rm: RmBrain, name: str) -> list[tuple[str, str]]:
    """Bureau and state of what serves an instance."""
    return [(row.bureau, row.state) for row in rm.plant.serving(name)]


def taken(rm: RmBrain) -> dict[str, str]:
    """State of every resource that is not free."""
    return {resource.id: resource.state for resource in rm.plant.resources.values() if resource.state != "0"}


def test_cutover_moves_every_instance_in_waves() -> None:
    rm = network()
    talk, _ = world(rm)
    begin(talk, plan(rm))
    assert outcome(talk) == ("4", "4", {"done": 3})
    assert [in_bureau(rm, f"PI{n}") for n in range(3)] == [[("NJGL02", "4")]] * 3
    (completion,) = talk.bodies("CT06")
    assert [row["new"]["bureau"] for row in completion["done"]] == ["NJGL02"] * 3
    assert [code for code, _ in talk.receipts if code == "CT04"] == ["CT04", "CT04"]


def test_old_numbers_rest_and_nothing_stays_reserved() -> None:
    rm = network()
    talk, _ = world(rm)
    table = plan(rm)
    old = [row["old"]["resources"][0]["res_inst_id"] for row in table["items"]]
    begin(talk, table)
    assert {rm.plant.resources[name].state for name in old} == {"8"}
    assert rm.ledger.counts == {"held": 0, "consumed": 3, "released": 0, "expired": 0}
    rm.due(START + 91 * DAY)
    assert {rm.plant.resources[name].state for name in old} == {"0"}


def test_old_line_resources_are_free_at_once() -> None:
    rm = network(res_type="PORT")
    talk, _ = world(rm)
    table = plan(rm, type="line")
    begin(talk, table)
    assert {rm.plant.resources[row["old"]["resources"][0]["res_inst_id"]].state for row in table["items"]} == {"0"}


def test_no_instance_uses_old_and_new_at_once() -> None:
    rm = network()
    talk, _ = world(rm)
    talk.rm_does(rm.start_cutover(plan(rm), START))
    while (due := min((at for at in (rm.next_due(), talk.pf.next_due()) if at is not None), default=None)) is not None:
        if due > START + DAY:
            break
        talk.run(due)
        for n in range(3):
            assert sum(state == "4" for _, state in in_bureau(rm, f"PI{n}")) <= 1
    assert outcome(talk)[0] == "4"


def test_item_that_fails_or_is_rolled_back_goes_on_as_before() -> None:
    rows = [("PI0", "failed", "熔接失败"), ("PI1", "rolled_back", "测试不通过")]
    failures = [{"product_instance_id": name, "outcome": how, "reason": why} for name, how, why in rows]
    rm = network(script=read_script({"failure": failures}))
    talk, _ = world(rm)
    begin(talk, plan(rm))
    assert outcome(talk) == ("4", "4", {"failed": 2, "done": 1})
    assert in_bureau(rm, "PI0") == in_bureau(rm, "PI1") == [("NJGL01", "4")]
    (completion,) = talk.bodies("CT06")
    assert [row["reason"]["text"] for row in completion["failed"]] == ["熔接失败", "测试不通过"]
    assert rm.ledger.counts["held"] == 0


def test_all_failed_is_rolled_back() -> None:
    failures = [{"product_instance_id": f"PI{n}", "outcome": "failed", "reason": "停电"} for n in range(3)]
    rm = network(script=read_script({"failure": failures}))
    talk, _ = world(rm)
    begin(talk, plan(rm))
    assert outcome(talk) == ("97", "97", {"failed": 3})


def test_resource_taken_meanwhile_fails_its_item_only() -> None:
    rm = network()
    talk, _ = world(rm)
    table = plan(rm)
    new = table["items"][1]["new"]["resources"][0]["res_inst_id"]
    items = [{"item_no": 1, "res_type": "NUMBER", "res_inst_id": new, "quantity": 1}]
    rm.on_document("RR01", reserve(items=items), CRM, START)
    begin(talk, table)
    assert outcome(talk) == ("4", "4", {"done": 2, "failed": 1})


def test_unknown_instance_is_excluded() -> None:
    rm = network()
    talk, crm = world(rm)
    crm.unknown = ["PI1"]
    begin(talk, plan(rm))
    assert outcome(talk) == ("4", "4", {"done": 2, "excluded": 1})
    assert in_bureau(rm, "PI1") == [("NJGL01", "4")]
    assert rm.ledger.counts["held"] == 0


def test_nothing_left_to_cut_over_is_rejected() -> None:
    rm = network()
    talk, crm = world(rm)
    crm.unknown = ["PI0", "PI1", "PI2"]
    begin(talk, plan(rm))
    assert outcome(talk) == ("99", "99", {"excluded": 3})
    assert rm.ledger.counts["held"] == 0
    assert talk.bodies("CT06") == []


def test_orders_in_the_way_are_waited_for() -> None:
    rm = network()
    talk, crm = world(rm)
    crm.blocked = {"PI1": ["SO1"]}
    begin(talk, plan(rm, begins=4 * HOUR, in_flight="finish"), until=HOUR)
    assert len(talk.bodies("CT02")) == 1
    crm.blocked, talk.orders.closed = {}, ["SO1"]
    talk.run(START + DAY)
    assert [row["product_instance_id"] for row in talk.bodies("CT02")[1]["instances"]] == ["PI1"]
    assert outcome(talk) == ("4", "4", {"done": 3})


def test_orders_not_finished_when_the_window_opens_exclude_their_instance() -> None:
    rm = network()
    talk, crm = world(rm)
    crm.blocked = {"PI1": ["SO1"]}
    begin(talk, plan(rm, begins=HOUR, in_flight="finish"))
    assert outcome(talk) == ("4", "4", {"done": 2, "excluded": 1})
    (completion,) = talk.bodies("CT06")
    assert "SO1" in completion["excluded"][0]["reason"]["text"]


def test_orders_are_locked_over_the_cutover_and_unlocked_after() -> None:
    rm = network()
    talk, crm = world(rm)
    crm.blocked = {"PI1": ["SO1", "SO2"]}

    def says(code: str, body: Body) -> list[tuple[str, Body]]:
        if code == "LK05":
            crm.blocked["PI1"] = [order for order in crm.blocked["PI1"] if order != body["service_order_id"]]
        return crm(code, body)

    talk.crm_says = says
    begin(talk, plan(rm, in_flight="lock"))
    assert outcome(talk) == ("4", "4", {"done": 3})
    assert talk.orders.locks == [("lock", "SO1"), ("lock", "SO2"), ("unlock", "SO1"), ("unlock", "SO2")]


def test_exempt_orders_leave_their_instance_out() -> None:
    rm = network()
    talk, crm = world(rm)
    crm.blocked = {"PI1": ["SO1"]}
    begin(talk, plan(rm, in_flight="exempt"))
    assert outcome(talk) == ("4", "4", {"done": 2, "excluded": 1})


def test_freeze_waits_for_its_window() -> None:
    rm = network()
    talk, _ = world(rm)
    table = plan(rm, begins=2 * HOUR)
    table["freeze_window"]["begin"] = wire_time(START + HOUR)
    begin(talk, table, until=HOUR - 1_000)
    assert talk.bodies("CT02") == []
    assert rm.inspect()["cutovers"][CT]["state"] == "2"
    talk.run(START + DAY)
    assert outcome(talk) == ("4", "4", {"done": 3})


def test_what_the_crm_cannot_apply_is_told() -> None:
    rm = network()
    talk, crm = world(rm)
    crm.refused = ["PI2"]
    begin(talk, plan(rm))
    assert outcome(talk) == ("4", "4", {"done": 3})
    assert talk.pf.cutovers.cutovers[CT].applied["PI2"]["outcome"] == "refused"


def test_cancel_before_the_first_wave_thaws_everything() -> None:
    rm = network()
    talk, _ = world(rm)
    begin(talk, plan(rm, begins=HOUR), until=1_000)
    talk.rm_does(rm.cancel_cutover(CT, "天气", talk.now))
    talk.run(START + DAY)
    assert outcome(talk) == ("98", "98", {"excluded": 3})
    assert len(talk.bodies("CT07")) == 1
    assert rm.ledger.counts["held"] == 0
    assert [in_bureau(rm, f"PI{n}") for n in range(3)] == [[("NJGL01", "4")]] * 3


@pytest.mark.parametrize(("roll_back", "counts"), [(False, {"done": 2, "excluded": 1}), (True, {"failed": 2, "excluded": 1})])
def test_cancel_during_a_wave_finishes_it_or_rolls_it_back(roll_back: bool, counts: dict[str, int]) -> None:
    rm = network()
    talk, _ = world(rm)
    begin(talk, plan(rm), until=500)
    talk.rm_does(rm.cancel_cutover(CT, "天气", talk.now, roll_back))
    talk.run(START + DAY)
    state = "97" if roll_back else "4"
    assert outcome(talk) == (state, state, counts)
    assert rm.ledger.counts["held"] == 0


def test_cancel_of_what_is_over_is_not_started() -> None:
    rm = network()
    talk, _ = world(rm)
    begin(talk, plan(rm))
    with pytest.raises(PlanInvalid):
        rm.cancel_cutover(CT, "晚了", talk.now)
    reason = {"area": "025", "cutover_id": CT, "reason": {"text": "晚了"}}
    refused = talk.pf.on_document("CT07", reason, talk.crm_meta(), talk.now)
    assert refused.refusal is not None
    assert (refused.refusal.symbol, refused.refusal.state) == ("STATE_CONFLICT", "4")


def test_dry_run_reports_differences_and_changes_nothing() -> None:
    rm = network()
    talk, crm = world(rm)
    crm.unknown, crm.blocked = ["PI2"], {"PI1": ["SO1"]}
    talk.orders.open_orders = {"PI1": ["SO1"]}
    table = plan(rm)
    new = table["items"][0]["new"]["resources"][0]["res_inst_id"]
    items = [{"item_no": 1, "res_type": "NUMBER", "res_inst_id": new, "quantity": 1}]
    rm.on_document("RR01", reserve(items=items), CRM, START)
    before = taken(rm)
    begin(talk, table, dry_run=True, until=HOUR // 4)
    report = [(row["product_instance_id"], row["field"]) for row in rm.cutovers.reports[CT]]
    assert report == [("PI0", "resource"), ("PI1", "in_flight"), ("PI1", "freeze"), ("PI2", "freeze")]
    assert [body["dry_run"] for body in talk.bodies("CT02")] == [True]
    assert taken(rm) == before
    assert rm.inspect()["cutovers"] == {}
    assert talk.pf.inspect()["cutovers"] == {}


def test_who_starts_before_the_dry_run_is_answered_is_told_to_wait() -> None:
    rm = network()
    talk, _ = world(rm)
    rm.start_cutover(plan(rm), talk.now, dry_run=True)
    with pytest.raises(PlanInvalid, match="dry run is not complete yet"):
        rm.start_cutover(plan(rm), talk.now)


def test_freeze_the_crm_refuses_ends_the_plan() -> None:
    rm = network()
    talk, _ = world(rm)
    talk.crm_refuses = {"CT02": "DATE_INVALID"}
    begin(talk, plan(rm))
    assert outcome(talk) == ("99", "99", {"excluded": 3})


def test_wave_rm_refuses_is_thawed_and_excluded() -> None:
    rm = network()
    talk, _ = world(rm)
    begin(talk, plan(rm, begins=HOUR), until=1_000)
    rm.cutovers.cutovers[CT].window = (START + 2 * HOUR, START + 3 * HOUR)
    talk.run(START + DAY)
    assert outcome(talk) == ("97", "97", {"excluded": 3})
    assert sorted(row["product_instance_id"] for body in talk.bodies("CT03") for row in body["instances"]) == [
        "PI0",
        "PI1",
        "PI2",
    ]


def test_waves_that_would_begin_after_the_window_are_dropped() -> None:
    rm = network()
    talk, _ = world(rm)
    rm.cutovers._settings = {"wave_ms": HOUR, "item_ms": 0}
    begin(talk, plan(rm))
    assert outcome(talk) == ("4", "4", {"done": 2, "excluded": 1})


def test_long_plan_travels_in_parts_everywhere() -> None:
    count = 2_300
    rm = network(count)
    talk, _ = world(rm)
    begin(talk, plan(rm, count, per_wave=1_200))
    assert outcome(talk) == ("4", "4", {"done": count})
    assert [len(body["instances"]) for body in talk.bodies("CT02")] == [1000, 1000, 300]
    assert sum(len(body["done"]) for body in talk.bodies("CT06")) == count
    assert max(len(body["done"]) for body in talk.bodies("CT06")) <= 1000
    assert [code for code, _ in talk.receipts if code == "CT05"] == ["CT05"] * 4


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 9_000), max_size=60))
def test_parts_hold_all_in_order_and_fit_a_document(weights: list[int]) -> None:
    cut = parts(weights, lambda weight: ["x"] * (weight - 1))
    assert [entry for _, _, chunk in cut for entry in chunk] == weights
    assert [number for number, _, _ in cut] == list(range(1, len(cut) + 1))
    assert [last for _, last, _ in cut] == [False] * (len(cut) - 1) + [True]
    assert all(sum(chunk) <= ELEMENTS for _, _, chunk in cut)


INVALID: list[dict[str, Any]] = [
    {"window": {"begin": wire_time(START), "end": wire_time(START - HOUR)}},
    {"window": {"begin": wire_time(START - 2 * HOUR), "end": wire_time(START - HOUR)}},
    {"items": []},
]


@pytest.mark.parametrize("more", INVALID)
def test_plan_that_makes_no_sense_is_not_started(more: dict[str, Any]) -> None:
    rm = network()
    table = plan(rm)
    with pytest.raises(PlanInvalid):
        rm.start_cutover(table | more, START)
    with pytest.raises(PlanInvalid):
        rm.start_cutover({name: value for name, value in table.items() if name != "type"}, START)
    with pytest.raises(PlanInvalid):
        rm.start_cutover(table | {"items": [table["items"][0]] * 2}, START)
    assert rm.inspect()["cutovers"] == {}


def test_pf_refuses_a_window_outside_the_freeze() -> None:
    rm = network()
    talk, _ = world(rm)
    table = plan(rm)
    table["freeze_window"]["end"] = table["window"]["begin"]
    begin(talk, table)
    assert (rm.inspect()["cutovers"][CT]["state"], rm.ledger.counts["held"]) == ("99", 0)
    assert rm.complaints[0]["result"] == "3013"


def test_script_starts_a_cutover_at_its_instant() -> None:
    table = plan(network())
    rows = [{"at": wire_time(START + 1_000), "dry_run": False, "plan": table}]
    rm = network(script=read_script({"cutover": rows}))
    talk, _ = world(rm)
    talk.run(START + DAY)
    assert outcome(talk) == ("4", "4", {"done": 3})


EXECUTIONS = [({"cutover_id": "CT9"}, "STATE_CONFLICT"), ({"wave": 9}, "STATE_CONFLICT"), ({}, "DATE_INVALID")]


@pytest.mark.parametrize(("more", "expected"), EXECUTIONS)
def test_execution_of_what_is_not_due_is_refused(more: Body, expected: str) -> None:
    rm = network()
    talk, _ = world(rm)
    begin(talk, plan(rm, begins=HOUR), until=1_000)
    body: Body = {"area": "025", "cutover_id": CT, "wave": 1} | more
    reaction = rm.on_document("CT04", body, talk.crm_meta(), talk.now)
    assert reaction.refusal is not None
    assert reaction.refusal.symbol == expected


NAMES = st.sets(st.sampled_from(["PI0", "PI1", "PI2"]))


@settings(max_examples=60, deadline=None)
@given(
    unknown=NAMES,
    blocked=NAMES,
    failing=NAMES,
    refused=NAMES,
    in_flight=st.sampled_from(["finish", "lock", "exempt"]),
    begins=st.sampled_from([0, 2 * HOUR]),
    cancel_at=st.sampled_from([None, 500, 1_500, HOUR]),
    roll_back=st.booleans(),
)
def test_however_it_goes_it_ends_and_every_instance_is_served_once(
    unknown: set[str],
    blocked: set[str],
    failing: set[str],
    refused: set[str],
    in_flight: str,
    begins: int,
    cancel_at: int | None,
    roll_back: bool,
) -> None:
    rows = [{"product_instance_id": name, "outcome": "failed", "reason": "停电"} for name in sorted(failing)]
    rm = network(script=read_script({"failure": rows}))
    talk, crm = world(rm)
    crm.unknown, crm.refused = sorted(unknown), sorted(refused)
    crm.blocked = {name: ["SO1"] for name in sorted(blocked - unknown)}
    begin(talk, plan(rm, begins=begins, in_flight=in_flight), until=cancel_at or DAY)
    if cancel_at is not None and rm.cutovers.cutovers[CT].state in ("1", "2"):
        talk.rm_does(rm.cancel_cutover(CT, "天气", talk.now, roll_back))
    talk.run(START + DAY)
    states = outcome(talk)
    assert states[0] == states[1]
    assert states[0] in ("4", "97", "98", "99")
    assert set(states[2]) <= {"done", "failed", "excluded"}
    assert rm.ledger.counts["held"] == 0
    assert [[state for _, state in in_bureau(rm, f"PI{n}")] for n in range(3)] == [["4"]] * 3
