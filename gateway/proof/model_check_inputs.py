"""Everything that may happen to an order in the model: customers, provisioning, resources, clocks, the desk (spec 04.1).

Each input is a real command of the core, made for the state it meets; what a state gives no ground for (an answer to a
question that is not open) has no command there.  ``live`` marks what a world in which everybody answers brings about by itself:
answers, progress, clocks, repairs.  Nobody has to return, reject or cancel an order for it to end.
"""

from __future__ import annotations

from collections.abc import Callable

from crm_core.fallout.desk import WorkFallout
from crm_core.fallout.model import Fallout
from crm_core.fallout.open_record import OpenFallout
from crm_core.orders.amend import AmendOrder
from crm_core.orders.cancel import CancelOrder
from crm_core.orders.cancel_result import RecordCancelResult
from crm_core.orders.change_result import RecordChangeResult
from crm_core.orders.defer import DeferOrder
from crm_core.orders.dispatch_due import DispatchDue
from crm_core.orders.end_deferral import EndDeferral
from crm_core.orders.expedite import ExpediteOrder
from crm_core.orders.lock_order import LockOrder, RecordLockAnswer
from crm_core.orders.operation_result import RecordOperationReceipt, RecordOperationResult
from crm_core.orders.operations import highest_sent
from crm_core.orders.reports import GAP
from crm_core.orders.reschedule import RescheduleOrder
from crm_core.orders.resume_pending import ResumePending
from crm_core.orders.resume_result import RecordResumeResult
from crm_core.orders.unlock_order import RecordUnlockAnswer, UnlockOrder
from crm_core.orders.watch import RecordRedeliverReceipt, WatchOrder
from crm_core.ports import Command
from crm_core.resources.give_back import ExtendReservation, ReleaseReservation
from gateway.proof.model_check_moment import CHIEF, OWNER, RIVAL, WORDS, Input, Make, Moment, Step, fence_of
from gateway.proof.model_check_reports import deferral_ended, late, reports
from gateway.proof.model_check_world import CHANNEL, OURSELVES, RESERVATION

RECORD = "FO-MODEL"
REPAIRS = ("retry", "edit", "skip")
"""What a person does at the desk so that the order goes on; the other actions end it."""


def inputs() -> tuple[Input, ...]:
    """All of them, in the order in which they are tried."""
    return (*_channel(), *_answers(), *reports(), *late(), *_clocks(), *_desk())


def _asked(make: Callable[[Moment], Command], *, unsent: bool = False) -> Make:
    return lambda m: Step(make(m), CHANNEL, unsent=unsent)


def _channel() -> tuple[Input, ...]:
    def tariff(m: Moment) -> AmendOrder:
        plan = next((attr["new"] for attr in m.snapshot.item.attrs if attr["code"] == "PLAN"), "")
        new = {"code": "PLAN", "new": "POTS50" if plan == "POTS30" else "POTS30", "action": "M"}
        item = {"item_id": "1", "action": "install", "product": "POTS", "attrs": [new]}
        return AmendOrder(m.id, m.reasons["10Q"], items=[item])

    def unsent(m: Moment) -> Step | None:
        step = Step(CancelOrder(m.id, m.reasons["10C"]), CHANNEL, unsent=True)
        return step if m.order.state == "SUBMITTED" and not m.order.report_seq else None

    def lock(m: Moment, owner: str, *, wait: bool = False) -> LockOrder:
        return LockOrder(m.id, WORDS, owner, m.at(3), wait=wait)

    def rival(*, wait: bool = False) -> Make:
        asked = _asked(lambda m: lock(m, RIVAL, wait=wait))
        return lambda m: asked(m) if m.holder() == OWNER else None

    force = {"reason": WORDS, "approved_by": CHIEF}
    return (
        Input("amend", "channel", _asked(tariff), column="change", opens=True),
        Input("cancel", "channel", _asked(lambda m: CancelOrder(m.id, m.reasons["10C"])), column="cancel"),
        Input("cancel_unsent", "channel", unsent),
        Input("cancel_unknown_item", "channel", _asked(lambda m: CancelOrder(m.id, m.reasons["10C"], ["9"]))),
        Input("defer", "channel", _asked(lambda m: DeferOrder(m.id, m.reasons["10P"], m.at(5))), column="defer", opens=True),
        Input("defer_too_long", "channel", _asked(lambda m: DeferOrder(m.id, m.reasons["10P"], m.at(500)))),
        Input("end_deferral", "channel", _asked(lambda m: EndDeferral(m.id, m.at(2))), column="end_deferral", opens=True),
        Input("reschedule", "channel", _asked(lambda m: RescheduleOrder(m.id, {"booked_at": m.at(4)}, WORDS)),
              column="dates", as_who="any", opens=True),
        Input("expedite", "channel", _asked(lambda m: ExpediteOrder(m.id, WORDS)), column="dates", as_who="any", opens=True),
        Input("take_offer", "channel", _asked(lambda m: ResumePending(m.id, True)), column="resume_pending", opens=True),
        Input("decline_offer", "channel", _asked(lambda m: ResumePending(m.id, False)), column="resume_pending", opens=True),
        Input("lock", "channel", _asked(lambda m: lock(m, OWNER)), column="lock", as_who=OWNER, opens=True),
        Input("lock_by_rival", "channel", rival(), column="lock", as_who=RIVAL, opens=True),
        Input("lock_and_wait", "channel", rival(wait=True), opens=True),
        Input("unlock", "channel", _asked(lambda m: UnlockOrder(m.id, OWNER)), opens=True),
        Input("unlock_stale", "channel", _asked(lambda m: UnlockOrder(m.id, OWNER, 0))),
        Input("unlock_forced", "channel", _asked(lambda m: UnlockOrder(m.id, OWNER, force=force)), opens=True),
        Input("unlock_forced_alone", "channel", _asked(lambda m: UnlockOrder(m.id, CHIEF, force=force))),
        Input("release_reservation", "channel", _asked(lambda _: ReleaseReservation(RESERVATION, WORDS))),
        Input("extend_reservation", "channel", _asked(lambda _: ExtendReservation(RESERVATION, 3600))),
    )  # fmt: skip


def _answer(operation: str, make: Callable[[Moment, str], Command], *, as_reply: bool = False) -> Make:
    def step(m: Moment) -> Step | None:
        serial = m.open(operation)
        if serial is None:
            return None
        return Step(make(m, serial), serial=serial) if as_reply else Step(make(m, serial), ref=serial)

    return step


def _results(operation: str, *outcomes: str) -> tuple[Input, ...]:
    """OH14, and the receipt that refuses the question for good."""

    def result(outcome: str) -> Make:
        code = None if outcome == "applied" else "3004"
        return _answer(
            operation, lambda m, _: RecordOperationResult(m.id, m.version, operation, outcome, code, report_seq=m.seq)
        )

    receipt = _answer(operation, lambda m, _: RecordOperationReceipt(m.id, m.version, False, "STATE_CONFLICT"), as_reply=True)
    return (
        *(Input(f"{operation}_{outcome}", "answer", result(outcome), live=True) for outcome in outcomes),
        Input(f"{operation}_receipt_refused", "answer", receipt, live=True),
    )


def _answers() -> tuple[Input, ...]:
    def changed(outcome: str) -> Make:
        code = "3004" if outcome == "refused" else None
        return _answer("change", lambda m, _: RecordChangeResult(m.id, highest_sent(m.order), outcome, code, report_seq=m.seq))

    def cancelled(outcome: str) -> Make:
        rows = [{"item_id": "1", "outcome": outcome, **({} if outcome == "cancelled" else {"code": "3005"})}]
        return _answer("cancel", lambda m, _: RecordCancelResult(m.id, m.version, rows, report_seq=m.seq))

    def resumed(outcome: str) -> Make:
        return _answer("resume_pending", lambda m, _: RecordResumeResult(m.id, m.version, outcome, report_seq=m.seq))

    def granted(m: Moment, _: str) -> RecordLockAnswer:
        return RecordLockAnswer(m.id, True, "OK", fence_of(m.order) + 1)

    def queued(m: Moment, _: str) -> RecordLockAnswer:
        return RecordLockAnswer(m.id, True, "ACCEPTED", queue_position=1)

    return (
        *(Input(f"change_{outcome}", "answer", changed(outcome), live=True) for outcome in ("applied", "refused", "manual")),
        *(Input(f"cancel_{outcome}", "answer", cancelled(outcome), live=True) for outcome in ("cancelled", "refused", "stuck")),
        *_results("change"), *_results("cancel"), *_results("defer", "applied", "refused"),
        *_results("reschedule", "applied", "refused"), *_results("expedite", "applied", "refused"),
        *_results("end_deferral", "refused"), *_results("resume_pending"),
        Input("end_deferral_done", "answer", _answer("end_deferral", lambda m, _: deferral_ended(m, "request")), live=True),
        *(Input(f"resume_{outcome}", "answer", resumed(outcome), live=True) for outcome in ("resumed", "queued", "failed")),
        Input("lock_granted", "answer", _answer("lock", granted, as_reply=True), live=True),
        Input("lock_queued", "answer", _answer("lock", queued, as_reply=True), live=True),
        Input("lock_refused", "answer",
              _answer("lock", lambda m, _: RecordLockAnswer(m.id, False, "LOCKED"), as_reply=True), live=True),
        Input("unlock_done", "answer",
              _answer("unlock", lambda m, _: RecordUnlockAnswer(m.id, True, "OK"), as_reply=True), live=True),
        Input("unlock_refused", "answer",
              _answer("unlock", lambda m, _: RecordUnlockAnswer(m.id, False, "NOT_LOCK_OWNER"), as_reply=True), live=True),
    )  # fmt: skip


def _clocks() -> tuple[Input, ...]:
    def watch(m: Moment) -> Step | None:
        at = m.order.watch_at
        return None if at is None else Step(WatchOrder(m.id), OURSELVES, wait_until=at)

    def due(m: Moment) -> Step | None:
        day = m.order.effective_at
        return Step(DispatchDue(m.id), OURSELVES, wait_until=day) if m.order.state == "DRAFT" else None

    def budget(m: Moment) -> Step | None:
        return Step(OpenFallout("business", "拒绝", "refused", service_order_id=m.id, stuck=True), OURSELVES)

    def implied(m: Moment) -> Step | None:
        gap = any(entry["why"] == GAP for entry in m.order.held)
        return Step(RecordRedeliverReceipt(m.id, False, "MESSAGE_UNKNOWN")) if gap else None

    return (
        Input("day_comes", "clock", due, live=True),
        Input("watchdog", "escape", watch),
        Input("missing_reports_implied", "clock", implied, live=True),
        Input("budget_spent", "escape", budget),
    )


def _desk() -> tuple[Input, ...]:
    def work(action: str) -> Make:
        def step(m: Moment) -> Step:
            overdue = next((str(entry["overdue"]) for entry in m.order.operations if "overdue" in entry), None)
            kind = "overdue" if overdue else "gap" if any(entry["why"] == GAP for entry in m.order.held) else "stage"
            record = Fallout(overdue or RECORD, kind, m.snapshot.now, "异常", "stuck", service_order_id=m.id)
            return Step(WorkFallout(record.id, action, OWNER, "模型", CHIEF), OURSELVES, extra=(record,))

        return step

    actions = (*REPAIRS, "complete", "return", "cancel", "close")
    return tuple(Input(f"desk_{name}", "desk", work(name), live=name in REPAIRS) for name in actions)
