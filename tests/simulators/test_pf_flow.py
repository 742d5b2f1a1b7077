"""PF's walk of an order: stages by table, resources, decisions of the CRM, returns, repeats."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.loader import load
from simulators.brain import Body, Send
from simulators.pf.brain import PfBrain
from simulators.pf.machine import MOVES, IllegalMove, after
from simulators.pf.processes import shipped
from simulators.pf.script import read_script
from simulators.rm.brain import RmBrain
from simulators.rm.plant import load_table
from tests.simulators.talk import START, Dice, Talk, decision, dispatch, item, side


def talk(speed: float = 0, table: dict[str, Any] | None = None, script: list[dict[str, Any]] | None = None) -> Talk:
    return Talk(PfBrain(Dice(), speed, script=read_script({"act": script or []})), RmBrain(table))


def stages(talk: Talk) -> list[str]:
    return [body["stage"]["code"] for code, body in talk.crm if code == "OH07"]


def pf(talk: Talk) -> PfBrain:
    brain = talk.brains["PF"]
    assert isinstance(brain, PfBrain)
    return brain


def rm(talk: Talk) -> RmBrain:
    brain = talk.brains["RM"]
    assert isinstance(brain, RmBrain)
    return brain


def states_of(talk: Talk, instance: str) -> dict[str, str]:
    return {row.type: row.state for row in rm(talk).plant.serving(instance)}


def scarce(**counts: int) -> dict[str, Any]:
    table = load_table()
    for row in table["type"]:
        row["count"] = counts.get(row["code"], row["count"])
    return table


INSTALLS = [
    ("POTS", ["NUMBER_ASSIGN", "LINE_ASSIGN", "DATA_CONFIG", "FIELD"], {"NUMBER", "PORT", "PAIR"}),
    ("ADSL", ["LINE_ASSIGN", "DATA_CONFIG", "AAA", "FIELD"], {"PORT", "PAIR", "ACCOUNT", "VLAN"}),
    ("LAN", ["RES_ASSIGN", "DATA_CONFIG", "FIELD"], {"PORT", "ACCOUNT", "VLAN"}),
    ("FTTH", ["RES_ASSIGN", "DATA_CONFIG", "FIELD", "PON"], {"PORT", "FIBRE", "ONU", "VLAN", "ACCOUNT"}),
    ("PHS", ["NUMBER_ASSIGN", "DATA_CONFIG", "AAA"], {"NUMBER"}),
    ("IPTV", ["RES_ASSIGN", "DATA_CONFIG", "AAA"], {"ACCOUNT", "VLAN"}),
    ("DDN", ["SURVEY", "LINE_ASSIGN", "DATA_CONFIG", "FIELD"], {"PORT", "FIBRE"}),
    ("ETH", ["SURVEY", "RES_ASSIGN", "DATA_CONFIG", "FIELD"], {"PORT", "VLAN", "IP"}),
    ("CLIP", ["DATA_CONFIG", "AAA", "TEST"], set()),
]


@pytest.mark.parametrize(("product", "reported", "resources"), INSTALLS)
def test_install_reports_its_stages_and_takes_its_resources_into_use(
    product: str, reported: list[str], resources: set[str]
) -> None:
    conversation = talk()
    conversation.tell("PF", "OH01", dispatch(items=[item(product=product)]))
    conversation.run()
    assert conversation.codes() == ["OH02", *["OH07"] * len(reported), "OH08"]
    assert stages(conversation) == reported
    assert pf(conversation).orders["SO1"].state == "COMPLETED"
    assert states_of(conversation, "PI1") == dict.fromkeys(resources, "4")
    done = conversation.crm[-1][1]["items"][0]
    assert {attr["code"] for attr in done.get("attrs", [])} == resources


@pytest.mark.parametrize(("product", "action"), sorted(key for key in shipped().processes if key[0] != "*"))
def test_every_process_reports_at_least_three_stages_of_the_code_table(product: str, action: str) -> None:
    process = shipped().processes[product, action]
    assert len(process.reports) >= 3
    assert set(process.stages) <= set(load().table("stages").rows)
    assert all(set(before) <= set(process.stages) for before in process.after.values())
    assert process.stages[-1] == "SUMMARY"


def test_every_product_of_the_catalogue_of_families_has_an_install() -> None:
    families = [code for code in load().table("product_families").rows if code != "FUNCTION"]
    assert [code for code in families if shipped().find(code, "install") is None] == []


def test_reports_are_numbered_without_gap_and_take_their_time() -> None:
    conversation = talk(speed=1)
    conversation.tell("PF", "OH01", dispatch())
    conversation.run(START + 250)
    assert conversation.codes() == ["OH02"]
    conversation.run()
    assert [body["report_seq"] for _, body in conversation.crm] == [1, 2, 3, 4, 5, 6]
    assert conversation.now > START + 1_500


def test_archive_is_before_the_completion_report() -> None:
    conversation = talk()
    conversation.decide = lambda report: None
    conversation.tell("PF", "OH01", dispatch())
    conversation.run()
    assert [code for code, _ in conversation.receipts] == ["OH01", "OH03", "OH04", "OH06"]
    assert conversation.codes()[-1] == "OH08"
    assert pf(conversation).orders["SO1"].state == "COMPLETING"


def test_disconnect_frees_after_the_acceptance_only_and_numbers_rest() -> None:
    conversation = talk()
    conversation.tell("PF", "OH01", dispatch(items=[item(product="POTS")]))
    conversation.run()
    conversation.decide = lambda report: None
    conversation.tell("PF", "OH01", dispatch("SO2", items=[item("2", "POTS", "disconnect")], action="disconnect"))
    conversation.run()
    assert states_of(conversation, "PI1") == {"NUMBER": "5", "PORT": "5", "PAIR": "5"}
    number = next(row for row in rm(conversation).plant.serving("PI1") if row.type == "NUMBER")
    conversation.tell("PF", "OH13", decision(conversation.crm[-1][1], {}))
    assert states_of(conversation, "PI1") == {}
    assert number.state == "8"
    conversation.run()  # the quarantine ends
    assert number.state == "0"


def test_change_of_number_replaces_the_number_and_nothing_else() -> None:
    conversation = talk()
    conversation.tell("PF", "OH01", dispatch(items=[item(product="POTS")]))
    conversation.run()
    before = {row.type: row.id for row in rm(conversation).plant.serving("PI1")}
    change = item("2", "POTS", "change_number", access_number="02580000777")
    conversation.tell("PF", "OH01", dispatch("SO2", items=[change], action="change_number"))
    conversation.run(conversation.now)
    after_change = {row.type: row.id for row in rm(conversation).plant.serving("PI1")}
    assert after_change["NUMBER"] == "NUMNJGL010000777"
    assert rm(conversation).plant.resources[before["NUMBER"]].state == "8"
    assert (after_change["PORT"], after_change["PAIR"]) == (before["PORT"], before["PAIR"])
    assert conversation.crm[-1][1]["items"][0]["access_number"] == "02580000777"


def test_relocation_works_in_before_out_and_keeps_the_number() -> None:
    conversation = talk()
    conversation.tell("PF", "OH01", dispatch(items=[item(product="POTS")]))
    conversation.run()
    before = {row.type: row.id for row in rm(conversation).plant.serving("PI1")}
    pair = [
        item("in", "POTS", "relocate", attrs=side("in")),
        item("out", "POTS", "relocate", attrs=side("out"), depends_on=["in"]),
    ]
    conversation.crm.clear()
    conversation.tell("PF", "OH01", dispatch("SO2", items=pair, action="relocate"))
    conversation.run()
    reports = [body["items"] for code, body in conversation.crm if code == "OH07"]
    assert reports == [["in"]] * 3 + [["out"]] * 3
    after_move = {row.type: row.id for row in rm(conversation).plant.serving("PI1")}
    assert after_move["NUMBER"] == before["NUMBER"]
    assert after_move["PORT"] != before["PORT"]
    assert rm(conversation).plant.resources[before["PORT"]].state == "0"


def test_items_that_depend_wait_and_one_report_completes_all() -> None:
    conversation = talk()
    items = [item("1", "FTTH"), item("2", "IPTV", instance="PI2", depends_on=["1"])]
    conversation.tell("PF", "OH01", dispatch(items=items))
    conversation.run()
    works = [body["items"] for code, body in conversation.crm if code == "OH07"]
    assert works == [["1"]] * 4 + [["2"]] * 3
    assert [row["item_id"] for row in conversation.crm[-1][1]["items"]] == ["1", "2"]
    assert conversation.codes().count("OH08") == 1


def test_stage_that_fails_returns_the_order_after_everything_was_given_back() -> None:
    conversation = talk(script=[{"do": "return", "stage": "FIELD", "reason": "10R002"}])
    conversation.tell("PF", "OH01", dispatch())
    conversation.run()
    assert conversation.codes()[-1] == "OH09"
    returned = conversation.crm[-1][1]
    assert returned["reason"] == {"type": "10R", "code": "10R002", "text": load().table("reasons").rows["10R002"].zh}
    assert returned["stage"]["code"] == "FIELD"
    assert pf(conversation).orders["SO1"].state == "RETURNED"
    assert rm(conversation).ledger.counts["held"] == 0


def test_returned_order_is_dispatched_again_under_a_higher_version_only() -> None:
    conversation = talk(script=[{"do": "return", "stage": "AAA", "reason": "10R003", "attr": "", "times": 1}])
    conversation.tell("PF", "OH01", dispatch(items=[item(product="PHS")]))
    conversation.run()
    refused = conversation.tell("PF", "OH01", dispatch(items=[item(product="FTTH")]))
    assert refused.refusal is not None
    assert (refused.refusal.symbol, refused.refusal.state) == ("STATE_CONFLICT", "RETURNED")
    conversation.tell("PF", "OH01", dispatch(version=2, items=[item(product="FTTH")]))
    conversation.run()
    assert pf(conversation).orders["SO1"].state == "COMPLETED"
    seqs = [body["report_seq"] for _, body in conversation.crm]
    assert seqs == list(range(1, len(seqs) + 1))


def test_refused_completion_is_repaired_and_reported_again() -> None:
    conversation = talk()
    answers = [{"1": "ATTRIBUTE_INVALID"}, {}]
    conversation.decide = lambda report: decision(report, answers.pop(0))
    conversation.tell("PF", "OH01", dispatch())
    conversation.run()
    assert conversation.codes().count("OH08") == 2
    assert pf(conversation).orders["SO1"].state == "COMPLETED"
    assert pf(conversation).orders["SO1"].exceptions[0]["text"] == "结果不全"


def test_completion_refused_for_ever_returns_and_holds_nothing() -> None:
    conversation = talk()
    conversation.decide = lambda report: decision(report, {"1": "ATTRIBUTE_INVALID"})
    conversation.tell("PF", "OH01", dispatch())
    conversation.run()
    assert conversation.codes().count("OH08") == shipped().settings["repairs"] + 1
    assert conversation.codes()[-1] == "OH09"
    undone = [work.stage for work in pf(conversation).orders["SO1"].work_orders if work.direction == "reverse"]
    assert undone[-5:] == ["TEST", "FIELD", "PON", "DATA_CONFIG", "RES_ASSIGN"]
    assert states_of(conversation, "PI1") == {}


def test_partly_refused_completion_repairs_only_what_was_refused() -> None:
    conversation = talk()
    answers = [{"2": "ATTRIBUTE_INVALID"}, {}]
    conversation.decide = lambda report: decision(report, answers.pop(0))
    conversation.tell("PF", "OH01", dispatch(items=[item("1"), item("2", "IPTV", instance="PI2")]))
    conversation.run()
    reports = [[row["item_id"] for row in body["items"]] for code, body in conversation.crm if code == "OH08"]
    assert reports == [["1", "2"], ["2"]]
    assert pf(conversation).orders["SO1"].state == "COMPLETED"


REJECTIONS = [
    (dispatch(items=[item(product="NOSUCH")]), "3019"),
    (dispatch(items=[item(product="IPTV", action="change_number")]), "3019"),
    (dispatch(items=[item(depends_on=["9"])]), "3024"),
    (dispatch(items=[item("1", depends_on=["2"]), item("2", depends_on=["1"])]), "3024"),
]


@pytest.mark.parametrize(("body", "code"), REJECTIONS)
def test_what_cannot_be_done_is_rejected_before_acceptance(body: Body, code: str) -> None:
    conversation = talk()
    conversation.tell("PF", "OH01", body)
    conversation.run()
    assert conversation.codes() == ["OH12"]
    assert conversation.crm[0][1]["code"] == code
    assert conversation.crm[0][1]["faults"][0]["rule"] == code


def test_second_order_on_the_instance_is_rejected_unless_compatible() -> None:
    conversation = talk(speed=1)
    conversation.tell("PF", "OH01", dispatch())
    conversation.tell("PF", "OH01", dispatch("SO2", items=[item("2", action="modify")], action="modify"))
    conversation.tell("PF", "OH01", dispatch("SO3", items=[item("3", action="survey")], action="survey"))
    conversation.run()
    assert [(code, body["service_order_id"]) for code, body in conversation.crm if code == "OH12"] == [("OH12", "SO2")]
    assert pf(conversation).orders["SO3"].state == "COMPLETED"


def test_same_dispatch_again_is_known_and_starts_nothing() -> None:
    conversation = talk()
    conversation.tell("PF", "OH01", dispatch())
    assert conversation.tell("PF", "OH01", dispatch()).known
    conversation.run()
    assert conversation.tell("PF", "OH01", dispatch()).known
    assert conversation.codes().count("OH02") == 1


def test_other_content_before_acceptance_is_taken_over_and_later_refused() -> None:
    conversation = talk()
    conversation.tell("PF", "OH01", dispatch(items=[item(product="POTS")]))
    assert conversation.tell("PF", "OH01", dispatch(items=[item(product="IPTV")])).refusal is None
    conversation.run(START)
    conversation.tell("PF", "OH01", dispatch(items=[item(product="LAN")]))
    assert conversation.receipts[-1] == ("OH01", "3004")
    assert stages(conversation) == ["RES_ASSIGN", "DATA_CONFIG", "AAA"]


@pytest.mark.parametrize(("version", "code"), [(1, "3015"), (3, "3006")])
def test_other_version_of_an_open_order_is_refused(version: int, code: str) -> None:
    conversation = talk(speed=1)
    conversation.tell("PF", "OH01", dispatch(version=2))
    conversation.run(START + 400)
    conversation.tell("PF", "OH01", dispatch(version=version))
    assert conversation.receipts[-1] == ("OH01", code)


def test_order_ended_by_hand_stops_its_flow_and_keeps_its_resources() -> None:
    conversation = talk(speed=1)
    conversation.tell("PF", "OH01", dispatch())
    conversation.run(START + 1_000)
    report = {"service_order_id": "SO1", "version": 1, "area": "025", "items": [{"item_id": "1"}]}
    conversation.tell("PF", "OH13", decision(report, {}) | {"unasked": True})
    conversation.run()
    assert "OH08" not in conversation.codes()
    assert pf(conversation).orders["SO1"].state == "COMPLETED"
    assert set(states_of(conversation, "PI1").values()) == {"4"}


def test_decision_about_what_was_not_reported_changes_nothing() -> None:
    conversation = talk(speed=1)
    conversation.tell("PF", "OH01", dispatch())
    report = {"service_order_id": "SO1", "version": 1, "area": "025", "items": [{"item_id": "1"}]}
    conversation.tell("PF", "OH13", decision(report, {}))
    assert conversation.receipts[-1] == ("OH13", "3004")
    conversation.tell("PF", "OH13", decision(report | {"version": 2}, {}))
    assert conversation.receipts[-1] == ("OH13", "3015")
    conversation.tell("PF", "OH13", decision(report | {"service_order_id": "SO9"}, {}))
    assert conversation.receipts[-1] == ("OH13", "3003")
    assert pf(conversation).orders["SO1"].state == "ACKNOWLEDGED"


def test_step_without_resource_management_is_reported_stuck_and_tried_again() -> None:
    brain = PfBrain(Dice(), 0)
    brain.on_document("OH01", dispatch(), _meta(), START)
    asked = next(send for send in brain.due(START).sends if send.code == "OH03")
    stuck = brain.on_refusal(asked, "9003", {"text": "unreachable"}, START).sends
    assert [(send.code, send.body["state"]) for send in stuck] == [("OH07", "exception")]
    assert brain.orders["SO1"].state == "FALLOUT"
    again = brain.due(START + 60_000).sends
    assert [send.code for send in again] == ["OH03"]
    assert brain.orders["SO1"].state == "IN_PROGRESS"


def test_query_tells_stage_and_work_orders_and_unknown_differs_from_not_started() -> None:
    conversation = talk(speed=1)
    query = {"area": "025", "service_order_id": "SO1", "detail_level": "work_order"}
    assert conversation.tell("PF", "PQ01", query).refusal is not None
    assert conversation.receipts[-1] == ("PQ01", "3003")
    conversation.tell("PF", "OH01", dispatch())
    answer = conversation.tell("PF", "PQ01", query).answer
    assert answer is not None
    assert "current_stages" not in answer["orders"][0]
    conversation.run(START + 700)
    answer = conversation.tell("PF", "PQ01", {"area": "025", "product_instance_id": "PI1", "detail_level": "work_order"}).answer
    assert answer is not None
    assert {row["stage"] for row in answer["orders"][0]["work_orders"]} >= {"RES_ASSIGN"}
    conversation.run()
    answer = conversation.tell("PF", "PQ01", {"area": "025", "customer_order_id": "CO1", "detail_level": "order"}).answer
    assert answer is not None
    assert (answer["orders"][0]["state"], answer["page"]["total_count"]) == ("COMPLETED", 1)


def test_message_it_does_not_serve_is_refused() -> None:
    refused = PfBrain(Dice()).on_document("RR01", {}, _meta(), START).refusal
    assert refused is not None
    assert refused.symbol == "MESSAGE_UNKNOWN"


@pytest.mark.parametrize("code", PfBrain(Dice()).codes)
def test_messages_it_serves_are_addressed_to_it(code: str) -> None:
    assert {"PF", "*"} & {route.receiver for route in load().message(code).routes}


def test_states_and_moves_outside_the_table_are_illegal() -> None:
    states = {state for state, _ in MOVES} | set(MOVES.values())
    moves = {move for _, move in MOVES}
    assert states <= set(load().table("order_states").rows)
    for state in sorted(states):
        for move in sorted(moves):
            if (state, move) in MOVES:
                assert after(state, move) == MOVES[state, move]
            else:
                with pytest.raises(IllegalMove):
                    after(state, move)


def _meta() -> Any:
    from simulators.brain import Meta

    return Meta("CRM001", "CRM001" + "1" * 24, "025")


def test_nobody_takes_a_report_it_is_kept_for_people() -> None:
    brain = PfBrain(Dice(), 0)
    brain.on_document("OH01", dispatch(), _meta(), START)
    report = next(send for send in brain.due(START).sends if send.code == "OH02")
    assert brain.on_refusal(Send("OH02", report.body), "3004", {"text": "no"}, START).sends == []
    assert brain.inspect()["complaints"][0]["result"] == "3004"
    assert brain.orders["SO1"].exceptions
