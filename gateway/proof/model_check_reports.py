"""What provisioning and resource management report unasked in the model check: in turn, before their turn, too late (04.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from crm_core.orders.accept import AcceptOrder
from crm_core.orders.cancel_result import RecordCancelResult
from crm_core.orders.change_result import RecordChangeResult
from crm_core.orders.complete import ReportCompletion
from crm_core.orders.deferral_ended import RecordDeferralEnded
from crm_core.orders.lock_report import RecordLockReport
from crm_core.orders.offer import RecordOffer
from crm_core.orders.operation_result import RecordOperationResult
from crm_core.orders.operations import highest_sent
from crm_core.orders.pending import RecordPending
from crm_core.orders.propose_deferral import ProposeDeferral
from crm_core.orders.receipt import RecordReceipt
from crm_core.orders.reject import RejectOrder
from crm_core.orders.reschedule import TakeReschedule
from crm_core.orders.resume_result import RecordResumeResult
from crm_core.orders.send_back import SendBackOrder
from crm_core.orders.stage import ReportStage
from crm_core.ports import Command
from crm_core.resources.record_expiry import RecordReservationExpired
from gateway.proof.model_check_moment import RIVAL, WORDS, Input, Make, Moment, Step, fence_of
from gateway.proof.model_check_world import RESERVATION, RESOURCES

RESULTS = [{"code": code, "new": f"{code}-1", "action": "A"} for code in ("NUMBER", "PORT", "ONU")]
STAGE = {"code": "FIELD", "name": "外线施工"}
CANCELLED = [{"item_id": "1", "outcome": "cancelled"}]
WAITING = ("ReportCompletion", "SendBackOrder", "RecordPending")
"""Reports that may have to wait, in the order in which one makes the next impossible."""


def _told(make: Callable[[Moment], Command], *, behind: tuple[str, ...] = (), when: Callable[[Moment], bool] = bool) -> Make:
    """``behind``: not while such reports wait; ``when``: only then has provisioning ground to say so."""
    return lambda m: None if m.holds(*behind) or not when(m) or not _dispatched(m) else Step(make(m))


def _dispatched(m: Moment) -> bool:
    return m.order.dispatched_at is not None


def _completion(m: Moment, step: int = 0, *, results: bool = True) -> ReportCompletion:
    rows = [{"item_id": "1", "attrs": RESULTS if results else []}]
    return ReportCompletion(m.id, m.version, "装维员乙", m.at(0), rows, report_seq=m.seq + step)


def _ahead(m: Moment) -> ReportCompletion:
    return replace(_completion(m), version=highest_sent(m.order))


def _lock_report(event: str) -> Make:
    def make(m: Moment) -> Command:
        queue = (m.order.lock or {}).get("queue") or ({"owner": RIVAL},)
        grant = event in ("granted", "cutover")
        return RecordLockReport(
            m.id, m.version, fence_of(m.order) + grant, event, queue[0]["owner"] if grant else None, m.at(2) if grant else None,
            report_seq=m.seq,
        )  # fmt: skip

    def ground(m: Moment) -> bool:
        lock = m.order.lock or {"holder": None, "queue": ()}
        if event == "granted":
            return lock["holder"] is None and bool(lock["queue"])
        return lock["holder"] is None if event == "cutover" else lock["holder"] is not None

    return _told(make, when=ground)


def _stage(m: Moment, state: str) -> ReportStage:
    return ReportStage(m.id, m.version, STAGE, "WO1", state, m.at(0), report_seq=m.seq)


def _back(m: Moment) -> SendBackOrder:
    return SendBackOrder(m.id, m.version, m.reasons["10R"], STAGE, "审核员乙", report_seq=m.seq)


def _pending(m: Moment) -> RecordPending:
    where = {"text": "示例路1号"}
    return RecordPending(m.id, m.version, "LINE_ASSIGN", m.reasons["10W"], "PORT", where, m.at(0), report_seq=m.seq)


def _accepted(m: Moment) -> AcceptOrder:
    return AcceptOrder(m.id, m.version, "调度员甲", m.at(0), m.at(2), report_seq=m.seq)


def _proposed(m: Moment) -> ProposeDeferral:
    return ProposeDeferral(m.id, m.version, m.reasons["10P"], m.at(5), "装维员乙", report_seq=m.seq)


def _resumed(m: Moment) -> RecordResumeResult:
    return RecordResumeResult(m.id, m.version, "resumed", report_seq=m.seq)


def _rescheduled(m: Moment) -> TakeReschedule:
    return TakeReschedule(m.id, m.version, {"booked_at": m.at(4)}, WORDS, m.seq)


def _by_rule(m: Moment) -> RecordCancelResult:
    return RecordCancelResult(m.id, m.version, CANCELLED, m.reasons["10C"], report_seq=m.seq)


def _idle(m: Moment) -> bool:
    return not (m.order.held or m.order.operations or m.holder())


def _offered(m: Moment) -> RecordOffer:
    return RecordOffer(m.id, m.version, {"text": "有端口"}, m.at(1), report_seq=m.seq)


def reports() -> tuple[Input, ...]:
    """Of the version that counts, in sequence, and some before their turn."""

    return (
        Input("receipt", "report", _told(lambda m: RecordReceipt(m.id, m.version, True, "ACCEPTED")), live=True),
        Input("receipt_refused", "escape", _told(lambda m: RecordReceipt(m.id, m.version, False, "NO_PROCESS"))),
        Input("accepted", "report", _told(_accepted), live=True),
        Input("rejected", "escape", _told(lambda m: RejectOrder(m.id, m.version, "3022", report_seq=m.seq))),
        Input("stage", "report", _told(lambda m: _stage(m, "done")), live=True),
        Input("stage_exception", "escape", _told(lambda m: _stage(m, "exception"))),
        Input("completion", "report", _told(_completion, behind=WAITING), live=True, column="completion", as_who="any"),
        Input("completion_lacking", "escape", _told(lambda m: _completion(m, results=False), when=_idle),
              column="completion", as_who="any"),
        Input("completion_early", "escape", _told(lambda m: _completion(m, 1), when=lambda m: not m.order.held)),
        Input("completion_ahead", "escape", _told(_ahead, when=lambda m: not m.order.held and m.open("change") is not None)),
        Input("return", "escape", _told(_back, behind=WAITING[:2]), column="return", as_who="any"),
        Input("pending", "escape", _told(_pending, behind=WAITING), column="pending", as_who="any"),
        Input("offered", "report", _told(_offered), live=True),
        Input("resumed_by_rule", "report", _told(_resumed), live=True),
        Input("deferral_ended_by_date", "report", _told(lambda m: deferral_ended(m, "date")), live=True),
        Input("deferral_proposed", "escape", _told(_proposed), opens=True),
        Input("rescheduled_by_provisioning", "escape", _told(_rescheduled)),
        Input("cancelled_by_rule", "escape", _told(_by_rule)),
        *(Input(f"lock_{event}_reported", "report", _lock_report(event), live=True)
          for event in ("granted", "expired", "forced", "ended")),
        Input("lock_for_cutover", "escape", _lock_report("cutover")),
        Input("reservation_expired", "escape",
              lambda m: Step(RecordReservationExpired(RESERVATION, [{"res_type": "PORT", "res_inst_id": "P1"}]), RESOURCES)),
    )  # fmt: skip


def late() -> tuple[Input, ...]:
    """Passed numbers, older versions, answers nobody waits for, versions never sent: recorded or refused, never obeyed."""

    def unasked(m: Moment) -> bool:
        return m.open("change") is None

    return (
        Input("passed_number", "late", _told(lambda m: _completion(m, -1), when=lambda m: m.seq > 1)),
        Input("older_version", "late", _told(lambda m: replace(_completion(m), version=m.version - 1))),
        Input("never_sent", "late", _told(lambda m: replace(_completion(m), version=m.version + 7))),
        Input("unasked_change_result", "late", _told(lambda m: RecordChangeResult(m.id, m.version, "applied"), when=unasked)),
        Input("unknown_cancel_result", "late",
              lambda m: Step(RecordCancelResult(m.id, m.version, CANCELLED), ref="NOBODY")),
        Input("unknown_operation_result", "late",
              lambda m: Step(RecordOperationResult(m.id, m.version, "defer", "applied"), ref="NOBODY")),
        Input("older_receipt", "late", _told(lambda m: RecordReceipt(m.id, m.version - 1, False, "NO_PROCESS"))),
    )  # fmt: skip


def deferral_ended(m: Moment, by: str) -> RecordDeferralEnded:
    """DF03 by ``date`` or by ``request``."""
    return RecordDeferralEnded(m.id, m.version, by, "IN_PROGRESS", report_seq=m.seq)
