"""Packages whose group does not get whole: a person is told once, and may give them up (spec 05.1, 06.1 promise 5).

Found by looking into the log, so also after a restart.  The record's id follows from the group's first package: the message
that gets whole after all closes it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from sqlalchemy.engine import Engine

from adapters.document import Document, DocumentRefused
from adapters.envelopes.pieces import ELEMENT
from adapters.store.matching import parked_under, stale_groups
from adapters.store.message_machine import DONE, PARKED
from adapters.store.rows import MessageRecord
from adapters.store.unit import StoreUnit
from crm_core.fallout.open_record import OpenFallout
from gateway.speech import SpeechBook
from gateway.timers import AT_ONCE, CommandJob
from gateway.writer import Writer

LIMIT_MS = 900_000
"""How long after its last package a group may wait for the next."""
INCOMPLETE = "incomplete"
"""Error class of the record, and of the first package once a person was told."""


def record_of(message_id: int) -> str:
    """The record about the group whose first package is this message."""
    return f"FOPG{message_id:012d}"


class TellJob(CommandJob):
    """Opens the record of a group, unless it got whole, was given up, or has one."""

    def __init__(self, record: OpenFallout, first: int, own_id: str, code: str) -> None:
        super().__init__(record, own_id, f"package group of {first}")
        self._first = first
        self._code = code

    def execute(self, unit: StoreUnit) -> None:
        """The package keeps waiting, and says that it was told of."""
        if unit.store.outbound_state(self._first) != (PARKED, None):
            return
        super().execute(unit)
        unit.put("message_state", (PARKED, INCOMPLETE, self._code, 0, None, unit.now, self._first))


def give_up(unit: StoreUnit, ids: Collection[int], error_class: str, code: str, why: str) -> None:
    """These packages wait no longer: what comes of their group later begins anew."""
    for message_id in ids:
        if unit.store.outbound_state(message_id)[0] == PARKED:
            unit.put("message_state", (DONE, error_class, code, 0, None, unit.now, message_id))
            unit.note("message", str(message_id), "skip", PARKED, DONE, why[:400])


class WaitingGroups:
    """Looks for groups past the limit; ``forget`` hears of packages that were given up."""

    def __init__(
        self, speeches: SpeechBook, writer: Writer, engine: Engine, own_id: str,
        forget: Callable[[Collection[int]], None],
    ) -> None:  # fmt: skip
        self._speeches = speeches
        self._writer = writer
        self._engine = engine
        self._own = own_id
        self.forget = forget

    def look(self, now: int) -> None:
        """Tells a person of each group whose last package came ``LIMIT_MS`` ago. Raises SQLAlchemyError."""
        accepted = self._speeches.native.answers.number("ACCEPTED")
        for peer, key, first in stale_groups(self._engine, now - LIMIT_MS, AT_ONCE):
            found = [self._read(peer, raw, charset) for _, raw, charset in parked_under(self._engine, peer, key)]
            record = _record(peer, key, first, [one for one in found if one is not None])
            self._writer.submit(TellJob(record, first, self._own, accepted))

    def ids(self, message: MessageRecord) -> tuple[int, ...]:
        """Packages that wait together with this message; none where it is no package."""
        if message.element != ELEMENT or message.state != PARKED or message.order_key is None:
            return ()
        return tuple(one for one, _, _ in parked_under(self._engine, message.peer, message.order_key))

    def _read(self, peer: str, raw: bytes, charset: str) -> Document | None:
        """None for what cannot be read any more, e.g. when the peer's row was changed: the record says what is left."""
        try:
            return self._speeches.voice_of(peer).decode(raw, charset)
        except DocumentRefused:
            return None


def _record(peer: str, key: str, first: int, documents: Sequence[Document]) -> OpenFallout:
    pieces = [one.header.piece for one in documents if one.header.piece is not None]
    group = pieces[0].group if pieces else key
    total = pieces[0].total if pieces else 0
    here = sorted({one.at for one in pieces})
    missing = [at for at in range(1, total + 1) if at not in here]
    about = {"peer": peer, "group": group, "total": total, "here": here, "missing": missing}
    if documents:
        about |= {"code": documents[0].row.code, "serial": documents[0].header.serial}
    wanted = ", ".join(map(str, missing)) or "?"
    return OpenFallout(
        INCOMPLETE,
        f"{peer} 的分包组 {group} 共 {total} 包，缺第 {wanted} 包：请对端补发，或跳过该报文（bssgw fallout skip）",
        f"Package group {group} of {peer} has {total} packages, {wanted} are missing: ask the sender for them, or skip"
        " the message (bssgw fallout skip)",
        symbol="SEGMENT_SEQUENCE", area=documents[0].header.area if documents else "", message_id=first, about=about,
        id=record_of(first),
    )  # fmt: skip
