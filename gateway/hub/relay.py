"""A message handed on between two peers, and how the answer finds its way back (spec 01.2, 06.1).

Both legs are messages of the log with the same promises as any: what came in is durable with what goes out before anybody is
told.  One row ties them: it goes on under the asker's serial where the far end can be told it, else under one of ours, and
the pair is kept (README).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple, dataclass
from typing import Any

from adapters.document import Document
from adapters.store.message_machine import DONE, READY, REJECTED
from adapters.store.relays import RelayRow
from adapters.store.rows import MessageRecord
from adapters.store.unit import StoreUnit
from adapters.wire.times import own_serial
from crm_core.fallout.open_record import OpenFallout
from crm_core.ports import Outcome
from gateway.answers import Verdict
from gateway.outbox.attempts import Entry
from schemas.model import ResultCode

Relay = RelayRow
PROVISIONAL = {"Q": "OUTCOME_UNKNOWN"}
"""What the asker is told, by pattern, where the far end takes longer than it can wait; else that it is accepted."""


@dataclass(slots=True)
class Forward:
    """The command a document for a third system becomes: the same message, to ``to``.

    ``keeps``: under the asker's serial, once; what goes again for it, refused or never sent before, has one of ours.
    ``origin`` gives the id of the message it came in as, known once that is numbered; ``expires_at`` is ms, 0 never.
    """

    document: Document
    origin_peer: str
    to: str
    binding: str
    own: str
    origin: Callable[[], int]
    keeps: bool = False
    expires_at: int = 0
    relay: Relay | None = None

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """Nothing of the core's."""
        return ()

    def execute(self, uow: Any) -> Outcome:
        """The second leg is born with the first."""
        store: StoreUnit = uow
        document, header = self.document, self.document.header
        row, now = document.row, store.now
        serial = header.serial
        if not self.keeps or store.store.relays.of_serial(store.store.driver, serial) is not None:
            serial = own_serial(self.own, now, store.store.next("serial"))
        key = document.body.get(row.order_key) if row.order_key is not None else None
        record = MessageRecord(
            id=store.store.next("message"), direction="out", peer=self.to, binding=self.binding, code=row.code,
            element=row.name, serial=serial, ref_serial=self._reference(store), area=header.area,
            order_key=None if key is None else str(key), state=READY, due_at=now, first_seen=now,
        )  # fmt: skip
        store.send(record, document.body)
        self.relay = Relay(
            record.id, serial, self.origin(), self.origin_peer, header.serial, header.sender, self.expires_at,
            header.result_code, header.result_text,
        )  # fmt: skip
        store.put("relay", astuple(self.relay))
        return Outcome(PROVISIONAL.get(row.pattern, "ACCEPTED"))

    def _reference(self, unit: StoreUnit) -> str | None:
        """What a result answers, under the asker's own serial."""
        reference = self.document.header.ref_serial
        asked = unit.store.relays.of_serial(unit.store.driver, reference) if reference else None
        return reference if asked is None else asked.origin_serial


@dataclass(slots=True)
class CameAsReply:
    """A result the far end gave as its answer, where the asker does not wait for it there: it goes on as the message it is
    (01.1.4: "the result then follows"). The log has it as one that came in, with the ``raw`` bytes of the answer."""

    forward: Forward
    peer: str
    raw: bytes
    charset: str
    binding: str
    id: int = 0

    def execute(self, store: StoreUnit) -> None:
        """Both legs, as of any message handed on."""
        document, header, row = self.forward.document, self.forward.document.header, self.forward.document.row
        self.id = store.store.next("message")
        key = document.body.get(row.order_key) if row.order_key is not None else None
        record = MessageRecord(
            id=self.id, direction="in", peer=self.peer, binding=self.binding, code=row.code, element=row.name,
            serial=header.serial, ref_serial=header.ref_serial, area=header.area, order_key=None if key is None else str(key),
            state=DONE, first_seen=store.now, closed_at=store.now,
        )  # fmt: skip
        store.put("message", record.row())
        store.put("body", (self.id, "plain", None, None, self.charset, self.raw, None))
        self.forward.execute(store)


@dataclass(slots=True)
class HandBack:
    """What the far end answered becomes the answer to the message that came in, durable before the asker hears it.

    ``told``: the asker was given a provisional answer already.  Where that was "accepted", a refusal is a person's business;
    who was told that nobody knows (``asked``, a question) asks again and hears it.  ``result`` is set where the answer is the
    command's result and has to follow.
    """

    relay: Relay
    entry: Entry
    answer: bytes
    code: str
    accepted: bool
    told: bool
    said: Verdict | ResultCode
    asked: bool = False
    result: CameAsReply | None = None

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """Nothing of the core's."""
        return ()

    def execute(self, uow: Any) -> Outcome:
        """The first leg's answer is this."""
        store: StoreUnit = uow
        relay = self.relay
        state = DONE if self.accepted else REJECTED
        store.put("answer_set", (self.answer, relay.origin_id))
        store.put("message_state", (state, None, self.code, 0, None, store.now, relay.origin_id))
        if self.result is not None:
            self.result.execute(store)
        if self.told and not self.accepted and not self.asked:
            said, entry = self.said, self.entry
            OpenFallout(
                "report", f"转发的报文被拒，发起方已先得到受理回执：{said.zh}",
                f"Refused behind a receipt that said accepted: {said.en}", said.symbol, message_id=relay.message_id,
                area=entry.area, service_order_id=None if entry.key.startswith("#") else entry.key,
                about={"serial": relay.serial, "peer": relay.origin_peer, "origin": relay.origin_serial, "result": self.code},
            ).execute(store)  # fmt: skip
        return Outcome("OK")
