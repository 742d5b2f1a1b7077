"""Defects of provisioning in what it plans with resource management, and in what it refuses (spec 5.1 to 5.4, 5.9, 5.12)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from adapters.wire.times import from_wire_time, wire_time
from simulators.brain import Body, Meta, Send
from simulators.codes import number
from simulators.defects import decisions as does
from simulators.defects.decisions import After, Also, Alters, Forgets, Hears, Says, Swallows, TakesAnew
from simulators.defects.flaw import Defect, Flaw

_MINUTE = 60_000


def pf_row(clause: str, name: str, zh: str, en: str, make: Callable[[], Flaw]) -> Defect:
    """A defect of provisioning."""
    return Defect(f"pf-{name}", "pf", "provisioning", clause, zh, en, make)


def _with(name: str, value: object) -> Callable[[Body], bool]:
    """Whether a body says this."""
    return lambda body: body.get(name) == value


def _refused(symbol: str) -> Callable[[Body], bool]:
    """Whether a body refuses so."""
    return _with("code", number(symbol))


def _again(send: Send) -> Send:
    """The same once more, a second later."""
    return replace(send, after_ms=send.after_ms + 1_000)


def _younger() -> Callable[[Body], Body]:
    """PI02 whose age is a minute less each time an item comes back."""
    times: dict[str, int] = {}

    def change(body: Body) -> Body:
        came = times[body["item_id"]] = times.get(body["item_id"], -1) + 1
        return body | {"since": wire_time(from_wire_time(body["since"]) + came * _MINUTE)}

    return change


def _executes(body: Body, meta: Meta) -> Send:
    """CT04 for a plan that has only just come."""
    return Send("CT04", {"area": body["area"], "cutover_id": body["cutover_id"], "wave": 1}, role="RM")


def _done(row: Body) -> Body:
    """A rolled back item as if it had been done."""
    return row | {"outcome": "done"} if row["outcome"] == "rolled_back" else row


def _frozen(body: Body) -> Body:
    """An answer to a freeze as if nothing were in the way."""
    rows = [does.without("code", "blocking_orders")(row) | {"outcome": "frozen"} for row in body.get("instances", [])]
    return body | {"instances": rows} if rows else body


def _applied(body: Body) -> Body:
    """CO02 applied where an impossible date refuses it."""
    if not _refused("DATE_INVALID")(body):
        return body
    return does.without("code", "state", "reason")(body) | {"outcome": "applied"}


_PLANNING = (
    pf_row("5.1", "survey-never-closed", "勘查不结束", "a survey's last answer does not say so",
           lambda: Alters("RC03", does.fields(is_last=False))),
    pf_row("5.1", "survey-answers-on", "勘查结束后再答复", "a survey is answered behind its last answer",
           lambda: After("RC03", _with("is_last", True), _again)),
    pf_row("5.1", "survey-cancelled-in-silence", "取消勘查无答复", "a cancelled survey is not answered",
           lambda: Forgets("RC03", _with("outcome", "cancelled"))),
    pf_row("5.1", "survey-keeps-hold", "取消勘查不释放", "a cancelled survey gives back nothing", lambda: Forgets("RR02")),
    pf_row("5.1", "survey-refusal-code", "勘查拒绝码错误", "an address that is not covered is refused as in conflict",
           lambda: Alters("RC03", does.refused_as("ADDRESS_NOT_COVERED", "STATE_CONFLICT"))),
    pf_row("5.1", "cancels-any-survey", "取消不存在的勘查", "takes the cancel of a survey it does not have",
           lambda: Says("RC04", "STATE_CONFLICT")),
    pf_row("5.1", "survey-of-one-end", "只勘查一端", "surveys one end of two", lambda: Alters("RC01", does.without("z_end"))),
    pf_row("5.1", "survey-taken-anew", "同一勘查当作新的", "the same survey under another serial is taken as a new one",
           lambda: TakesAnew("RC02")),
    pf_row("5.2", "scheme-that-cannot-be-in-silence", "无法设计不报", "that a scheme cannot be designed is not told",
           lambda: Forgets("SD04", lambda body: "options" not in body)),
    pf_row("5.2", "scheme-without-options", "方案结果无选项", "a scheme comes without its options",
           lambda: Alters("SD04", does.without("options"))),
    pf_row("5.2", "scheme-reserves-nothing", "方案确认不预留", "a confirmed scheme reserves nothing", lambda: Forgets("RR01")),
    pf_row("5.2", "scheme-hides-what-was-taken", "资源被占不报", "resources taken meanwhile are refused as in conflict",
           lambda: Alters("SD08", does.refused_as("RESOURCE_HELD", "STATE_CONFLICT"))),
    pf_row("5.2", "scheme-never-redone", "驳回不重做", "a scheme is not designed again",
           lambda: Hears("SD06", does.fields(redo=False))),
    pf_row("5.2", "scheme-confirms-superseded", "旧版方案可确认", "confirms a superseded version",
           lambda: Says("SD05", "SCHEME_SUPERSEDED")),
    pf_row("5.2", "scheme-confirms-expired", "到期方案可确认", "confirms an expired scheme",
           lambda: Says("SD05", "SCHEME_EXPIRED")),
    pf_row("5.2", "scheme-keeps-reservation", "取消方案不释放", "a cancelled scheme keeps its reservation",
           lambda: Forgets("RR02")),
    pf_row("5.2", "scheme-cancelled-in-use", "使用中的方案可取消", "cancels a scheme an order uses",
           lambda: Says("SD07", "STATE_CONFLICT")),
    pf_row("5.2", "scheme-expires-in-silence", "方案到期不报", "the expiry of a scheme is not told",
           lambda: Forgets("SD08", _with("state", "60"))),
    pf_row("5.2", "scheme-for-nobody", "无客户的方案照办", "designs a scheme for nobody",
           lambda: Says("SD01", "CUSTOMER_UNKNOWN")),
    pf_row("5.2", "takes-late-designs", "收下过时设计", "takes a design nobody waits for",
           lambda: Says("SD03", "STATE_CONFLICT")),
    pf_row("5.3", "ignores-expiry", "不理会预留到期", "the expiry of what it held means nothing to it",
           lambda: Swallows("RR04")),
    pf_row("5.3", "knows-every-reservation", "不查预留是否存在", "takes the expiry of a reservation it never had",
           lambda: Says("RR04", "RESERVATION_UNKNOWN")),
    pf_row("5.9", "loses-age", "重新排队丢失时间", "an item that comes back to the queue has lost its age",
           lambda: Alters("PI02", _younger())),
    pf_row("5.9", "offers-before-the-date", "新日期前再征询", "offers again before the new date",
           lambda: Hears("PA03", does.without("new_date"))),
    pf_row("5.9", "resumes-in-silence", "待装自动不报", "an automatic re-start is not told",
           lambda: Forgets("PA04", _with("outcome", "resumed"))),
    pf_row("5.9", "offer-over-code", "征询过期拒绝码错误", "an offer past its validity is refused as in conflict",
           lambda: Alters("PA04", does.refused_as("HOLD_EXPIRED", "STATE_CONFLICT"))),
)  # fmt: skip

_CUTOVERS = (
    pf_row("5.12", "cutover-freezes-nothing", "割接不冻结", "a plan freezes nothing", lambda: Forgets("CT02")),
    pf_row("5.12", "cutover-unanswered", "割接计划无答复", "a plan is not answered", lambda: Forgets("CT08")),
    pf_row("5.12", "cutover-before-the-freeze", "未冻结即执行", "executes before anything is frozen",
           lambda: Also("CT01", _executes)),
    pf_row("5.12", "cutover-any-window", "不看割接窗口", "takes a plan whose window is over",
           lambda: Says("CT01", "DATE_INVALID")),
    pf_row("5.12", "cutover-first-part-closes", "首部分即结束批次", "a wave is closed by the first part of its results",
           lambda: Hears("CT05", does.fields(is_last=True))),
    pf_row("5.12", "cutover-plan-of-one-part", "首部分即为计划", "a plan is complete with its first part",
           lambda: Hears("CT01", does.without("part_no", "is_last"))),
    pf_row("5.12", "cutover-rolled-back-is-done", "回退报为完成", "what was rolled back is told as done",
           lambda: Hears("CT05", does.rows(_done))),
    pf_row("5.12", "cutover-completes-in-silence", "割接完成不报", "the completion of a cutover is not told",
           lambda: Forgets("CT06")),
    pf_row("5.12", "cutover-one-wave", "批次不分先后", "all waves are one",
           lambda: Hears("CT01", does.rows(does.without("wave")))),
    pf_row("5.12", "cutover-goes-on", "取消后照常割接", "a cancelled cutover goes on", lambda: Swallows("CT07")),
    pf_row("5.12", "cutover-dry-run-is-real", "预演即执行", "a dry run is executed",
           lambda: Hears("CT01", does.fields(dry_run=False))),
    pf_row("5.12", "cutover-nothing-in-the-way", "不理会在途定单", "orders in the way do not matter",
           lambda: Hears("CT08", _frozen)),
    pf_row("5.12", "cutover-locks-in-silence", "割接锁单不报", "locks over a cutover are not told",
           lambda: Forgets("LK05")),
    pf_row("5.12", "cutover-any-answer", "收下无关答复", "takes an answer to what it did not ask",
           lambda: Says("CT08", "STATE_CONFLICT")),
)  # fmt: skip

_REFUSALS = (
    pf_row("5.4", "takes-frozen-instances", "割接冻结照收", "takes an order for a frozen instance",
           lambda: Says("OH01", "FROZEN_BY_CUTOVER")),
    pf_row("5.4", "shares-reservations", "预留一物二主", "takes an order with what another order's reservation holds",
           lambda: Forgets("OH12", _refused("RESOURCE_HELD"))),
    pf_row("5.4", "revives-reservations", "已释放的预留可用", "takes an order with a reservation that is over",
           lambda: Forgets("OH12", _refused("HOLD_EXPIRED"))),
    pf_row("5.4", "takes-expired-schemes", "到期方案可派单", "takes an order built on an expired scheme",
           lambda: Forgets("OH12", _refused("SCHEME_EXPIRED"))),
    pf_row("5.4", "changes-what-is-gone", "已拆实例可变更", "takes an order about an instance it has disconnected",
           lambda: Forgets("OH12", _refused("INSTANCE_UNKNOWN"))),
    pf_row("5.4", "dependency-code", "依赖拒绝码错误", "a lost dependency is refused as an unknown order",
           lambda: Alters("OH12", does.refused_as("DEPENDENCY_NOT_MET", "ORDER_UNKNOWN"))),
    pf_row("5.4", "takes-late-assignments", "撤单后收下分配", "takes an assignment of a cancelled order",
           lambda: Says("OH04", "STATE_CONFLICT")),
    pf_row("5.4", "loses-what-comes-again", "退单后的重派丢失", "a dispatch behind a return is acknowledged, then lost",
           lambda: Swallows("OH01", lambda body: body["version"] > 1)),
    pf_row("5.5", "one-page", "查询不分页", "gives everything whatever page is asked for",
           lambda: Hears("PQ01", does.without("page_no", "page_size"))),
    pf_row("5.5", "inquiry-code", "预询代码错误", "an inquiry about a locked order says that it is in conflict",
           lambda: does.Replies("PQ02", does.rows(does.refused_as("LOCKED", "STATE_CONFLICT")))),
    pf_row("5.6", "changes-to-impossible-dates", "改单日期不查", "a change to impossible dates is applied",
           lambda: Alters("CO02", _applied)),
    pf_row("5.7", "cancels-what-came-after", "旧版撤单撤新版", "a cancel of an older version is taken",
           lambda: Says("CN01", "STALE_VERSION")),
    pf_row("5.8", "takes-any-offer", "不查等待号", "takes an offer nobody waits for", lambda: Says("PA01", "HOLD_EXPIRED")),
)  # fmt: skip

PLANS = (*_PLANNING, *_CUTOVERS, *_REFUSALS)
"""Of provisioning, beside the orders' own course."""
