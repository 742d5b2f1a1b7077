"""Defects of a CRM, on the wire in front of our own (spec 5.1-5.12, 04.1, 01.1)."""

from __future__ import annotations

from collections.abc import Callable

from simulators.defects.flaw import Defect, Flaw
from simulators.defects.messages import Anew, Doubles, HearsAnew, Loses, Never, Rewrites, Takes, says

_REFERENCE = rb"<RefSerial>[^<]*</RefSerial>"


def _row(clause: str, name: str, zh: str, en: str, make: Callable[[], Flaw], suite: str = "provisioning") -> Defect:
    return Defect(f"crm-{name}", "crm", suite, clause, zh, en, make)


CRM = (
    _row("5.3", "release-lost", "释放不转 RM", "a release is not handed to RM", lambda: Loses("RR02")),
    _row("5.4", "never-dispatches", "受理后不派单", "what is taken is never dispatched", lambda: Loses("OH01")),
    _row("5.4", "dispatches-twice", "一单两派", "an order is dispatched twice", lambda: Doubles("OH01")),
    _row("5.4", "dispatches-otherwise", "派单内容与受理不符", "what is dispatched is not what was taken",
         lambda: Rewrites("OH01", rb"(<product>)[^<]*<", rb"\g<1>SDH<")),
    _row("5.4", "never-decides", "报竣后不确认", "a completion is never decided", lambda: Loses("OH13")),
    _row("5.4", "decision-without-reference", "竣工确认不引用报竣", "a decision names no report",
         lambda: Rewrites("OH13", _REFERENCE, b"")),
    _row("5.4", "never-bills", "竣工后不通知计费", "billing never hears of a completion", lambda: Loses("BL01")),
    _row("5.4", "bills-twice", "两次通知计费开始", "billing is told to start twice", lambda: Doubles("BL01")),
    _row("5.4", "never-sends-again", "无收条不重发", "what got no receipt is not sent again", Never),
    _row("5.4", "sends-again-anew", "重发换用新流水号", "what got no receipt goes again under another serial", Anew),
    _row("5.4", "takes-any-report", "未知定单的报告照收", "reports about unknown orders are taken",
         lambda: Takes("OH08", "3003")),
    _row("5.4", "unknown-order-code", "未知定单拒绝码错误", "a report about an unknown order is refused as in conflict",
         lambda: Takes("OH07", "3003", "3004")),
    _row("5.4", "serial-again-is-new", "重到的报告当作新报告", "a report that comes again is a new one", HearsAnew),
    _row("5.6", "change-lost", "改单不转 PF", "a change is not handed to PF", lambda: Loses("CO01")),
    _row("5.6", "change-twice", "一次改单发两次", "a change goes twice", lambda: Doubles("CO01")),
    _row("5.6", "change-same-version", "改单版本号不递增", "a change names the version it changes",
         lambda: Rewrites("CO01", rb"(<new_version>)[^<]*<", rb"\g<1>1<")),
    _row("5.7", "cancel-lost", "撤单不转 PF", "a cancellation is not handed to PF", lambda: Loses("CN01")),
    _row("5.7", "cancel-twice", "一次撤单发两次", "a cancellation goes twice", lambda: Doubles("CN01")),
    _row("5.7", "cancel-untold", "撤单结果不告知渠道", "the channel is not told of a cancelled order",
         lambda: Loses("CH02", says(rb">CANCELLED<"))),
    _row("5.8", "pending-untold", "待装不告知渠道", "the channel is not told of a pending install",
         lambda: Loses("CH02", says(rb">PENDING"))),
    _row("5.10", "deferral-lost", "缓装不转 PF", "a deferral is not handed to PF", lambda: Loses("DF01")),
    _row("5.10", "resume-lost", "恢复不转 PF", "a request to resume is not handed to PF", lambda: Loses("DF02")),
    _row("5.10", "resumption-untold", "恢复不告知渠道", "the channel is not told that an order goes on",
         lambda: Loses("CH02", says(rb">IN_PROGRESS<"))),
    _row("5.11", "lock-lost", "锁单不转 PF", "a lock is not handed to PF", lambda: Loses("LK01")),
    _row("5.11", "unlock-wrong-fence", "解锁栅栏号错误", "an unlock names another fence",
         lambda: Rewrites("LK02", rb"(<fence>)[^<]*<", rb"\g<1>99<")),
    _row("5.11", "unlock-lost", "解锁不转 PF", "an unlock is not handed to PF", lambda: Loses("LK02")),
    _row("5.12", "freeze-unanswered", "冻结无结果", "a freeze gets no result", lambda: Loses("CT08")),
    _row("5.12", "freeze-without-reference", "冻结结果不引用命令", "the result of a freeze names no command",
         lambda: Rewrites("CT08", _REFERENCE, b"")),
    _row("5.12", "frozen-orders-taken", "冻结实例照收新定单", "an order for a frozen instance is taken",
         lambda: Takes("CH01", "3018")),
    _row("5.12", "customers-untold", "割接后不通知客户", "customers hear nothing of a cutover", lambda: Loses("CH04")),
    _row("04.1", "nothing-locked", "锁单不拦操作", "what is locked is changed", lambda: Takes("CH03", "3007")),
    _row("04.1", "nothing-past", "竣工后仍受理撤单", "a completed order is cancelled", lambda: Takes("CH03", "3005")),
    _row("04.1", "any-report", "任何状态都受理报告", "reports are taken in any state", lambda: Takes("OH09", "3004")),
    _row("5.1", "survey-lost", "勘查不转 PF", "a survey is not handed to PF", lambda: Loses("RC02")),
    _row("5.1", "surveys-never-close", "勘查关闭后仍收结果", "a closed survey takes findings", lambda: Takes("RC03", "3004")),
    _row("5.2", "choice-lost", "方案确认不转 PF", "the choice of a scheme is not handed to PF", lambda: Loses("SD05")),
    _row("5.2", "choice-of-another", "确认的版本错误", "another version than the chosen is confirmed",
         lambda: Rewrites("SD05", rb"(<version>)[^<]*<", rb"\g<1>9<")),
    _row("5.2", "schemes-for-nobody", "未请过的方案照收", "schemes nobody asked for are taken", lambda: Takes("SD04", "3004")),
    _row("5.2", "expires-in-use", "使用中的方案可到期", "a scheme that an order uses expires", lambda: Takes("SD08", "3004")),
    _row("5.6", "image-not-new", "改单后内容仍为旧", "the image of a change is the old one",
         lambda: Rewrites("CO01", "李示例".encode("gb18030"), "张示例".encode("gb18030"))),
    _row("5.7", "never-past", "竣工后撤单照发", "a completed order is said to be cancelled", lambda: Takes("CH03", "3005")),
    _row("5.8", "any-cause", "待装原因不查字典", "any cause makes an order wait", lambda: Takes("PI01", "3020")),
    _row("5.9", "answer-lost", "开装答复不转 PF", "the answer to an offer is not handed to PF", lambda: Loses("PA03")),
    _row("5.9", "always-accepts", "谢绝当作同意", "what was declined is accepted",
         lambda: Rewrites("PA03", rb"(<accept>)[^<]*<", rb"\g<1>true<")),
    _row("5.10", "proposals-die", "建议缓装无下文", "what field staff propose leads to nothing", lambda: Loses("OH14")),
    _row("5.10", "any-proposal", "建议缓装一律同意", "any proposal is agreed",
         lambda: Rewrites("OH14", rb"<outcome>refused<", rb"<outcome>applied<")),
    _row("5.12", "any-unfreeze", "未知实例的解冻照收", "what was never frozen is said to be thawed",
         lambda: Takes("CT03", "3002")),
    _row("5.12", "billing-untold", "割接后不告知计费", "billing hears nothing of a cutover",
         lambda: Loses("BL01", says(rb">change<"))),
    _row("02.0", "any-product", "未知产品照收", "an order for an unknown product is taken",
         lambda: Takes("CH01", "3020")),
    _row("02.0", "key-means-nothing", "客户订单号复用照收", "another order under a known number is taken",
         lambda: Takes("CH01", "1009")),
    _row("05.3", "any-arrears", "未知实例欠费照收", "arrears of an unknown instance are taken",
         lambda: Takes("BL06", "3002"), "billing"),
)  # fmt: skip
"""Of our own CRM, made by somebody in between."""
