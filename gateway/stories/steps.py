"""What people and machines do in a story: one function a verb of ``[[step]]``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adapters.wire.times import wire_time
from crm_core.fallout.desk import WorkFallout
from crm_core.orders.inquiry import InquireOperation, QueryProcess
from crm_core.orders.lock_order import LockOrder
from crm_core.orders.resume_pending import ResumePending
from crm_core.ports import Command
from crm_core.resources.confirm import ConfirmResource
from crm_core.resources.give_back import ExtendReservation, ReleaseReservation
from crm_core.resources.reserve import ReserveResource
from crm_core.schemes.decide import CancelScheme, ConfirmScheme, RejectScheme
from crm_core.schemes.request_scheme import RequestScheme
from crm_core.surveys.cancel_survey import CancelSurvey
from crm_core.surveys.request_survey import RequestSurvey
from gateway.proof.channel import ChannelBrain
from gateway.proof.world import BILL, CHANNEL, RM, address_of
from gateway.stories.stage import TOLD, Stage, StoryFailed
from gateway.stories.story import Step
from simulators.bill.brain import BillBrain
from simulators.bill.intervals import Charging, Interval
from simulators.brain import Reaction
from simulators.rm.brain import RmBrain
from simulators.rm.cutover_plan import draft

Given = dict[str, Any]
OPERATOR = "OP025001"

COMMANDS: dict[str, Callable[..., Command]] = {
    command.__name__: command
    for command in (
        CancelScheme, CancelSurvey, ConfirmResource, ConfirmScheme, ExtendReservation, InquireOperation, LockOrder,
        QueryProcess, RejectScheme, ReleaseReservation, RequestScheme, RequestSurvey, ReserveResource, ResumePending,
    )
}  # fmt: skip
"""What a person at the CRM may say, by its name."""


def take(stage: Stage, step: Step) -> None:
    """Does one step; it stands in the trace first. Raises StoryFailed: it did not go as it is written."""
    if step.zh:
        stage.world.trace.note(TOLD, f"{step.zh} / {step.en}")
    try:
        VERBS[step.do](stage, stage.filled(step.given))
    except (KeyError, TypeError) as fault:
        raise StoryFailed(f"步骤 {step.do} 缺少或不识 {fault} / step {step.do} lacks or has an unknown {fault}") from fault


def _submit(stage: Stage, given: Given) -> None:
    """``order`` at the counter; ``receipt`` is the code it must get, ``patient`` false where nobody answers."""
    name = given["order"]
    channel, order = _channel(stage), stage.submission(name)
    stage.world.hosts[CHANNEL].act(lambda now: channel.submit(order, now))
    if not given.get("patient", True):
        return
    known = (channel.accepted, channel.refused)
    stage.until(lambda: any(order.id in one for one in known), 120, f"定单 {name} 的回执", f"the receipt of order {name}")
    _expect(given.get("receipt", "0001"), channel.refused.get(order.id, "0001"), channel.refused)


def _ask(stage: Stage, given: Given) -> None:
    """An operation on ``order`` at the counter (CH03): ``operation`` with ``fields``; ``receipt`` is what it must get."""
    channel, operation = _channel(stage), given["operation"]
    body = {
        "service_order_id": stage.order(given["order"]), "area": given.get("area", "025"), "operator": OPERATOR,
        "operation": operation, "dry_run": given.get("dry_run", False), operation: given["fields"],
    }  # fmt: skip
    before = len(channel.replies)
    stage.world.hosts[CHANNEL].act(lambda now: channel.ask(body))
    reply = stage.answer(channel.replies, before)
    _expect(given.get("receipt", "0001"), reply["code"], reply)


def _desk(stage: Stage, given: Given) -> None:
    """A person at the CRM says ``command`` with ``fields``; ``answer`` is the code it must get."""
    command = COMMANDS[given["command"]](**given["fields"])
    heard: list[Given] = []
    stage.world.gateway.desk.run(command, OPERATOR, given["command"], heard.append)
    reply = stage.answer(heard, 0)
    _expect(given.get("answer", "0001"), reply["code"], reply)


def _fallout(stage: Stage, given: Given) -> None:
    """A person at the desk does ``action`` to the newest open fallout record of ``order``."""
    records = [row for row in stage.row(given["order"])["fallouts"] if row["closed_at"] is None]
    if not records:
        raise StoryFailed(f"定单 {given['order']} 没有异常单 / order {given['order']} has no open fallout record")
    newest = max(records, key=lambda row: (row["opened_at"], row["id"]))
    heard: list[Given] = []
    work = WorkFallout(newest["id"], given["action"], OPERATOR, given.get("reason", ""), given.get("approved_by", ""))
    stage.world.gateway.desk.work(work, heard.append)
    reply = stage.answer(heard, 0)
    _expect(given.get("answer", "0000"), reply["code"], reply)


def _wait(stage: Stage, given: Given) -> None:
    """So many seconds ``s`` go by."""
    stage.advance(given["s"])


def _until(stage: Stage, given: Given) -> None:
    """Until ``order`` is in ``state``, ``stage`` and ``version``, has an ``offer``, a ``fallout`` record; ``s``: longest."""
    name = given["order"]
    wanted = {field: value for field, value in given.items() if field not in ("order", "s")}

    def reached() -> bool:
        row = stage.glance(name)
        return bool(row) and all(row[field] == value for field, value in wanted.items())

    stage.until(reached, given.get("s", 3600), f"定单 {name} {wanted}", f"order {name} {wanted}")


def _outage(stage: Stage, given: Given) -> None:
    """``system`` is unreachable for ``s`` seconds."""
    stage.world.network.outage(address_of(given["system"]), given["s"])


def _down(stage: Stage, given: Given) -> None:
    """``system`` stops: it neither listens nor sends."""
    stage.world.hosts[given["system"]].stop()


def _up(stage: Stage, given: Given) -> None:
    """``system`` starts again with everything it knew."""
    stage.world.hosts[given["system"]].start()


def _charge(stage: Stage, given: Given) -> None:
    """A person at billing opens an interval for ``instance`` by hand, or takes it back (``off``)."""
    brain = stage.world.hosts[BILL].brain
    assert isinstance(brain, BillBrain)
    instance = given["instance"]
    if given.get("off", False):
        del brain.charging[instance]
    else:
        brain.charging[instance] = Charging(instance, [Interval("AC000000000000", given["plan"], stage.now)])


def _cutover(stage: Stage, given: Given) -> None:
    """A person at RM starts a cutover of ``instances`` to ``bureau``: ``id``, ``type``, ``res_type``, ``waves``, ``in_flight``,
    in the window from ``begin`` to ``end`` (seconds from now); ``dry_run`` tries it."""
    brain = stage.world.hosts[RM].brain
    assert isinstance(brain, RmBrain)
    window = {"begin": wire_time(stage.now + 1000 * given["begin"]), "end": wire_time(stage.now + 1000 * given["end"])}
    head = {"area": given.get("area", "025"), "cutover_id": given["id"], "type": given["type"], "window": window}
    items = draft(brain.plant, given["instances"], given["res_type"], given["bureau"], given.get("waves", 1))
    plan = head | {"freeze_window": window, "in_flight": given.get("in_flight", "finish"), "items": items}
    stage.world.hosts[RM].act(lambda now: brain.start_cutover(plan, now, given.get("dry_run", False)))


def _call_off(stage: Stage, given: Given) -> None:
    """A person at RM cancels the cutover ``id``; ``roll_back`` what is running."""
    brain = stage.world.hosts[RM].brain
    assert isinstance(brain, RmBrain)

    def work(now: int) -> Reaction:
        return brain.cancel_cutover(given["id"], given["reason"], now, given.get("roll_back", False))

    stage.world.hosts[RM].act(work)


def _begin(stage: Stage, given: Given) -> None:
    """What happened until now is not drawn: it only had to be there."""
    stage.advance(5)
    stage.drawn_from = stage.now
    stage.alone = len(stage.world.trace.lines)


def _channel(stage: Stage) -> ChannelBrain:
    return stage.world.channel


def _expect(wanted: str, found: str, what: object) -> None:
    if wanted != found:
        raise StoryFailed(f"应答 {found}，应为 {wanted}：{what} / answered {found}, not {wanted}: {what}")


VERBS: dict[str, Callable[[Stage, Given], None]] = {
    "submit": _submit,
    "ask": _ask,
    "desk": _desk,
    "fallout": _fallout,
    "wait": _wait,
    "until": _until,
    "outage": _outage,
    "down": _down,
    "up": _up,
    "charge": _charge,
    "cutover": _cutover,
    "call_off": _call_off,
    "begin": _begin,
}
"""What a step may ``do``."""
