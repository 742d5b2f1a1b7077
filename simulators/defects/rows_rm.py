"""Defects of resource management (spec 5.1-5.4, 5.6, 5.8, 5.11, 5.12)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simulators.brain import Body, Meta, Send
from simulators.defects import decisions as does
from simulators.defects.decisions import Alters, Forgets, Hears, Refers, Refuses, Repeats, Replies, Says, Swallows, Twice
from simulators.defects.documents import Omits
from simulators.defects.flaw import Defect, Flaw

_DAYS = 30 * 86_400


def _row(clause: str, name: str, zh: str, en: str, make: Callable[[], Flaw]) -> Defect:
    return Defect(f"rm-{name}", "rm", "provisioning", clause, zh, en, make)


def _resources(body: Body) -> Any:
    """What a reservation or an assignment gives its first item."""
    return body["items"][0].get("resources") if body.get("items") else None


def _put_resources(body: Body, resources: Any) -> Body:
    return body | {"items": [body["items"][0] | {"resources": resources}, *body["items"][1:]]}


def _released(body: Body) -> Body:
    return {"reservation_id": body["reservation_id"]}


def _ended(body: Body, meta: Meta) -> Send:
    """The end of a scheme request, in words."""
    ended = {name: body[name] for name in ("area", "scheme_request_id")} | {"state": "70"}
    return Send("SD08", ended, system=meta.sender, ref_serial=meta.serial)


def _as_it_was(body: Body) -> Body:
    """A change that asks for what there is."""
    return body | {"items": [row | {"new_needs": row.get("old_needs", [])} for row in body["items"]]}


def _fewer(row: Body) -> Body:
    """One resource less than was needed."""
    return row | {"resources": row["resources"][:-1]} if len(row.get("resources", ())) > 1 else row


RM = (
    _row("5.3", "grants-twice", "一资源两许", "one resource is granted to two reservations",
         lambda: Repeats("RR01", _resources, _put_resources)),
    _row("5.3", "leaks-reservation", "释放后不归还", "a release is acknowledged and frees nothing",
         lambda: Swallows("RR02", answer=_released)),
    _row("5.3", "never-expires", "预留不到期", "reservations never expire",
         lambda: Hears("RR01", does.fields(ttl_seconds=_DAYS))),
    _row("5.3", "expires-in-silence", "到期不通知", "an expiry is not told to its owner", lambda: Forgets("RR04")),
    _row("5.3", "extends-without-limit", "延期不限次", "extends past the limit",
         lambda: Says("RR03", "EXTENSION_LIMIT")),
    _row("5.3", "any-fence", "不看令牌", "releases with any fence", lambda: Hears("RR02", does.without("fence"))),
    _row("5.3", "releases-for-anybody", "他人可释放", "releases for whom it was not reserved",
         lambda: Says("RR02", "NOT_PERMITTED")),
    _row("5.3", "extends-for-anybody", "他人可延期", "extends for whom it was not reserved",
         lambda: Says("RR03", "NOT_PERMITTED")),
    _row("5.3", "part-of-all", "全有全无失效", "all or nothing holds what there is",
         lambda: Hears("RR01", does.fields(all_or_nothing=False))),
    _row("5.3", "id-means-nothing", "预留号不作幂等键", "other items under a known reservation id are taken",
         lambda: Says("RR01", "SERIAL_REUSED")),
    _row("5.3", "release-refuses-unknown", "未知预留号释放被拒", "the release of an unknown id is refused",
         lambda: does.RefusesUnseen("RR02", "RESERVATION_UNKNOWN", "reservation_id", "RR01")),
    _row("5.3", "releases-once", "重复释放被拒", "a second release is refused",
         lambda: Refuses("RR02", "HOLD_EXPIRED", "reservation_id", 2)),
    _row("5.3", "held-code", "占用拒绝码错误", "what another holds is refused as invalid",
         lambda: Says("RR01", "RESOURCE_HELD", "ATTRIBUTE_INVALID")),
    _row("5.3", "no-fence", "预留不带令牌", "a reservation without fence",
         lambda: Omits("RR01", "fence")),
    _row("5.3", "extension-without-date", "延期不告新到期", "an extension does not say its new expiry",
         lambda: Replies("RR03", does.without("expires_at"))),
    _row("5.3", "brought-not-used", "不用定单带来的预留", "an order is not served from what it brought",
         lambda: Hears("OH03", does.without("reservations"))),
    _row("5.3", "return-frees", "退单释放 CRM 的预留", "a return frees what the CRM had reserved",
         lambda: Hears("OH05", does.fields(reason={"text": "撤", "code": "10C001"}))),
    _row("5.3", "cancel-keeps", "撤单后预留归还而不释放", "a cancel gives the reservation back instead of freeing it",
         lambda: Hears("OH05", does.fields(reason={"text": "退", "code": "10R002"}))),
    _row("5.4", "assigns-twice", "一资源两配", "one resource is assigned to two orders",
         lambda: Repeats("OH04", _resources, _put_resources)),
    _row("5.4", "assigns-in-part", "配置不全", "an item gets less than it needs",
         lambda: Alters("OH04", does.rows(_fewer))),
    _row("5.4", "assigns-without-reference", "结果不引用命令", "an assignment names no command",
         lambda: Refers("OH04", None)),
    _row("5.4", "assigns-in-silence", "收下后不分配", "a request is acknowledged, then lost", lambda: Swallows("OH03")),
    _row("5.4", "assignment-told-twice", "分配结果两报", "an assignment is told twice", lambda: Twice("OH04")),
    _row("5.4", "refuses-unknown-undo", "未见定单回退被拒", "an undo of an order never seen is refused",
         lambda: does.RefusesUnseen("OH05", "ORDER_UNKNOWN", "service_order_id", "OH03")),
    _row("5.4", "undoes-once", "重复回退被拒", "a second undo is refused",
         lambda: Refuses("OH05", "STATE_CONFLICT", "service_order_id", 2)),
    _row("5.4", "archives-anything", "未分配也归档", "archives what was never assigned",
         lambda: Replies("OH06", does.rows(lambda row: {"item_id": row["item_id"], "result": "archived"}))),
    _row("5.4", "archives-nothing", "归档不成", "refuses every archive",
         lambda: Replies("OH06", does.rows(lambda row: {"item_id": row["item_id"], "result": "refused", "code": "3009"}))),
    _row("5.4", "invents-reservations", "不认预留号也分配", "assigns out of a reservation nobody made",
         lambda: Hears("OH03", does.without("reservations"))),
    _row("5.8", "queues-anew", "重复登记得新号", "the same registration gets another number",
         lambda: does.Counts("PI02", "waiting_no")),
    _row("5.8", "loses-order-of-queue", "队列不按优先级", "the waiting list knows no priorities",
         lambda: Hears("PI02", does.fields(priority=5))),
    _row("5.8", "leaves-once", "重复退出被拒", "leaving the waiting list a second time is refused",
         lambda: Refuses("PI03", "STATE_CONFLICT", "waiting_no", 2)),
    _row("5.11", "knows-no-holds", "不认停止到期", "a hold is refused",
         lambda: Refuses("LK03", "STATE_CONFLICT", "area")),
    _row("5.11", "never-recovers", "恢复被拒", "the recovery of a hold is refused",
         lambda: Refuses("LK04", "STATE_CONFLICT", "area")),
    _row("5.11", "holds-what-expired", "到期后仍称停止到期", "holds what has expired", lambda: Says("LK03", "HOLD_EXPIRED")),
    _row("5.11", "takes-back-in-use", "占用资源称已回收", "takes back what is in use",
         lambda: Says("LK04", "RESOURCE_UNAVAILABLE")),
    _row("5.1", "confirms-everything", "一律答可用", "everything is available",
         lambda: Replies("RC01", does.fields(result="1"))),
    _row("5.1", "confirms-in-words", "预占未占", "a pre-occupation is answered and nothing held",
         lambda: Hears("RC01", does.without("pre_occupy"))),
    _row("5.1", "confirms-anywhere", "未覆盖地址照答", "an address that is not covered is confirmed",
         lambda: Says("RC01", "ADDRESS_NOT_COVERED")),
    _row("5.1", "confirms-for-nobody", "未知实例拒绝码错误", "an unknown instance is refused as in conflict",
         lambda: Says("RC01", "INSTANCE_UNKNOWN", "STATE_CONFLICT")),
    _row("5.1", "pre-occupies-closed", "已关闭预留号拒绝码错误", "a reservation id that is over is refused as unknown",
         lambda: Says("RC01", "HOLD_EXPIRED", "RESERVATION_UNKNOWN")),
    _row("5.2", "designs-in-silence", "收下后不设计", "a request for a design is acknowledged, then lost",
         lambda: Swallows("SD02")),
    _row("5.2", "design-told-twice", "设计两报", "a design is told twice", lambda: Twice("SD03")),
    _row("5.2", "design-without-reference", "设计不引用命令", "a design names no command", lambda: Refers("SD03", None)),
    _row("5.2", "designs-without-saying", "无法设计不报", "what cannot be designed is not told",
         lambda: Forgets("SD03", lambda body: "options" not in body)),
    _row("5.2", "designs-after-cancel", "取消后仍设计", "a cancelled design goes on", lambda: Swallows("SD07", then=_ended)),
    _row("5.2", "cancels-what-ended", "已结束方案仍可取消", "a request that has ended is cancelled",
         lambda: Says("SD07", "STATE_CONFLICT")),
    _row("5.3", "releases-in-use", "占用资源称已释放", "releases what is in use",
         lambda: Says("RR02", "RESOURCE_UNAVAILABLE")),
    _row("5.3", "extends-with-any-fence", "延期不看令牌", "extends with any fence", lambda: Says("RR03", "STALE_VERSION")),
    _row("5.4", "undoes-any-version", "旧版本可回退", "an older dispatch undoes a newer",
         lambda: Says("OH05", "STALE_VERSION")),
    _row("5.4", "archives-any-version", "旧版本可归档", "an older dispatch archives a newer",
         lambda: Says("OH06", "STALE_VERSION")),
    _row("5.4", "number-held-code", "他方预留号码拒绝码错误", "a number held by another is refused as invalid",
         lambda: Alters("OH04", does.rows(does.refused_as("RESOURCE_HELD", "ATTRIBUTE_INVALID")))),
    _row("5.4", "undo-told-done", "不能回退称已回退", "what cannot be undone is told as undone",
         lambda: Replies("OH05", does.rows(lambda row: {"item_id": row["item_id"], "result": "unassigned"}))),
    _row("5.6", "changes-in-silence", "改配收下后丢失", "a change of needs is acknowledged, then lost",
         lambda: Swallows("CO03")),
    _row("5.6", "change-frees-nothing", "改配不释放多余资源", "a change frees nothing", lambda: Hears("CO03", _as_it_was)),
    _row("5.6", "changes-any-version", "旧版本可改配", "an older change is taken", lambda: Says("CO03", "STALE_VERSION")),
    _row("5.6", "change-told-twice", "改配结果两报", "what a change gives is told twice", lambda: Twice("OH04")),
    _row("5.8", "waits-anywhere", "未覆盖地址照登记", "waits for what is nowhere",
         lambda: Says("PI02", "ADDRESS_NOT_COVERED")),
    _row("5.8", "waits-by-any-version", "旧版本可登记", "an older version is put into the queue",
         lambda: Says("PI02", "STALE_VERSION")),
    _row("5.12", "executes-unagreed", "未同意即执行", "a wave is taken that nobody agreed to",
         lambda: Says("CT04", "STATE_CONFLICT")),
    _row("5.12", "ignores-window", "不看割接窗口", "a wave is taken outside its window",
         lambda: Says("CT04", "DATE_INVALID")),
    _row("5.12", "executes-in-silence", "批次收下后丢失", "a wave is acknowledged, then lost", lambda: Swallows("CT04")),
    _row("5.12", "wave-told-twice", "批次结果两报", "a wave is told twice", lambda: Twice("CT05")),
    _row("5.12", "wave-without-reference", "批次结果不引用命令", "the result of a wave names no command",
         lambda: Refers("CT05", None)),
    _row("5.12", "keeps-rejected-plan", "被拒计划不释放资源", "a rejected plan keeps its resources",
         lambda: Swallows("CT08", lambda body: body["outcome"] == "rejected")),
    _row("5.12", "recovers-nothing", "割接后旧资源不回收", "the old resources are never free again",
         lambda: Swallows("CT08", lambda body: "instances" in body)),
    _row("5.12", "answers-of-nobody", "未知割接的答复照收", "the answer about an unknown cutover is taken",
         lambda: Says("CT08", "STATE_CONFLICT")),
)  # fmt: skip
"""Of resource management."""
