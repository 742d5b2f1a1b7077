"""What a person does at the desk, as jobs of the worker: one fallout record, or one command on an order (spec 06.2).

The core decides what an action means for the order; here a record's message is sent again: the same serial and bytes where the
budget was spent (重送), a new serial where the peer refused it or its content is corrected (重做).  The person hears after
the commit.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import astuple, replace
from typing import Any

from adapters.store.message_machine import DEAD, PARKED, READY, next_state
from adapters.store.rows import MessageRecord
from adapters.store.unit import StoreUnit
from adapters.store.withdrawal import TAKEN_BACK
from adapters.wire.times import own_serial
from crm_core.errors import AttributeInvalid, DomainError, StateConflict
from crm_core.fallout.desk import WorkFallout
from crm_core.fallout.model import CLOSED
from crm_core.orders.fold import CLOSED_STATES
from crm_core.ports import Command, Origin, Outcome
from gateway.desk.messages import SKIPPED
from gateway.outbox.log import OutboxLog
from gateway.outbox.pump import OutboxPump
from gateway.waiting_groups import WaitingGroups, give_up
from gateway.writer import Writer
from schemas.loader import Catalogue
from schemas.shape import Struct

Reply = Callable[[dict[str, Any]], None]


class PersonJob:
    """A command of a person; ``reply`` hears what came of it, after the commit."""

    def __init__(self, command: Command, operator: str, what: str, catalogue: Catalogue, reply: Reply) -> None:
        self.origin = Origin(operator, "", what)
        self._command = command
        self._catalogue = catalogue
        self._reply = reply
        self._answer: dict[str, Any] = {}

    def prefetch(self) -> Iterable[tuple[str, str]]:
        """What the command names."""
        return self._command.prefetch()

    def inbox_keys(self) -> Iterable[tuple[str, str]]:
        """None."""
        return ()

    def execute(self, unit: StoreUnit) -> None:
        """Do it."""
        self._taken(self._command.execute(unit))

    def _taken(self, outcome: Outcome) -> None:
        row = self._catalogue.result(outcome.symbol)
        self._answer = {
            "ok": True, "code": row.code, "zh": row.zh, "en": row.en, "state": outcome.state,
            "details": [list(detail) for detail in outcome.details],
        }  # fmt: skip

    def refused(self, unit: StoreUnit, error: DomainError) -> None:
        """The business says no; nothing changed."""
        unit.note("desk", self.origin.code[:64], error.code, "", "refused", f"{error.zh} / {error.en}"[:400])
        row = self._catalogue.result(error.code)
        self._answer = {"ok": False, "code": row.code, "zh": error.zh, "en": error.en, "state": error.state}

    def committed(self) -> None:
        """Durable: say so."""
        self._reply(self._answer)

    def failed(self, symbol: str) -> None:
        """Nothing was kept."""
        row = self._catalogue.result(symbol)
        self._reply({"ok": False, "code": row.code, "zh": row.zh, "en": row.en})


class FalloutJob(PersonJob):
    """One action on one record, with what it means for its message (row and document, if it has one). ``changes`` of an
    ``edit`` replace fields of the document; ``nowhere``: no peer is configured that the message could be sent to."""

    def __init__(
        self,
        work: WorkFallout,
        message: tuple[MessageRecord, dict[str, Any] | None] | None,
        own_id: str,
        catalogue: Catalogue,
        again: Callable[[MessageRecord, dict[str, Any]], None],
        reply: Reply,
        recall: Callable[[list[int]], None],
        nowhere: bool = False,
    ) -> None:
        super().__init__(work, work.operator, f"fallout {work.action}", catalogue, reply)
        self._nowhere = nowhere
        self._work = work
        self._message = None if message is None else message[0]
        self._found = None if message is None else message[1]
        self._own = own_id
        self._again = again
        self._recall = recall
        self._pieces: Collection[int] = ()
        self._forget: Callable[[Collection[int]], None] | None = None
        self._given_up = False
        self._handed_on: list[int] = []
        self._ready: tuple[MessageRecord, dict[str, Any]] | None = None

    def gives_up(self, pieces: Collection[int], forget: Callable[[Collection[int]], None]) -> None:
        """Packages that wait together with the message are given up when the record is closed; ``forget`` hears of it then."""
        self._pieces, self._forget = pieces, forget

    def execute(self, unit: StoreUnit) -> None:
        """The core's part first: it may refuse."""
        self._ready = None
        self._handed_on = []
        outcome = self._work.execute(unit)
        self._taken(outcome)
        self._given_up = bool(self._pieces) and (outcome.symbol, outcome.state) == ("OK", CLOSED)
        given = dict(outcome.details).get("message")
        message = self._message
        if given is None or message is None:
            if self._given_up:
                give_up(unit, self._pieces, SKIPPED, self._catalogue.result("ACCEPTED").code, self._work.reason)
            return
        if message.direction != "out":
            raise StateConflict("来报不能由本方重发，请对端重发", "An inbound message is sent again by its sender only")
        if message.error_class == TAKEN_BACK:
            raise StateConflict("报文已撤回，无可重发", "The message was taken back: there is nothing to be sent")
        if self._nowhere:
            zh = f"{message.peer} 未配置或无从送达：在配置中补上对端及其 connect，重启后自动发出"
            en = f"No way leads to {message.peer}: add the peer with its connect, and the message leaves at the next start"
            raise StateConflict(zh, en)
        self._check_order(unit, message)
        document = self._document(message)
        changes = self._work.changes or {}
        self._check_changes(message, changes)
        if self._work.dry_run:
            return
        if given == "redeliver" and message.state in (DEAD, PARKED) and not self._was_refused(message):
            self._redeliver(unit, message, document)
        else:
            self._redo(unit, message, {**document, **changes})

    def _was_refused(self, message: MessageRecord) -> bool:
        """Whether the peer itself said no: to the same bytes it would say so again (01.1.6)."""
        row = self._catalogue.table("error_classes").rows.get(message.error_class or "")
        return message.state == DEAD and row is not None and row.extra["action"] not in ("resend", "query")

    def _check_order(self, unit: StoreUnit, message: MessageRecord) -> None:
        """What was asked for an order before it closed is of no use any more: a closed item never reopens (06.4). Raises
        ``StateConflict`` (3004)."""
        row = self._catalogue.message(message.code)
        order = None if message.order_key is None else unit.order(message.order_key)
        if order is None or row.pattern == "N" or row.read_only or order.state not in CLOSED_STATES:
            return
        if message.first_seen < order.since:
            zh = f"定单 {order.id} 已关闭（{order.state}），不再发送 {row.code}：如仍需办理，请重新受理"
            en = f"Order {order.id} is closed ({order.state}), {row.code} is not sent any more: submit what is wanted anew"
            raise StateConflict(zh, en, state=order.state)

    def _check_changes(self, message: MessageRecord, changes: dict[str, Any]) -> None:
        """Raises ``AttributeInvalid`` (3020) for what is no field of the message."""
        row = self._catalogue.message(message.code)
        shape = self._catalogue.shape(row.name, row.version)
        known = [field.name for field in shape.fields] if isinstance(shape, Struct) else []
        wrong = [name for name in changes if name not in known]
        if wrong:
            zh = f"{row.code} 没有字段 {'、'.join(wrong)}：只能整体设置顶层字段 {'、'.join(known)}"
            en = f"{row.code} has no field {', '.join(wrong)}: only fields of its top level can be set: {', '.join(known)}"
            raise AttributeInvalid(zh, en)

    def _redeliver(self, unit: StoreUnit, message: MessageRecord, document: dict[str, Any]) -> None:
        """The same serial and, once framed, the same bytes."""
        state = next_state(message.state, "redeliver")
        unit.put("message_state", (state, None, None, message.tries, unit.now, None, message.id))
        unit.note("message", str(message.id), "redeliver", message.state, state, self._work.reason[:400])
        ready = replace(message, state=state, due_at=unit.now, closed_at=None, first_seen=unit.now)
        self._ready = (ready, document)

    def _redo(self, unit: StoreUnit, message: MessageRecord, document: dict[str, Any]) -> None:
        """A correction is a new serial linked to the old (06.1 promise 2); what the order waits for is the new one."""
        store = unit.store
        again = replace(
            message, id=store.next("message"), serial=own_serial(self._own, unit.now, store.next("serial")),
            state=READY, error_class=None, result_code=None, tries=0, due_at=unit.now, first_seen=unit.now, closed_at=None,
        )  # fmt: skip
        unit.send(again, document)
        relay = store.relays.of_serial(store.driver, message.serial)
        if relay is not None:  # the correction, too, is handed on for somebody
            unit.put("relay", astuple(replace(relay, message_id=again.id, serial=again.serial)))
            self._handed_on.append(again.id)
        unit.note("message", str(again.id), "corrected_from", "", READY, f"{message.serial} {self._work.reason}"[:400])
        fact = unit.billing_by_serial(message.serial)
        if fact is not None:
            fact.serial, fact.sent_at, fact.reason = again.serial, unit.now, None
            unit.save(fact)
        order = None if message.order_key is None else unit.order(message.order_key)
        if order is not None and any(entry["serial"] == message.serial for entry in order.operations):
            order.operations = [
                {**entry, "serial": again.serial} if entry["serial"] == message.serial else entry for entry in order.operations
            ]
            unit.save(order)

    def _document(self, message: MessageRecord) -> dict[str, Any]:
        if self._found is None:
            raise StateConflict(f"报文 {message.id} 没有内容", f"Message {message.id} has no document")
        return self._found

    def committed(self) -> None:
        """The message may leave again."""
        if self._forget is not None and self._given_up and self._answer["ok"]:
            self._forget(self._pieces)
        self._recall(self._handed_on)
        if self._ready is not None:
            self._again(*self._ready)
        super().committed()


class Desk:
    """Hands what people do to the worker."""

    def __init__(
        self, writer: Writer, outbox: OutboxLog, pump: OutboxPump, catalogue: Catalogue, own_id: str,
        recall: Callable[[list[int]], None],
    ) -> None:  # fmt: skip
        """``recall`` hears of corrections of messages that are handed on for others."""
        self._recall = recall
        self._writer = writer
        self._outbox = outbox
        self._pump = pump
        self._catalogue = catalogue
        self._own = own_id
        self.groups: WaitingGroups | None = None

    def work(self, work: WorkFallout, reply: Reply) -> None:
        """One action on one record; what its message says is read beside the writer."""
        message = self._outbox.of_fallout(work.fallout_id)
        found = None if message is None else (message, self._outbox.document(message.id))
        nowhere = message is not None and message.direction == "out" and message.peer not in self._pump.lanes
        job = FalloutJob(work, found, self._own, self._catalogue, self._leave_again, reply, self._recall, nowhere)
        if message is not None and self.groups is not None:
            job.gives_up(self.groups.ids(message), self.groups.forget)
        self._writer.submit(job)

    def _leave_again(self, message: MessageRecord, document: dict[str, Any]) -> None:
        self._pump.outgoing([(message, document)], again=True)

    def run(self, command: Command, operator: str, what: str, reply: Reply) -> None:
        """A command of the core on an order."""
        self._writer.submit(PersonJob(command, operator, what, self._catalogue, reply))
