"""Messages about the link itself, answered by the gateway without the core (spec 02.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from adapters.store.unit import StoreUnit
from crm_core.errors import OrderUnknown
from crm_core.ports import Command, Outcome, UnitOfWork
from gateway.desk.reconcile_command import Reconcile
from gateway.ledgers import Ledgers

MOST = 1000
"""Entries of a list in one answer."""


class MessageLog(Protocol):
    """The part of the message log RX04 asks."""

    def fate(self, sender: str, serial: str) -> tuple[str, str, bytes | None] | None:
        """State, result code and answer of an inbound message; None if it was never seen."""


@dataclass(frozen=True, slots=True)
class LinkTest:
    """LN03: the same text comes back."""

    text: str

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """Nothing."""
        return ()

    def execute(self, uow: UnitOfWork) -> Outcome:
        """The answer."""
        return Outcome("OK", body={"text": self.text})


@dataclass(frozen=True, slots=True)
class Logout:
    """LN02: noted; the login has ended where it came in (``gateway.links.door``)."""

    reason: str

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """Nothing."""
        return ()

    def execute(self, uow: UnitOfWork) -> Outcome:
        """The receipt."""
        return Outcome("ACCEPTED")


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """LN04: which versions and messages are served, normal or busy; ``look`` gives the answer's fields."""

    look: Callable[[], dict[str, Any]]

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """Nothing."""
        return ()

    def execute(self, uow: UnitOfWork) -> Outcome:
        """The answer."""
        return Outcome("OK", body=self.look())


@dataclass(frozen=True, slots=True)
class QueryMessage:
    """RX04: unseen, stored, applied or refused, with the answer as it was sent."""

    sender: str
    serial: str
    log: MessageLog

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """Nothing of the core's."""
        return ()

    def execute(self, uow: UnitOfWork) -> Outcome:
        """The answer, from the inbox and the message log. Only one's own messages can be asked after."""
        body: dict[str, Any] = {"sender": self.sender, "serial": self.serial, "state": "unseen"}
        fate = self.log.fate(self.sender, self.serial) if uow.origin.sender == self.sender else None
        if fate is not None:
            state, code, answer = fate
            body["state"] = {"DONE": "applied", "REJECTED": "refused"}.get(state, "stored")
            if answer is not None:
                body["stored_answer"] = {"serial": self.serial, "result_code": code, "document": _text(answer)}
        return Outcome("OK", body=body)


Again = Callable[[StoreUnit, str, list[str]], tuple[list[str], list[str]]]
"""Judges serials a peer wants once more: which will be sent, which are unknown (``gateway.outbox.redelivery``)."""


@dataclass(frozen=True, slots=True)
class Redeliver:
    """RX03: ``serials`` of ours, or reports ``from_seq`` to ``to_seq`` of ``order``: ours have no numbers, all are unknown."""

    again: Again
    serials: list[str] | None = None
    order: str = ""
    from_seq: int = 0
    to_seq: int = -1

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The order asked about."""
        return () if self.serials is not None else (("order", self.order),)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """The answer; what is sent leaves after the commit. Raises ``OrderUnknown`` (3003)."""
        if not isinstance(uow, StoreUnit):
            raise TypeError("messages are sent again from the message log only")
        if self.serials is None:
            if uow.order(self.order) is None:
                raise OrderUnknown(f"没有定单 {self.order}", f"There is no order {self.order}")
            first, last = self.from_seq, min(self.to_seq, self.from_seq + MOST - 1)
            unknown = list(range(first, last + 1))
            return Outcome("OK", body={"unknown_seqs": unknown} if unknown else {})
        redelivered, missing = self.again(uow, uow.origin.sender, self.serials)
        body: dict[str, Any] = {"redelivered": [{"serial": serial} for serial in redelivered]} if redelivered else {}
        return Outcome("OK", body=body | ({"unknown_serials": missing} if missing else {}))


def _text(answer: bytes) -> str:
    """Our own answers are in a charset we wrote; it is named in their declaration."""
    head = answer[:80].decode("ascii", "ignore")
    charset = "utf-8" if 'encoding="UTF-8"' in head else "gb18030"
    return answer.decode(charset)


def link_commands(
    look: Callable[[], dict[str, Any]], log: MessageLog, again: Again, role_of: Callable[[str], str | None], ledgers: Ledgers
) -> dict[str, Callable[[dict[str, Any]], Command]]:
    """Makers of the gateway's own commands by the name rows use, beside the core's."""
    return {
        "ReconcileSummary": lambda body: Reconcile("ReconcileSummary", body, role_of, ledgers),
        "ReconcileDetail": lambda body: Reconcile("ReconcileDetail", body, role_of, ledgers),
        "LinkTest": lambda body: LinkTest(body["text"]),
        "ServiceStatus": lambda body: ServiceStatus(look),
        "Logout": lambda body: Logout(body["reason"]),
        "Redeliver": lambda body: Redeliver(
            again, body.get("serials"), body.get("service_order_id", ""), body.get("from_seq", 0), body.get("to_seq", -1)
        ),
        "QueryMessage": lambda body: QueryMessage(body["sender"], body["serial"], log),
    }
