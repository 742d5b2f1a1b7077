"""Defects of what comes late, early, again or at once (spec 01.1.6, 04.9, 07.6)."""

from __future__ import annotations

from collections.abc import Callable

from simulators.brain import Body, Meta, Send
from simulators.codes import number
from simulators.defects import decisions as does
from simulators.defects.decisions import Also, Alters, Forgets, Says, Swallows
from simulators.defects.documents import Hearing, text
from simulators.defects.flaw import Defect, Flaw
from simulators.defects.messages import Anew, Doubles
from simulators.defects.timing import AgainAnew, LeaseRunsOn, OffersToAll, PerConnection, WhileLocked

_HEAD = ("customer_order_id", "service_order_id", "version", "area")
_NEVER = "20991231235959"
_LATER_MS = 18_000


def _row(
    system: str, clause: str, name: str, zh: str, en: str, make: Callable[[], Flaw], suite: str = "provisioning"
) -> Defect:
    return Defect(f"{system}-{name}", system, suite, clause, zh, en, make)


def _head(body: Body) -> Body:
    return {name: body[name] for name in _HEAD if name in body}


def _refused_items(body: Body) -> bool:
    return any("code" in item for item in body["items"])


def _short_items(body: Body) -> bool:
    return any("shortage" in item for item in body["items"])


def _returns(body: Body, meta: Meta) -> Send:
    """OH09 at once."""
    said = {"reason": {"type": "10R", "code": "10R002", "text": "无资源"}, "stage": {"code": "RES_ASSIGN", "name": "资源配置"}}
    return Send("OH09", _head(body) | {"report_seq": 9, "audited_by": "OP0001"} | said, role="CRM")


def _waits(body: Body, meta: Meta) -> Send:
    """PI01 at once."""
    short = next(item["shortage"] for item in body["items"] if "shortage" in item)
    place = {"text": "示例路1号", "area": body["area"]}
    said = {"stage": "RES_ASSIGN", "missing_res_type": "PORT", "address": place, "found_at": "20260101000000"}
    return Send("PI01", _head(body) | {"report_seq": 9, "reason": short} | said, role="CRM")


def _is_refused(body: Body) -> bool:
    return any(item["result"] == "refused" for item in body["items"])


def _reports_again(body: Body, meta: Meta) -> Send:
    """OH08 for whatever a decision refuses."""
    rows = [{"item_id": item["item_id"], "product_instance_id": item["item_id"]} for item in body["items"]]
    said = {"report_seq": 99, "completed_by": "OP0001", "time": "20260101000000", "items": rows}
    return Send("OH08", _head(body) | said, system=meta.sender, after_ms=500)


def _queues_again(body: Body, meta: Meta) -> Send:
    """PI02 for an order whose hold is gone, whether it still waits or not."""
    need = {"res_type": "PORT", "role": "port", "quantity": 1}
    said = {"version": 1, "item_id": "1", "need": need, "priority": 5, "since": "20260101000000"}
    return Send("PI02", _head(body) | said, role="RM", after_ms=500)


def _resumed(body: Body) -> Body:
    """PA04 of an offer that is over as if it were not."""
    if body.get("code") != number("HOLD_EXPIRED"):
        return body
    return does.without("code", "reason")(body) | {"outcome": "resumed", "resumed_stage": "RES_ASSIGN", "promised": _NEVER}


def _no_longer(body: Body) -> Body:
    """OH14 of a deferral that has ended already as if it were a conflict."""
    if body["operation"] != "end_deferral" or body["outcome"] != "applied":
        return body
    return body | {"outcome": "refused", "code": number("STATE_CONFLICT")}


def _applied(symbol: str) -> Callable[[Body], Body]:
    """A change refused with this code as if it had been applied."""

    def change(body: Body) -> Body:
        if body.get("code") != number(symbol):
            return body
        return does.without("code", "state", "reason")(body) | {"outcome": "applied"}

    return change


def _given(row: Body) -> Body:
    """An item whose request was withdrawn, or names what is over, as if it had got what it needs."""
    return {"item_id": row["item_id"], "resources": []} if row.get("code") == number("HOLD_EXPIRED") else row


def _expires(body: Body, meta: Meta) -> Send:
    """RR04 of a reservation an order has taken over."""
    about = {"area": body["area"], "reservation_id": body.get("reservations", ["NONE"])[0]}
    resources = [{"res_inst_id": "NUM1", "res_type": "NUMBER", "role": "number"}]
    return Send("RR04", about | {"resources": resources}, role="CRM", after_ms=_LATER_MS)


def _prolonged(body: Body) -> Body:
    return {"reservation_id": body["reservation_id"], "fence": body["fence"] + 1, "expires_at": _NEVER}


_PF = (
    _row("pf", "5.4", "repeats-by-connection", "换连接重发当作新报文", "a repeat on another connection is taken anew",
         PerConnection),
    _row("pf", "5.4", "sends-again-anew", "重发换用新流水号", "what got no receipt goes again under another serial", AgainAnew),
    _row("pf", "5.4", "assigned-behind-cancel", "撤单后的分配照收", "an assignment behind the cancel is taken",
         lambda: Says("OH04", "STATE_CONFLICT")),
    _row("pf", "5.4", "opens-again", "竣工后重开", "a completed order is opened again by a late refusal",
         lambda: Also("OH13", _reports_again, _is_refused)),
    _row("pf", "5.6", "changes-what-is-reported", "报竣后改单照准", "a change behind the completion is applied",
         lambda: Alters("CO02", _applied("PAST_NO_RETURN"))),
    _row("pf", "5.6", "changes-what-is-returned", "退单后改单照准", "a change behind the return is applied",
         lambda: Alters("CO02", _applied("STATE_CONFLICT"))),
    _row("pf", "5.8", "offers-behind-cancel", "撤单后到位的资源照收", "what came free behind the cancel is taken",
         lambda: Says("PA01", "HOLD_EXPIRED")),
    _row("pf", "5.9", "offers-without-end", "征询过期仍可接受", "an offer past its validity is taken up",
         lambda: Alters("PA04", _resumed)),
    _row("pf", "5.10", "ended-twice-is-conflict", "到期后取消缓装被拒", "the end of a deferral that has ended is refused",
         lambda: Alters("OH14", _no_longer)),
    _row("pf", "5.11", "lease-runs-on", "解锁后仍报到期", "the end of a lease is told though the lock was given back",
         LeaseRunsOn),
    _row("pf", "5.11", "returns-while-locked", "锁单期间退单", "a locked order is returned",
         lambda: WhileLocked("OH04", _refused_items, _returns)),
    _row("pf", "5.11", "waits-while-locked", "锁单期间报待装", "a locked order is told pending",
         lambda: WhileLocked("OH04", _short_items, _waits)),
    _row("pf", "5.11", "locks-what-is-reported", "报竣后锁单照准", "what is reported complete, or returned, is locked",
         lambda: Says("LK01", "STATE_CONFLICT")),
    _row("pf", "5.3", "queues-behind-cancel", "撤单后再排队", "an expiry behind the cancel puts the order back into the queue",
         lambda: Also("RR04", _queues_again, lambda body: "service_order_id" in body)),
    _row("pf", "5.3", "keeps-late-grants", "迟到的授予不交还", "a late grant nobody wants is kept", lambda: Forgets("RR02")),
    _row("pf", "5.2", "designs-twice", "设计完成后再收设计", "a design behind the design is taken",
         lambda: Says("SD03", "STATE_CONFLICT")),
)  # fmt: skip
_RM = (
    _row("rm", "5.4", "repeats-by-connection", "换连接重发当作新报文", "a repeat on another connection is taken anew",
         PerConnection),
    _row("rm", "5.4", "sends-again-anew", "重发换用新流水号", "what got no receipt goes again under another serial", AgainAnew),
    _row("rm", "5.3", "revives-expired", "到期后延期照准", "what has expired is extended",
         lambda: Says("RR03", "HOLD_EXPIRED")),
    _row("rm", "5.3", "extends-in-words", "延期不改到期", "an extension moves no expiry",
         lambda: Swallows("RR03", answer=_prolonged)),
    _row("rm", "5.4", "expires-in-an-order", "移交定单的预留仍到期", "a reservation an order took over expires",
         lambda: Also("OH03", _expires)),
    _row("rm", "5.4", "takes-withdrawn-requests", "撤回后的请求照收", "a request that was withdrawn is taken",
         lambda: Alters("OH04", does.rows(_given))),
    _row("rm", "5.8", "offers-to-all", "一资源提供多方", "one resource is offered to everybody who waits for it", OffersToAll),
    _row("rm", "5.8", "offers-without-hold", "提供期间他人可占", "what is offered is granted to another",
         lambda: Says("RR01", "RESOURCE_HELD")),
    _row("rm", "5.2", "designs-what-was-cancelled", "取消后的设计请求照收", "a request behind its cancel is designed",
         lambda: Says("SD02", "STATE_CONFLICT")),
)  # fmt: skip
_OTHERS = (
    _row("bill", "5.4", "repeats-by-connection", "换连接重发当作新报文", "a repeat on another connection is taken anew",
         PerConnection, "billing"),
    _row("bill", "5.4", "sends-again-anew", "重发换用新流水号", "what got no receipt goes again under another serial",
         AgainAnew, "billing"),
    _row("crm", "02.0", "repeats-by-connection", "换连接重发当作新报文", "a repeat on another connection is taken anew",
         PerConnection),
    _row("crm", "5.4", "numbers-mean-nothing", "不看报告序号", "reports count in the order they come in",
         lambda: Hearing(text(rb"<report_seq>\d+</report_seq>", b""))),
    _row("crm", "5.7", "dispatches-behind-cancel", "撤单后再派单", "an order that was cancelled is dispatched again",
         lambda: Doubles("OH01")),
    _row("crm", "5.6", "changes-again-anew", "改单重发换用新流水号", "a change without receipt goes again under another serial",
         Anew),
)  # fmt: skip

AMISS = (*_PF, *_RM, *_OTHERS)
"""Of every role."""
