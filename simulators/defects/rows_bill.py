"""Defects of billing (spec 5.4, 05.3, 06.4 invariant 12)."""

from __future__ import annotations

from collections.abc import Callable

from simulators.brain import Body
from simulators.codes import number
from simulators.defects import decisions as does
from simulators.defects.decisions import Alters, Forgets, Refers, Replies, Says, Swallows, Twice
from simulators.defects.flaw import Defect, Flaw


def _row(clause: str, name: str, zh: str, en: str, make: Callable[[], Flaw]) -> Defect:
    return Defect(f"bill-{name}", "bill", "billing", clause, zh, en, make)


def _accepted(body: Body) -> Body:
    return does.without("code", "reason")(body) | {"outcome": "accepted"}


def _taken(symbol: str) -> Callable[[Body], Body]:
    """A refusal with this code told as acceptance."""
    return lambda body: _accepted(body) if body.get("code") == number(symbol) else body


BILL = (
    _row("5.4", "tells-twice", "计费结果两报", "a result is told twice", lambda: Twice("BL02")),
    _row("5.4", "tells-nothing", "无计费结果", "a charging fact gets no result", lambda: Forgets("BL02")),
    _row("5.4", "loses-facts", "收下后丢失", "a charging fact is acknowledged, then lost",
         lambda: Swallows("BL01")),
    _row("5.4", "result-without-reference", "结果不引用命令", "results name no command",
         lambda: Refers("BL02", None)),
    _row("5.4", "charges-twice", "重复起租", "charging is started twice", lambda: Alters("BL02", _accepted)),
    _row("5.4", "unknown-code", "未知实例拒绝码错误", "an unknown instance is refused as in conflict",
         lambda: Alters("BL02", does.refused_as("INSTANCE_UNKNOWN", "STATE_CONFLICT"))),
    _row("5.4", "key-means-nothing", "业务键不查重", "another fact under the same key is taken",
         lambda: Says("BL01", "SERIAL_REUSED")),
    _row("5.4", "charges-who-left", "离网客户照收", "charges an account whose customer has left",
         lambda: Alters("BL02", _taken("CUSTOMER_UNKNOWN"))),
    _row("5.4", "charges-closed-accounts", "销户照收", "charges an account that is closed",
         lambda: Alters("BL02", _taken("ACCOUNT_OR_CREDIT"))),
    _row("5.4", "any-plan", "未知资费照收", "takes a plan nobody knows", lambda: Alters("BL02", _taken("ATTRIBUTE_INVALID"))),
    _row("05.3", "loses-images", "收下资料后丢失", "an image is acknowledged, then lost", lambda: Swallows("BL03")),
    _row("05.3", "old-images", "旧版本资料照收", "an older image is taken", lambda: Alters("BL02", _taken("STALE_VERSION"))),
    _row("05.3", "images-of-nobody", "未知客户资料照收", "an image of an unknown customer is taken",
         lambda: Alters("BL02", _taken("CUSTOMER_UNKNOWN"))),
    _row("05.3", "image-told-twice", "资料结果两报", "what became of an image is told twice", lambda: Twice("BL02")),
    _row("05.3", "counts-nothing", "充值不计入余额", "a recharge does not count",
         lambda: Replies("BL04", lambda body: body | {"balance": 0} if "balance" in body else body)),
    _row("05.3", "counts-each-time", "同一操作流水重复生效", "an action counts each time it comes",
         lambda: does.Anew("BL05", "action_serial")),
    _row("05.3", "action-key-means-nothing", "操作流水携不同内容照收", "another action under a known action serial is taken",
         lambda: Says("BL05", "SERIAL_REUSED")),
    _row("05.3", "refunds-again", "重复退费", "a payment is given back twice", lambda: Says("BL05", "STATE_CONFLICT")),
    _row("05.3", "overdraws", "透支退费", "gives back more than the balance", lambda: Says("BL05", "ACCOUNT_OR_CREDIT")),
    _row("05.3", "answers-for-nobody", "未知账户照答", "answers about an account there is not",
         lambda: Says("BL04", "ACCOUNT_OR_CREDIT")),
    _row("05.3", "forgets-payments", "缴费记录不全", "payments are not listed",
         lambda: Replies("BL04", does.without("payments"))),
)  # fmt: skip
"""Of billing."""
