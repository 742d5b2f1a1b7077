"""What an order waits for, in plain words (spec 06.1 promises 5 and 6)."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.store.message_machine import DONE, ENDS, OPEN, REJECTED
from crm_core.orders.item_states import PROGRESS
from crm_core.orders.operation import OPERATIONS
from gateway.desk.why import LINKS, MESSAGES, NAMES, waits

REASON = {"text": "无端口", "code": "10W001"}
FALLOUT = {"id": "FO1", "closed_at": None, "owner": None, "zh": "超时", "en": "overdue", "opened_at": 7}
OFFER = {"at": 8, "valid_until": 9}
PENDING = {"missing_res_type": "PORT", "reason": REASON, "since": 3, "expected_available": None, "offer": None}
DEFERRAL = {"until": 20, "reason": {"text": "用户外出"}, "since": 4, "ended_at": None}
LOCK = {"holder": {"owner": "OP1", "reason": "核查", "until": 30}, "fence": 1, "queue": []}
MESSAGE = {"direction": "out", "state": "UNKNOWN", "code": "OH01", "element": "DispatchOrder", "peer": "PF0001", "tries": 2,
           "first_seen": 5, "due_at": 6}  # fmt: skip
FACT = {"kind": "start", "state": "sent", "sent_at": 5, "answered_at": 6}
QUEUED = {"owner": "OP2", "reason": "复核", "until": 40}
TAKEN_BACK = {**MESSAGE, "state": "PARKED", "error_class": "withdrawn"}
STAGE = {"name": "外线施工", "stage": "FIELD", "state": "in_progress", "at": 11, "limit_at": 12}


def row(progress: str = "ACCEPTED", **fields: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {
        "state": progress, "since": 1, "ended_at": None, "reason": None, "items": [{"progress": progress}], "stages": [],
        "fallouts": [], "messages": [], "operations": [], "held": [], "report_seq": 0, "lock": None, "deferral": None,
        "pending": None, "clock": None, "pf_system": "PF0001", "details": {}, "effective_at": None, "captured_at": 1,
        "dispatched_at": 2, "accepted_at": 3, "expected_finish": None, "billing": [],
    }  # fmt: skip
    return {**empty, **fields}


@pytest.mark.parametrize(("given", "zh", "en", "since", "until"), [
    (row("COMPLETED", ended_at=9), "已结束", "ended", 9, None),
    (row("DRAFT", details={"awaits": ["SO7"]}), "SO7", "SO7", 1, None),
    (row("DRAFT", effective_at=99), "生效日", "on its day", 1, 99),
    (row("DRAFT"), "预受理", "confirmed", 1, None),
    (row("SUBMITTED", clock={"limits": {"acceptance": {"limit_at": 50}}}), "签收", "accept", 2, 50),
    (row(), "PF0001 处理中", "works on it", 3, None),
    (row("IN_PROGRESS", stages=[STAGE]), "外线施工", "FIELD", 11, 12),
    (row("PENDING_INSTALL", pending=PENDING), "缺少 PORT", "PORT is missing", 3, None),
    (row("DEFERRED", deferral=DEFERRAL), "用户外出", "customer's wish", 4, 20),
    (row("DEFERRED", lock=LOCK), "OP1 锁定", "locked by OP1", None, 30),
    (row(fallouts=[FALLOUT]), "FO1", "nobody has claimed", 7, None),
    (row(fallouts=[{**FALLOUT, "owner": "OP2"}]), "OP2", "OP2 works", 7, None),
    (row("RETURNED", reason=REASON), "已退单", "returned", 1, None),
    (row("COMPLETING"), "人工确认", "person", 1, None),
    (row(messages=[MESSAGE]), "UNKNOWN", "tried 2 times", 5, 6),
    (row(messages=[{**MESSAGE, "state": "READY"}]), "待发送", "is to be sent", 5, 6),
    (row(messages=[{**MESSAGE, "state": "SENDING"}]), "待应答", "its answer is to come", 5, 6),
    (row(messages=[{**MESSAGE, "state": "RETRY"}]), "再次发送", "sent again", 5, 6),
    (row(messages=[{**MESSAGE, "state": "DEAD"}]), "已放弃", "given up", 5, 6),
    (row(messages=[{**MESSAGE, "state": "PARKED", "error_class": "not_sent"}]), "待配置", "is to be configured", 5, 6),
    (row(messages=[{**MESSAGE, "state": "PARKED", "error_class": "document"}]), "无法发送", "could not be sent", 5, 6),
    (row("DEFERRED", lock={**LOCK, "holder": None, "queue": [QUEUED]}), "OP2 排队", "OP2 waits", None, 40),
    (row("IN_PROGRESS", operations=[{"operation": "change", "at": 6, "manual": True}]), "人工决定", "a person there", 6, None),
    (row(state="FALLOUT"), "异常", "FALLOUT", 1, None),
    (row("COMPLETED", ended_at=9, billing=[FACT]), "计费答复 start", "answer the start notice", 5, None),
    (row("COMPLETED", ended_at=9, billing=[{**FACT, "state": "refused"}]), "计费拒绝", "corrected", 6, None),
    (row("COMPLETED", ended_at=9, billing=[{**FACT, "state": "accepted"}]), "已结束", "ended", 9, None),
    (row("FAILED", ended_at=9, fallouts=[FALLOUT]), "FO1", "nobody has claimed", 7, None),
    (row("CANCELLED", ended_at=9, messages=[{**MESSAGE, "state": "RETRY"}]), "再次发送", "sent again", 5, 6),
    (row("CANCELLED", ended_at=9, messages=[TAKEN_BACK]), "已结束", "ended", 9, None),
    (row(held=[{"why": "gap", "seq": 4, "at": 8}], report_seq=1), "2 至 3", "2 to 3", 8, None),
    (row(held=[{"why": "barred", "command": "ReportCompletion", "at": 8}]), "ReportCompletion", "waits for a lock", 8, None),
    (row(operations=[{"operation": "cancel", "at": 6, "limit_at": 60}]), "答复撤单", "answer the cancel", 6, 60),
])  # fmt: skip
def test_the_most_pressing_stands_first(given: dict[str, Any], zh: str, en: str, since: int | None, until: int | None) -> None:
    first = waits(given)[0]
    assert zh in first.zh
    assert en in first.en
    assert (first.since, first.until) == (since, until)


def test_an_offer_waits_for_the_customer() -> None:
    found = waits(row("PENDING_INSTALL", pending={**PENDING, "offer": OFFER}))
    assert [(wait.since, wait.until) for wait in found] == [(3, None), (8, 9)]


def test_what_is_closed_or_sent_is_not_waited_for() -> None:
    gone = {"messages": [{**MESSAGE, "state": "DONE"}], "deferral": {**DEFERRAL, "ended_at": 5}}
    closed = row(fallouts=[{**FALLOUT, "closed_at": 8}], **gone)
    assert [wait.en for wait in waits(closed)] == ["PF0001 works on it"]


@pytest.mark.parametrize("state", list(LINKS))
def test_a_message_says_what_keeps_its_link(state: str) -> None:
    (first, *_) = waits(row(messages=[{**MESSAGE, "state": "READY"}]), {"PF0001": state, "RM0001": "down"})
    assert LINKS[state][0] in first.zh
    assert LINKS[state][1] in first.en


def test_a_link_that_is_up_is_not_mentioned() -> None:
    assert waits(row(messages=[MESSAGE]), {"PF0001": "up"}) == waits(row(messages=[MESSAGE]))


@pytest.mark.parametrize("progress", PROGRESS)
def test_every_progress_has_words_of_its_own(progress: str) -> None:
    """In every state something is told beyond the state's name; what belongs to the state is there as the core leaves it."""
    given = row(progress)
    given |= {"PENDING_INSTALL": {"pending": PENDING}, "DEFERRED": {"deferral": DEFERRAL}}.get(progress, {})
    if progress in ("COMPLETED", "CANCELLED", "REJECTED", "FAILED"):
        given["ended_at"] = 9
    assert [wait.zh for wait in waits(given)] != [f"状态 {progress}"]


def test_every_open_operation_and_message_has_words() -> None:
    asked = {"amend": "change"}
    assert {asked.get(name, name) for name in OPERATIONS} <= set(NAMES)
    assert set(MESSAGES) == {*OPEN, *ENDS} - {DONE, REJECTED}
