"""What an order waits for and since when, in plain words (spec 06.1 promises 5 and 6; ``bssgw order why``).

Works on what ``adapters.store.queries.order`` reads: the order with items, stages, fallouts and messages.  Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from adapters.store.message_machine import OPEN
from adapters.store.withdrawal import TAKEN_BACK

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wait:
    """One thing an order waits for: texts, since when and until when (ms, where known); ``kind`` fallout for an open record."""

    zh: str
    en: str
    since: int | None = None
    until: int | None = None
    kind: str = ""


NAMES = {
    "change": ("改单", "change"),
    "cancel": ("撤单", "cancel"),
    "defer": ("缓装申请", "deferral"),
    "end_deferral": ("取消缓装", "end of the deferral"),
    "lock": ("锁单", "lock"),
    "unlock": ("解锁", "unlock"),
    "resume_pending": ("待装答复", "answer to the offer"),
    "expedite": ("催单", "expedite"),
    "reschedule": ("改约", "reschedule"),
}
"""Open operation -> what people call it."""


MESSAGES = {
    "READY": ("待发送", "is to be sent"),
    "SENDING": ("已发出，待应答", "was sent, its answer is to come"),
    "RETRY": ("将再次发送", "is to be sent again"),
    "UNKNOWN": ("已发出无应答，结果不明，正在查询", "was sent without an answer, its fate is being asked for"),
    "PARKED": ("无法发送，待人工处理", "could not be sent, a person is to look"),
    "DEAD": ("已放弃，待人工处理", "was given up, a person is to look"),
}
"""State of an outbound message that has not ended well -> what that means."""

LINKS = {
    "down": ("链路未连通", "the link is down"),
    "stopped": ("链路已停止，须 bssgw link resume", "the link is stopped: bssgw link resume"),
    "paused": ("对端忙，链路暂停", "the peer is busy, its link pauses"),
    "circuit open": ("链路断路，稍后试探", "the circuit is open, it will be tried again"),
    "circuit half-open": ("链路试探中", "the circuit is half-open, one message tries"),
}
"""State of a link that keeps messages waiting -> what that means."""


def waits(row: Row, links: dict[str, str] | None = None) -> list[Wait]:
    """Everything ``row`` waits for, the most pressing first; of an order that ended: that it waits for nothing, unless billing
    has yet to take what it was told. ``links``: peer -> state, where a gateway runs to be asked."""
    billing = list(_billing(row))
    if row["ended_at"] is not None:
        state = row["state"]
        people = [wait for wait in _people(row) if wait.kind == "fallout"]
        ended = [Wait(f"已结束（{state}），不再等待", f"it ended ({state}) and waits for nothing", row["ended_at"])]
        return [*people, *billing, *_messages(row, links or {})] or ended
    found = [
        *_people(row), *_lock(row), *_deferral(row), *_pending(row), *_operations(row), *_reports(row),
        *_messages(row, links or {}), *billing, *_progress(row),
    ]  # fmt: skip
    return found or [Wait(f"状态 {row['state']}", f"state {row['state']}", row["since"])]


def _billing(row: Row) -> Iterator[Wait]:
    for fact in row["billing"]:
        if fact["state"] == "sent":
            yield Wait(f"待计费答复 {fact['kind']}", f"billing is to answer the {fact['kind']} notice", fact["sent_at"])
        elif fact["state"] == "refused":
            en = f"billing refused the {fact['kind']} notice: it is to be corrected"
            yield Wait(f"计费拒绝 {fact['kind']}，待改正", en, fact["answered_at"])


def _people(row: Row) -> Iterator[Wait]:
    for record in row["fallouts"]:
        if record["closed_at"] is None:
            who = record["owner"]
            zh, en = (f"由 {who} 处理", f"{who} works on it") if who else ("尚无人领取", "nobody has claimed it")
            zh, en = f"异常单 {record['id']}（{zh}）：{record['zh']}", f"fallout {record['id']} ({en}): {record['en']}"
            yield Wait(zh, en, record["opened_at"], kind="fallout")
    if row["state"] == "FALLOUT" and all(record["closed_at"] is not None for record in row["fallouts"]):
        text = "订单项异常，待服务开通报告或人工处理"
        yield Wait(text, "an item stands in FALLOUT: a report of provisioning or a person is to go on", row["since"])
    if row["state"] == "RETURNED":
        text = (row["reason"] or {}).get("text", "")
        en = f"returned, to be amended and dispatched again, or cancelled: {text}"
        yield Wait(f"已退单，待改单重派或撤单：{text}", en, row["since"])
    if any(item["progress"] == "COMPLETING" for item in row["items"]):
        yield Wait("待人工确认竣工", "a person is to decide on the completion", row["since"])


def _lock(row: Row) -> Iterator[Wait]:
    holder = (row["lock"] or {}).get("holder")
    if holder is not None:
        zh, en = f"被 {holder['owner']} 锁定：{holder['reason']}", f"locked by {holder['owner']}: {holder['reason']}"
        yield Wait(zh, en, None, holder["until"])
    for claim in (row["lock"] or {}).get("queue", ()):
        zh, en = f"{claim['owner']} 排队等锁：{claim['reason']}", f"{claim['owner']} waits for the lock: {claim['reason']}"
        yield Wait(zh, en, None, claim["until"])


def _deferral(row: Row) -> Iterator[Wait]:
    deferral = row["deferral"]
    if deferral is not None and deferral["ended_at"] is None:
        text = deferral["reason"]["text"]
        yield Wait(f"客户缓装：{text}", f"deferred at the customer's wish: {text}", deferral["since"], deferral["until"])


def _pending(row: Row) -> Iterator[Wait]:
    pending = row["pending"]
    if pending is None:
        return
    missing, text = pending["missing_res_type"], pending["reason"]["text"]
    yield Wait(
        f"待装，缺少 {missing}：{text}", f"waits for a facility, {missing} is missing: {text}",
        pending["since"], pending["expected_available"],
    )  # fmt: skip
    offer = pending["offer"]
    if offer is not None:
        yield Wait("待客户答复开装征询", "the customer is to answer the offer to install", offer["at"], offer["valid_until"])


def _operations(row: Row) -> Iterator[Wait]:
    for entry in row["operations"]:
        zh, en = NAMES.get(entry["operation"], (entry["operation"], entry["operation"]))
        peer = row["pf_system"] or "PF"
        if entry.get("manual"):
            zh, en = f"{zh}（由人工决定）", f"{en}, which a person there decides"
        yield Wait(f"待 {peer} 答复{zh}", f"{peer} is to answer the {en}", entry["at"], entry.get("limit_at"))


def _reports(row: Row) -> Iterator[Wait]:
    early = [entry for entry in row["held"] if entry["why"] == "gap"]
    if early:
        first, last = row["report_seq"] + 1, min(entry["seq"] for entry in early) - 1
        since = min(entry["at"] for entry in early)
        yield Wait(f"缺少报告 {first} 至 {last}", f"reports {first} to {last} are missing", since)
    for entry in row["held"]:
        if entry["why"] != "gap":
            name = entry["command"]
            en = f"report {name} waits for a lock, change or cancel to end"
            yield Wait(f"报告 {name} 待锁、改单或撤单结束后处理", en, entry["at"])


def _messages(row: Row, links: dict[str, str]) -> Iterator[Wait]:
    for message in row["messages"]:
        if message["direction"] != "out" or message["state"] not in MESSAGES or message.get("error_class") == TAKEN_BACK:
            continue
        name, peer = f"{message['code']} {message['element']}", message["peer"]
        zh, en = MESSAGES[message["state"]]
        if message["state"] == "PARKED" and message.get("error_class") == "not_sent":
            zh, en = "没有可送达的对端，待配置", "has no peer it could be sent to: one is to be configured"
        link = LINKS.get(links.get(peer, "")) if message["state"] in OPEN else None
        zh_link, en_link = (f"；{link[0]}", f"; {link[1]}") if link is not None else ("", "")
        yield Wait(
            f"报文 {name} → {peer} {zh}（{message['state']}，已试 {message['tries']} 次）{zh_link}",
            f"message {name} to {peer} {en} ({message['state']}, tried {message['tries']} times){en_link}",
            message["first_seen"], message["due_at"],
        )  # fmt: skip


def _progress(row: Row) -> Iterator[Wait]:
    """Where nothing stands in its way it waits for whose turn it is."""
    progress = {item["progress"] for item in row["items"]}
    limits = (row["clock"] or {}).get("limits", {})
    peer = row["pf_system"] or "PF"
    if "DRAFT" in progress:
        yield from _draft(row)
    if progress & {"SUBMITTED", "ACKNOWLEDGED"}:
        until = limits.get("acceptance", {}).get("limit_at")
        yield Wait(f"待 {peer} 签收", f"{peer} is to accept it", row["dispatched_at"], until)
    if progress & {"ACCEPTED", "IN_PROGRESS"}:
        stage = row["stages"][-1] if row["stages"] else None
        until = row["expected_finish"] or limits.get("order", {}).get("limit_at")
        if stage is None:
            yield Wait(f"{peer} 处理中", f"{peer} works on it", row["accepted_at"] or row["since"], until)
        else:
            zh = f"{peer} 处理中，最近环节 {stage['name']}（{stage['state']}）"
            en = f"{peer} works on it, last stage {stage['stage']} ({stage['state']})"
            yield Wait(zh, en, stage["at"], stage["limit_at"] or until)


def _draft(row: Row) -> Iterator[Wait]:
    for order_id in row["details"].get("awaits", ()):
        yield Wait(f"待定单 {order_id} 竣工", f"order {order_id} is to complete first", row["captured_at"])
    if row["effective_at"] is not None:
        yield Wait("待生效日派发", "to be dispatched on its day", row["captured_at"], row["effective_at"])
    if row["effective_at"] is None and not row["details"].get("awaits"):
        yield Wait("预受理，待确认（不带 pre_accept 再次提交即确认）",
                   "captured in advance, to be confirmed: submit it again without pre_accept", row["captured_at"])  # fmt: skip
