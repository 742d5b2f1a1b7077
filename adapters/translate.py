"""Documents into commands, events into documents: by rows and field names, without a line per message (architecture 1, 6).

Inbound, the row's ``command`` names a use case of the core; its dataclass fields are the wire's field names.  Outbound,
every row whose ``on`` names the event becomes a message; its body takes from the event what the message's schema knows.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from typing import Any, Protocol

import crm_core
from adapters.document import Document
from adapters.store.message_machine import PARKED, READY
from adapters.store.rows import MessageRecord
from adapters.store.unit import StoreUnit
from adapters.wire.times import own_serial
from crm_core.events import Event
from crm_core.fallout.model import Fallout
from crm_core.ports import Command, Outcome, UnitOfWork
from schemas.loader import Catalogue
from schemas.model import MessageRow
from schemas.shape import Struct


class Directory(Protocol):
    """Who is who among the peers: filled from configuration."""

    @property
    def own_id(self) -> str:
        """Our system id."""

    def receiver(self, role: str, area: str) -> str | None:
        """System id of the peer that plays ``role`` for ``area``; None where nobody does."""

    def reachable(self, system_id: str) -> bool:
        """Whether a message can ever leave for a system."""

    def binding(self, system_id: str) -> str:
        """By what messages go to a system; empty for one that is no peer."""


@cache
def use_cases() -> dict[str, type]:
    """Every use case of the core by class name: frozen dataclasses with ``execute`` and ``prefetch``."""
    found: dict[str, type] = {}
    for info in pkgutil.walk_packages(crm_core.__path__, "crm_core."):
        module = importlib.import_module(info.name)
        for name, value in vars(module).items():
            if not (isinstance(value, type) and value.__module__ == info.name and is_dataclass(value)):
                continue
            if hasattr(value, "execute") and hasattr(value, "prefetch"):
                found[name] = value
    return found


Make = Callable[[dict[str, Any]], Command]
"""Makes a command of a document's body."""


class Inbound:
    """Documents into commands: the core's use cases, and ``others`` that a row may name as well."""

    def __init__(self, catalogue: Catalogue, others: dict[str, Make] | None = None) -> None:
        known = use_cases()
        self._makers: dict[str, Make] = {}
        for row in catalogue.messages():
            if row.command is None:
                continue
            own = (others or {}).get(row.command)
            self._makers[row.code] = own if own is not None else _maker(known[row.command])

    def command(self, document: Document) -> Command | None:
        """The command for a document; None if nothing in this system takes the message."""
        maker = self._makers.get(document.row.code)
        return None if maker is None else maker(document.body)


def _maker(cls: type) -> Make:
    names = tuple(f.name for f in fields(cls))

    def make(body: dict[str, Any]) -> Command:
        command: Command = cls(**{name: body[name] for name in names if name in body})
        return command

    return make


class Outbound:
    """Events into outbound messages, in the transaction of the change that caused them."""

    def __init__(self, catalogue: Catalogue, directory: Directory) -> None:
        self._directory = directory
        self._catalogue = catalogue
        self._plans: dict[str, list[tuple[MessageRow, tuple[str, ...]]]] = {}
        for row in catalogue.messages():
            shape = catalogue.shape(row.name)
            if not isinstance(shape, Struct):
                raise TypeError(row.code)
            names = tuple(field.name for field in shape.fields)
            for event in row.on:
                self._plans.setdefault(event, []).append((row, names))

    def publish(self, event: Event, unit: StoreUnit) -> tuple[str, ...]:
        """Puts the event's messages on the unit; returns their serials. Nobody to tell: the message is parked, not lost."""
        serials = []
        for row, names in self._plans.get(type(event).__name__, ()):
            receiver = event.to if event.to is not None else self._receiver(row, event.area)
            if receiver is not None and not self._directory.reachable(receiver):
                receiver = None
            body = self._body(event, names)
            store = unit.store
            serial = own_serial(self._directory.own_id, unit.now, store.next("serial"))
            message = MessageRecord(
                id=store.next("message"),
                direction="out",
                peer=receiver or event.to or row.routes[0].receiver,
                binding=self._directory.binding(receiver or event.to or ""),
                code=row.code,
                element=row.name,
                serial=serial,
                ref_serial=event.ref_serial,
                area=event.area,
                order_key=event.key,
                state=READY if receiver else PARKED,
                error_class=None if receiver else "not_sent",
                due_at=unit.now,
                first_seen=unit.now,
            )
            unit.send(message, body)
            if receiver is None:
                unit.add(_nobody_to_tell(row, message, event, unit))
            serials.append(serial)
        return tuple(serials)

    def _body(self, event: Event, names: tuple[str, ...]) -> dict[str, Any]:
        """The event's fields the message's schema knows; an event's ``image`` holds fields of the same standing."""
        image: dict[str, Any] = getattr(event, "image", {})
        body = {}
        for name in names:
            value = getattr(event, name, MISSING)
            if value is MISSING:
                value = image.get(name)
            if value is not None:
                body[name] = value
        if image:
            return body
        for rows in ("items", "instances"):
            if rows in body:
                body[rows] = [self._numbered(row) for row in body[rows]]
        numbered: dict[str, Any] = self._numbered(body)
        return numbered

    def _numbered(self, item: Any) -> Any:
        """The core says why by symbol; the wire's codes are numbers (02.2). Ids have nothing to number."""
        if not isinstance(item, dict):
            return item
        return {**item, "code": self._catalogue.result(item["code"]).code} if "code" in item else item

    def _receiver(self, row: MessageRow, area: str) -> str | None:
        for route in row.routes:
            found = self._directory.receiver(route.receiver, area)
            if found is not None:
                return found
        return None


def _nobody_to_tell(row: MessageRow, message: MessageRecord, event: Event, unit: StoreUnit) -> Fallout:
    """The record of a message that no configured peer can be sent: parked, seen, sent again once the configuration is right."""
    roles = "/".join(route.receiver for route in row.routes)
    return Fallout(
        id=unit.new_id("FO"),
        error_class="not_sent",
        opened_at=unit.now,
        zh=f"{row.code} {row.zh} 没有可送达的接收方（{roles}，本地网 {event.area}）：请在配置中登记",
        en=f"{row.code} {row.name} has no receiver that can be reached ({roles}, area {event.area}): add the peer",
        symbol="PEER_UNAVAILABLE",
        service_order_id=getattr(event, "service_order_id", None),
        message_id=message.id,
        area=event.area,
        about={"code": row.code, "serial": message.serial, "key": event.key},
    )


@dataclass(frozen=True, slots=True)
class Both:
    """Two commands in one: that a message was taken, and what came of it."""

    taken: Command
    result: Command

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """What either names."""
        return (*self.taken.prefetch(), *self.result.prefetch())

    def execute(self, uow: UnitOfWork) -> Outcome:
        """One after the other; raises what either raises."""
        self.taken.execute(uow)
        return self.result.execute(uow)


class ReceiptCommands:
    """The commands that hear what became of an outbound message, where its row names them: ``on_answer`` the answer of a Q,
    ``on_receipt`` what a receipt said."""

    def __init__(self, catalogue: Catalogue) -> None:
        known = self._known = use_cases()
        self._results = {
            row.code: {one.name: one.command for one in map(catalogue.message, row.result)} for row in catalogue.messages()
        }
        self._classes: dict[str, tuple[type, tuple[str, ...]]] = {}
        for row in catalogue.messages():
            for name in (row.on_receipt, row.on_answer):
                if name is not None:
                    self._classes[name] = (known[name], tuple(f.name for f in fields(known[name])))

    def listens(self, row: MessageRow) -> bool:
        """Whether the core wants to know what becomes of such a message."""
        return row.on_receipt is not None or row.on_answer is not None

    def command(
        self,
        row: MessageRow,
        document: dict[str, Any] | None,
        *,
        accepted: bool,
        symbol: str,
        answer: dict[str, Any] | None = None,
        said: Document | None = None,
    ) -> Command | None:
        """The command with the message's own fields, those of its ``answer`` over them, and the verdict; None if nobody in the
        core listens.  Where what the peer ``said`` is the result itself (01.1.4, blocking), the core hears of that too."""
        heard = self._heard(row, document, answer, accepted=accepted, symbol=symbol)
        result = None if said is None or said.element not in self._results.get(row.code, ()) else self._result(said)
        return heard if result is None else result if heard is None else Both(heard, result)

    def _result(self, said: Document) -> Command | None:
        name = self._results[said.row.code][said.element]
        return None if name is None else _maker(self._known[name])(said.body)

    def _heard(
        self, row: MessageRow, document: dict[str, Any] | None, answer: dict[str, Any] | None, *, accepted: bool, symbol: str
    ) -> Command | None:
        name = row.on_answer if answer is not None else row.on_receipt
        if name is None or document is None:
            return None
        cls, names = self._classes[name]
        given = {**document, **(answer or {}), "accepted": accepted, "symbol": symbol}
        command: Command = cls(**{name: given[name] for name in names if name in given})
        return command
