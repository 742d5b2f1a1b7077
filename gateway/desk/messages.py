"""What a person does to one outbound message or one key: skip, resume, hold, release (spec 06.1 promise 6, 06.2).

A message that is skipped is parked with a record at the desk, its key goes on; resumed it leaves under its serial, and one that
only waits for its time leaves at once.  A key that is held sends nothing, to nobody, also after a restart, until it is
released.  The history says who and why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from adapters.store.mapping import dumps, loads
from adapters.store.message_machine import PARKED, READY, RETRY, SENDING, UNKNOWN, next_state
from adapters.store.rows import MessageRecord
from adapters.store.unit import StoreUnit
from crm_core.errors import AttributeInvalid, DomainError, StateConflict
from crm_core.fallout.open_record import OpenFallout
from crm_core.fallout.settle import SettleFallout
from crm_core.ports import Origin
from gateway.clock import Clock
from gateway.control import Reply, refusal
from gateway.outbox.attempts import Entry, order_of, stands_still
from gateway.outbox.lane import Lane
from gateway.outbox.log import OutboxLog
from gateway.outbox.pump import OutboxPump
from gateway.writer import Writer
from schemas.loader import Catalogue

SKIP, RESUME, HOLD, RELEASE = "skip", "resume", "hold", "release"
ON_MESSAGES, ON_KEYS = (SKIP, RESUME), (HOLD, RELEASE)
RIGHTS = {SKIP: "skip", RESUME: "retry", HOLD: "link", RELEASE: "link"}
"""What of the table ``desk_roles`` allows it."""
SKIPPED = "skipped"
"""Error class of a message a person skipped."""
KEYS = ("key", "held keys")
"""Where the history keeps what was held and released: subject and its id."""


@dataclass(frozen=True, slots=True)
class MessageAct:
    """``name`` id or serial of a message, or a key; ``operator`` who, ``reason`` why."""

    action: str
    name: str
    operator: str
    reason: str


class ActJob:
    """One act: recorded first, done after the commit by ``done``; ``undone`` where nothing came of it."""

    def __init__(
        self, act: MessageAct, record: Callable[[StoreUnit], str], done: Callable[[], None], undone: Callable[[], None],
        catalogue: Catalogue, reply: Callable[[Reply], None],
    ) -> None:  # fmt: skip
        self.origin = Origin(act.operator, "", f"message {act.action}")
        self._act = act
        self._record = record
        self._done = done
        self._undone = undone
        self._catalogue = catalogue
        self._reply = reply
        self._answer: Reply = {}

    def prefetch(self) -> Iterable[tuple[str, str]]:
        """Nothing of the core's."""
        return ()

    def inbox_keys(self) -> Iterable[tuple[str, str]]:
        """None."""
        return ()

    def execute(self, unit: StoreUnit) -> None:
        """Record it. Raises ``AttributeInvalid`` (3020) without a person or a reason, 2002 for one who may not, 3004 where the
        message's state does not allow it."""
        act = self._act
        if not act.operator or not act.reason:
            raise AttributeInvalid("须说明操作人与原因", "Say who acts and why")
        if not unit.reference.may(act.operator, RIGHTS[act.action]):
            zh, en = f"{act.operator} 无权执行该操作", f"{act.operator} may not do this"
            raise DomainError(zh, en, code="NOT_PERMITTED")
        row = self._catalogue.result("OK")
        self._answer = {"ok": True, "code": row.code, "zh": row.zh, "en": row.en, "state": self._record(unit)}

    def refused(self, unit: StoreUnit, error: DomainError) -> None:
        """Nothing is done."""
        row = self._catalogue.result(error.code)
        self._answer = {"ok": False, "code": row.code, "zh": error.zh, "en": error.en, "state": error.state}

    def committed(self) -> None:
        """Durable: now it counts."""
        (self._done if self._answer["ok"] else self._undone)()
        self._reply(self._answer)

    def failed(self, symbol: str) -> None:
        """Nothing was kept, nothing is done."""
        row = self._catalogue.result(symbol)
        self._undone()
        self._reply({"ok": False, "code": row.code, "zh": row.zh, "en": row.en})


class MessageDesk:
    """Acts on the pump's lanes, through the worker."""

    def __init__(self, writer: Writer, outbox: OutboxLog, pump: OutboxPump, catalogue: Catalogue, clock: Clock) -> None:
        self._writer = writer
        self._outbox = outbox
        self._pump = pump
        self._catalogue = catalogue
        self._clock = clock
        self.held: dict[str, str] = {}
        """Keys held, and why."""

    def start(self) -> None:
        """What was held before a restart still is; to be called when every lane is there and nothing leaves yet."""
        for given, text in self._outbox.acts(*KEYS):
            entry = loads(text)
            self.held.pop(entry["key"], None)
            if given == HOLD:
                self.held[entry["key"]] = entry["why"]
        for key in self.held:
            self._each_lane(lambda lane, key=key: lane.hold(key))  # type: ignore[misc]

    def handle(self, request: Reply, reply: Callable[[Reply], None]) -> None:
        """``{"do": "message", "action", "name", "operator", "reason"}``."""
        given = [request.get(name) for name in ("action", "name", "operator", "reason")]
        act = MessageAct(*(one if isinstance(one, str) else "" for one in given))
        if act.action in ON_KEYS and act.name:
            self._on_key(act, reply)
            return
        record = self._outbox.named(act.name) if act.action in ON_MESSAGES else None
        if record is None:
            en = f"there is no outbound message {act.name}, or no action {act.action}"
            reply(refusal(f"没有发出的报文 {act.name} 或操作 {act.action}", en))
            return
        (self._skip if act.action == SKIP else self._resume)(act, record, reply)

    # -- one message ----------------------------------------------------------------------------------------------------

    def _skip(self, act: MessageAct, record: MessageRecord, reply: Callable[[Reply], None]) -> None:
        lane, entry = self._place(record)
        under_way = lane is not None and entry is not None and not lane.keep(entry)

        def note(unit: StoreUnit) -> str:
            state = unit.store.outbound_state(record.id)[0]
            if under_way or state not in (READY, RETRY, UNKNOWN):
                raise _not_now(record, SENDING if under_way else state)
            after = next_state(state, "skip")
            unit.put("message_state", (after, SKIPPED, None, record.tries, None, unit.now, record.id))
            unit.note("message", str(record.id), "skip", state, after, act.reason[:400])
            self._open_record(unit, act, record)
            return after

        def done() -> None:
            if lane is not None and entry is not None:
                lane.kept.pop(entry.id, None)
                lane.withheld.pop(entry.id, None)
                self._pump.leave(lane, entry)

        def undone() -> None:
            if lane is not None:
                self._let_go(lane, record.id)

        self._submit(act, note, reply, done, undone)

    def _open_record(self, unit: StoreUnit, act: MessageAct, record: MessageRecord) -> None:
        """It is not forgotten: whoever skipped it, or another, sends it again or closes the record."""
        row = self._catalogue.message(record.code)
        about = {"code": record.code, "serial": record.serial, "peer": record.peer, "by": act.operator}
        OpenFallout(
            SKIPPED, f"报文由 {act.operator} 跳过：{act.reason}", f"Skipped by {act.operator}: {act.reason}",
            message_id=record.id, area=record.area, service_order_id=order_of(unit, row, record.id, record.order_key),
            about=about, stuck=stands_still(row),
        ).execute(unit)  # fmt: skip

    def _resume(self, act: MessageAct, record: MessageRecord, reply: Callable[[Reply], None]) -> None:
        document = self._outbox.document(record.id) or {}
        records = self._outbox.open_fallouts(record.id)
        again: list[tuple[MessageRecord, dict[str, Any]]] = []

        def note(unit: StoreUnit) -> str:
            again.clear()
            state, error_class = unit.store.outbound_state(record.id)
            after = state
            if (state, error_class) == (PARKED, SKIPPED):
                after = next_state(state, "redeliver")
                unit.put("message_state", (after, None, None, record.tries, unit.now, None, record.id))
                for name in records:
                    SettleFallout(name, RESUME, act.reason).execute(unit)
                ready = replace(record, state=after, due_at=unit.now, error_class=None, closed_at=None, first_seen=unit.now)
                again.append((ready, document))
            elif state not in (READY, RETRY, UNKNOWN):
                raise _not_now(record, state)
            unit.note("message", str(record.id), RESUME, state, after, act.reason[:400])
            return after

        def done() -> None:
            if again:
                self._pump.outgoing(again, again=True)
                return
            lane, entry = self._place(record)
            if lane is not None and entry is not None and lane.hasten(entry, self._clock.now()):
                self._pump.schedule(lane, entry)
                self._pump.poke(record.peer)

        self._submit(act, note, reply, done, _nothing)

    # -- one key --------------------------------------------------------------------------------------------------------

    def _on_key(self, act: MessageAct, reply: Callable[[Reply], None]) -> None:
        def note(unit: StoreUnit) -> str:
            before = HOLD if act.name in self.held else RELEASE
            text = dumps({"key": act.name, "why": act.reason[:400]}) or ""
            unit.note(*KEYS, act.action, before, act.action, text)
            return "held" if act.action == HOLD else "released"

        def done() -> None:
            if act.action == HOLD:
                self.held[act.name] = act.reason
                self._each_lane(lambda lane: lane.hold(act.name))
            else:
                self.held.pop(act.name, None)
                self._each_lane(lambda lane: self._let_go(lane, act.name))

        self._submit(act, note, reply, done, _nothing)

    # -- the lanes ------------------------------------------------------------------------------------------------------

    def _submit(
        self, act: MessageAct, note: Callable[[StoreUnit], str], reply: Callable[[Reply], None], done: Callable[[], None],
        undone: Callable[[], None],
    ) -> None:  # fmt: skip
        self._writer.submit(ActJob(act, note, done, undone, self._catalogue, reply))

    def _place(self, record: MessageRecord) -> tuple[Lane | None, Entry | None]:
        lane = self._pump.lanes.get(record.peer)
        return lane, None if lane is None else lane.find(record.id)

    def _each_lane(self, do: Callable[[Lane], None]) -> None:
        for lane in self._pump.lanes.values():
            do(lane)

    def _let_go(self, lane: Lane, what: str | int) -> None:
        entry = lane.release(what)
        if entry is not None:
            self._pump.schedule(lane, entry)
            self._pump.poke(lane.link.peer.id)


def _nothing() -> None:
    """Nothing was begun that would have to be taken back."""


def _not_now(record: MessageRecord, state: str) -> StateConflict:
    zh = f"报文 {record.id} 处于 {state}：发送中的请等结果，已放弃的用 bssgw fallout 处理"
    en = f"Message {record.id} is {state}: wait for the result of one under way; what was given up is worked by bssgw fallout"
    return StateConflict(zh, en, state=state)
