"""A person has the CRM send a message: by its fields, held against its schema, the same key once (spec 02, 5.1)."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.cli.desk_requests import desk_requests
from gateway.desk.requested import Requests
from tests.gateway.conftest import Running, bssgw
from tests.gateway.rig import CODEC, Rig

SURVEY: dict[str, Any] = {
    "area": "025", "survey_id": "SV0000000001", "product": "POTS", "action": "install", "quantity": 1,
    "access_modes": ["COPPER"], "a_end": {"text": "南京市鼓楼区示例路1号", "area": "025"},
    "contact": {"name": "张示例", "phone": "13800000000"}, "why_manual": "新建小区",
}  # fmt: skip


def ask(rig: Rig, **request: Any) -> dict[str, Any]:
    heard: list[dict[str, Any]] = []
    desk_requests(rig.gateway)["request"](request, heard.append)
    rig.run(0.2)
    (answer,) = heard
    return answer


def test_a_survey_is_asked_for_once() -> None:
    rig = Rig()
    answers = [ask(rig, code="RC02", body=SURVEY, operator="OP1") for _ in range(2)]
    assert [(answer["ok"], answer["code"]) for answer in answers] == [(True, "0001"), (True, "0002")]
    assert rig.rows("SELECT count(*) FROM message WHERE code = 'RC02' AND direction = 'out'") == [(1,)]


@pytest.mark.parametrize(
    ("code", "body", "says"),
    [
        ("OH01", SURVEY, "1003"),
        ("RC02", SURVEY | {"quantity": 0}, "1002"),
        ("RC02", SURVEY | {"nothing": "1"}, "1002"),
        ("RC02", {name: value for name, value in SURVEY.items() if name != "contact"}, "1002"),
        ("RC02", SURVEY | {"a_end": "示例路"}, "1002"),
        ("RC02", SURVEY | {"product": "UNKNOWN"}, "3020"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_and_nothing_leaves(code: str, body: dict[str, Any], says: str) -> None:
    rig = Rig()
    answer = ask(rig, code=code, body=body, operator="OP1")
    assert (answer["ok"], answer["code"]) == (False, says), answer
    assert rig.rows("SELECT * FROM message WHERE direction = 'out'") == []


def test_a_fault_is_said_once_in_each_language() -> None:
    answer = ask(Rig(), code="RC02", body=SURVEY | {"nothing": "1"}, operator="OP1")
    assert (" / " in answer["zh"], " / " in answer["en"]) == (False, False)
    assert "nothing" in answer["zh"]
    assert "nothing" in answer["en"]


@pytest.mark.parametrize("request_", [{"code": "RC02", "operator": "OP1"}, {"code": 1, "body": {}, "operator": "OP1"}])
def test_an_incomplete_request_is_refused(request_: dict[str, Any]) -> None:
    assert ask(Rig(), **request_)["ok"] is False


def test_every_row_that_can_be_asked_for_names_a_use_case() -> None:
    assert {"RC02", "RC04", "SD01", "SD05", "SD06", "SD07", "RR01", "RR02", "RR03", "PA03"} <= set(Requests(CODEC).codes)


HEAD = {"area": "025", "reservation_id": "RV1"}
PICK = {"kind": "PICK", "items": [{"item_no": 1, "res_type": "NUMBER", "quantity": 1}], "all_or_nothing": True}


@pytest.mark.parametrize(
    ("code", "body", "says"),
    [
        ("RR02", {"reason": {"text": "客户放弃"}, "items": [{"item_no": 1}], "fence": 0}, "0001"),
        ("RR03", {"fence": 0, "ttl_seconds": 3600}, "3004"),
        ("RR03", {"fence": 0, "ttl_seconds": 3600, "reservation_id": "RV9"}, "3011"),
        ("RR03", {"ttl_seconds": 3600}, "1002"),
    ],
)
def test_a_reservation_is_released_and_prolonged_by_a_person(code: str, body: dict[str, Any], says: str) -> None:
    rig = Rig()
    ask(rig, code="RR01", body=HEAD | PICK, operator="OP1")
    answer = ask(rig, code=code, body=HEAD | body, operator="OP1")
    assert answer["code"] == says, answer
    assert rig.rows(f"SELECT count(*) FROM message WHERE code = '{code}' AND direction = 'out'") == [(says == "0001",)]


def test_the_command_line_refuses_what_is_no_content(running: Running, tmp_path: Any) -> None:
    path = tmp_path / "survey.json"
    path.write_text("[]", encoding="utf-8")
    assert bssgw("request", "RC02", str(path), "--config", running.config).code == 2
    path.write_text('{"area": "025"}', encoding="utf-8")
    done = bssgw("request", "RC02", str(path), "--config", running.config, "--as", "OP1")
    assert (done.code, "1002" in done.out) == (1, True)
