"""Defects of provisioning (spec 04, 5.4 to 5.11)."""

from __future__ import annotations

from collections.abc import Callable

from simulators.brain import Body, Meta, Send
from simulators.codes import number
from simulators.defects import decisions as does
from simulators.defects.decisions import After, Also, Alters, Delays, Forgets, Hears, Refers, Replies, Says, Swallows, Twice
from simulators.defects.documents import Answering, Omits, recoded
from simulators.defects.rows_pf_plans import PLANS
from simulators.defects.rows_pf_plans import pf_row as _row
from simulators.defects.stream import Once

_HEAD = ("customer_order_id", "service_order_id", "version", "area")


def _cancelled(row: Body) -> Body:
    """A refused row of CN02 as if it had been cancelled."""
    return {"item_id": row["item_id"], "outcome": "cancelled"}


def _is_refused(body: Body) -> bool:
    return any(item["result"] == "refused" for item in body["items"])


def _is_stuck(body: Body) -> bool:
    return any(item["outcome"] == "stuck" for item in body["items"])


def _is_cancelled(body: Body) -> bool:
    return any(item["outcome"] == "cancelled" for item in body["items"])


def _completes(send: Send) -> Send:
    """A completion report of what was just cancelled."""
    rows = [{"item_id": item["item_id"], "product_instance_id": item["item_id"]} for item in send.body["items"]]
    head = {name: send.body[name] for name in (*_HEAD, "report_seq") if name in send.body}
    body = head | {"completed_by": "OP0001", "time": "20260101000000", "items": rows}
    return Send("OH08", body, system=send.system, after_ms=1_000)


def _calls_off(body: Body, meta: Meta) -> Send:
    """CN02 for an inquiry."""
    head = {name: body[name] for name in _HEAD if name in body}
    return Send("CN02", head | {"report_seq": 99, "items": [{"item_id": "1", "outcome": "cancelled"}]}, system=meta.sender)


def _defers(body: Body, meta: Meta) -> Send:
    """OH14 for a deferral that nobody heeds."""
    head = {name: body[name] for name in _HEAD if name in body}
    said = {"report_seq": 2, "operation": "defer", "outcome": "applied", "state": "DEFERRED"}
    return Send("OH14", head | said, system=meta.sender, ref_serial=meta.serial)


def _locked(body: Body) -> Body:
    """The answer of a lock that holds nothing."""
    return {"service_order_id": body["service_order_id"], "fence": 1, "lease_until": body["lease_until"]}


def _applied(operation: str, symbol: str) -> Callable[[Body], Body]:
    """OH14 applied where it should be refused as ``symbol``."""

    def change(body: Body) -> Body:
        wrong = does.refused_as(symbol, "OK")(body)
        if body["operation"] != operation or wrong == body:
            return body
        return {name: value for name, value in body.items() if name not in ("code", "reason")} | {"outcome": "applied"}

    return change


def _states(state: str, instead: str) -> Callable[[Body], Body]:
    """PQ01's answer with one state for another."""

    def change(body: Body) -> Body:
        orders = [row | {"state": instead} if row.get("state") == state else row for row in body.get("orders", [])]
        return body | {"orders": orders}

    return change


def _approved(body: Body) -> Body:
    """A forced unlock as if a second person had approved it."""
    return body | {"force": body["force"] | {"approved_by": "OP999999"}} if "force" in body else body


def _given(row: Body) -> Body:
    """A shortage as if the item had got what it needs."""
    return {"item_id": row["item_id"], "resources": []} if "shortage" in row else row


_ORDERS = (
    _row("5.4", "accepts-twice", "签收两次", "accepts an order twice", lambda: Twice("OH02")),
    _row("5.4", "completes-twice", "报竣两次", "completes twice", lambda: Twice("OH08")),
    _row("5.4", "forgets-acceptance", "从不签收", "never accepts", lambda: Forgets("OH02")),
    _row("5.4", "accepts-late", "先报环节后签收", "accepts behind its stage reports", lambda: Delays("OH02", 20_000)),
    _row("5.4", "acceptance-without-date", "签收不带预计完工", "acceptance without the expected finish",
         lambda: Omits("OH02", "expected_finish")),
    _row("5.4", "acknowledges-then-loses", "收下派单后丢失", "a dispatch is acknowledged, then lost",
         lambda: Swallows("OH01")),
    _row("5.4", "result-without-reference", "结果不引用命令", "results name no command", lambda: Refers("OH02", None)),
    _row("5.4", "result-of-another", "结果引用错误流水号", "results name another command",
         lambda: Refers("OH02", "CRM001202001010000000000000001")),
    _row("5.4", "never-asks-for-resources", "不请求资源", "asks RM for nothing", lambda: Forgets("OH03")),
    _row("5.4", "never-archives", "不归档", "never has RM archive", lambda: Forgets("OH06")),
    _row("5.4", "takes-other-content", "同一派单改内容照收", "takes a dispatch it has accepted with other content",
         lambda: Says("OH01", "ORDER_IN_FLIGHT")),
    _row("5.4", "second-order-on-instance", "同一实例再受理", "another order in flight on one instance is not refused",
         lambda: Forgets("OH12", lambda body: body["code"] == number("ORDER_IN_FLIGHT"))),
    _row("5.4", "in-flight-code", "在途拒绝码错误", "an order in flight is refused as in conflict of state",
         lambda: Says("OH01", "ORDER_IN_FLIGHT", "DATE_INVALID")),
    _row("5.4", "rejects-in-silence", "不报拒收", "an order without process is rejected without a word",
         lambda: Forgets("OH12")),
    _row("5.4", "forgets-refused-completion", "竣工被拒后不返工", "a refused completion is never repaired",
         lambda: Swallows("OH13", _is_refused)),
    _row("5.4", "closes-before-the-decision", "未确认即竣工", "an order is completed before CRM has decided",
         lambda: Replies("PQ01", _states("COMPLETING", "COMPLETED"))),
    _row("5.4", "never-sends-again", "无收条不重发", "what got no receipt is not sent again", Once),
    _row("5.4", "takes-from-anybody", "不查发送权限", "takes what its sender may not send",
         lambda: Answering(recoded("2002", "0001"))),
    _row("5.4", "takes-old-versions", "接受旧版本", "takes a command about another version",
         lambda: Says("OH10", "STALE_VERSION")),
    _row("5.4", "takes-past-dates", "接受过去日期", "takes a date that is past",
         lambda: Alters("OH14", _applied("reschedule", "DATE_INVALID"))),
    _row("5.4", "expedites-in-silence", "催单无结果", "an expedite gets no result",
         lambda: Forgets("OH14", lambda body: body["operation"] == "expedite")),
    _row("04.1", "no-report-seq", "报竣不带报告序号", "completion without its number",
         lambda: Alters("OH08", does.without("report_seq"))),
    _row("04.1", "report-seq-with-gaps", "报告序号跳号", "report numbers with gaps",
         lambda: Alters("OH07", lambda body: body | {"report_seq": body["report_seq"] + 10})),
    _row("04.1", "overwrites-with-older", "旧版本覆盖新版本", "an older dispatch is taken over a newer one",
         lambda: Says("OH01", "STALE_VERSION")),
    _row("04.1", "wrong-state-code", "状态冲突码错误", "a conflict of state is refused as unknown order",
         lambda: Alters("OH14", does.refused_as("STATE_CONFLICT", "ORDER_UNKNOWN"))),
    _row("04.1", "names-wrong-state", "拒绝所报状态错误", "refusals name another state than the order's",
         lambda: does.NamesState("PLANNED")),
)  # fmt: skip

_OPERATIONS = (
    _row("5.5", "unknown-code", "未知定单拒绝码错误", "an unknown order is refused as in conflict",
         lambda: Says("PQ01", "ORDER_UNKNOWN", "STATE_CONFLICT")),
    _row("5.5", "forgets-completed", "竣工定单不可查", "a completed order is said to be in progress",
         lambda: Replies("PQ01", _states("COMPLETED", "IN_PROGRESS"))),
    _row("5.5", "inquiry-has-effect", "预询有副作用", "an inquiry about a cancel cancels",
         lambda: Also("PQ02", _calls_off)),
    _row("5.5", "inquiry-allows-all", "预询一概允许", "an inquiry allows everything",
         lambda: Replies("PQ02", does.rows(lambda row: does.without("code", "reason")(row) | {"allowed": True}))),
    _row("5.5", "query-without-work-orders", "查询无工单", "a query does not tell the work orders",
         lambda: Replies("PQ01", lambda body: body | {"orders": [does.without("work_orders")(row) for row in body["orders"]]})),
    _row("5.5", "queries-by-order-only", "只能按服务定单查询", "a query that names no service order is not answered",
         lambda: Swallows("PQ01", lambda body: "service_order_id" not in body)),
    _row("5.6", "change-in-silence", "改单无结果", "a change gets no result", lambda: Forgets("CO02")),
    _row("5.6", "keeps-old-version", "改单后仍报旧版本", "completes the version before the change",
         lambda: Alters("OH08", does.fields(version=1))),
    _row("5.6", "second-change-at-once", "改单未结束再受理", "takes a second change while one is open",
         lambda: Says("CO01", "CHANGE_IN_PROGRESS")),
    _row("5.7", "forgets-cancel", "忘记撤单", "a cancel is acknowledged and forgotten", lambda: Swallows("CN01")),
    _row("5.7", "cancels-past-hard-point", "越过不可回退点仍撤", "cancels past the point of no return",
         lambda: Alters("CN02", does.rows(lambda row: _cancelled(row) if row["outcome"] == "refused" else row))),
    _row("5.7", "no-return-code", "不可回退拒绝码错误",
         "a cancel past the point of no return is refused as in conflict",
         lambda: Alters("CN02", does.rows(does.refused_as("PAST_NO_RETURN", "STATE_CONFLICT")))),
    _row("5.7", "cancels-twice", "两报撤单结果", "reports a cancel twice", lambda: Twice("CN02")),
    _row("5.7", "keeps-resources", "撤单不退资源", "a cancel gives nothing back to RM", lambda: Forgets("OH05")),
    _row("5.7", "goes-on-after-cancel", "撤单后继续", "reports completion behind a cancel",
         lambda: After("CN02", _is_cancelled, _completes)),
    _row("5.7", "stuck-in-silence", "回退失败不报", "a roll-back that fails is not reported",
         lambda: Forgets("CN02", _is_stuck)),
    _row("5.7", "lock-stops-cancel", "锁单阻撤单", "a lock stops a cancel",
         lambda: does.Blocked("CN01", "LOCKED", "LK01")),
    _row("5.7", "deferral-stops-cancel", "缓装阻撤单", "a deferral stops a cancel",
         lambda: does.Blocked("CN01", "STATE_CONFLICT", "DF01")),
    _row("5.7", "stays-in-queue", "撤单不退队", "a cancel does not leave the waiting list", lambda: Forgets("PI03")),
    _row("5.8", "shortage-in-silence", "不报待装", "a shortage is not reported", lambda: Forgets("PI01")),
    _row("5.8", "ignores-shortage", "缺资源照装", "installs what has no resources",
         lambda: Hears("OH04", does.rows(_given))),
    _row("5.8", "never-queues", "不登记等待", "registers with no waiting list", lambda: Forgets("PI02")),
    _row("5.8", "never-offers", "资源到位不提供", "never offers what became available", lambda: Forgets("PA02")),
    _row("5.8", "takes-every-offer", "不接受当接受", "goes on with an offer that was declined",
         lambda: Hears("PA03", lambda body: does.without("new_date")(body) | {"accept": True})),
    _row("5.10", "deferral-without-end", "缓装不到期", "a deferral never ends by itself",
         lambda: Forgets("DF03", lambda body: body["ended_by"] == "date")),
    _row("5.10", "resumes-twice", "恢复两次", "reports the end of a deferral twice", lambda: Twice("DF03")),
    _row("5.10", "runs-on-while-deferred", "缓装不停流程", "a deferred order goes on",
         lambda: Swallows("DF01", then=_defers)),
    _row("5.10", "no-longest-deferral", "缓装不限期", "defers longer than the longest deferral",
         lambda: Alters("OH14", _applied("defer", "DATE_INVALID"))),
    _row("5.10", "counts-no-deferrals", "缓装不限次", "defers more often than it may",
         lambda: Alters("OH14", _applied("defer", "DEFERRAL_LIMIT"))),
    _row("5.11", "runs-on-while-locked", "锁单不冻结", "a locked order goes on",
         lambda: Swallows("LK01", answer=_locked)),
    _row("5.11", "lease-without-end", "租约不到期", "a lease never ends", does.LeaseWithoutEnd),
    _row("5.11", "any-fence", "不看令牌", "unlocks with any fence", does.AnyFence),
    _row("5.11", "anybody-unlocks", "任何人可解锁", "unlocks for anybody", lambda: Says("LK02", "NOT_LOCK_OWNER")),
    _row("5.11", "forces-without-approver", "无人批准强制解锁", "a forced unlock needs no second person",
         lambda: Hears("LK02", _approved)),
    _row("5.11", "locks-for-anybody", "他人锁单照准", "grants a lock that somebody else holds",
         lambda: Says("LK01", "LOCKED")),
    _row("5.11", "keeps-nothing", "锁单不留资源", "a lock keeps no resources", lambda: Forgets("LK03")),
    _row("5.11", "lock-events-in-silence", "锁变化不报", "grants and ends of locks are not reported",
         lambda: Forgets("LK05")),
    _row("5.11", "owner-cannot-extend", "锁主不能续租", "the owner of a lock cannot extend its lease",
         lambda: does.Refuses("LK01", "LOCKED", "service_order_id", 2)),
    _row("5.11", "refuses-idle-unlock", "未锁时解锁被拒", "an unlock where no lock is held is refused",
         lambda: does.RefusesUnseen("LK02", "NOT_LOCK_OWNER", "service_order_id", "LK01")),
    _row("5.11", "endless-leases", "租约不限期", "grants a lease of any length",
         lambda: Says("LK01", "DATE_INVALID")),
)  # fmt: skip

PF = (*_ORDERS, *_OPERATIONS, *PLANS)
"""Of provisioning."""
