"""RX01 and RX02 as a command: our ledger is read beside the worker first, the worker only tells it (spec 02.1, 06.3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from adapters.reconciliation import PAIRS, Ledger, answer
from crm_core.errors import DomainError
from crm_core.ports import Outcome, UnitOfWork
from gateway.ledgers import Ledgers, LedgersBusy, selection

_SYMBOLS: dict[type[Exception], str] = {SQLAlchemyError: "STORAGE", LedgersBusy: "BUSY"}
"""What a ledger that cannot be read is to who asked."""


class Reconcile:
    """``element`` about the pair the asking system is one of; ``body`` as it came."""

    __slots__ = ("_body", "_element", "_ledger", "_ledgers", "_role_of")

    def __init__(self, element: str, body: dict[str, Any], role_of: Callable[[str], str | None], ledgers: Ledgers) -> None:
        self._element = element
        self._body = body
        self._role_of = role_of
        self._ledgers = ledgers
        self._ledger: Ledger | None = None

    def read(self, sender: str, ready: Callable[[], None], failed: Callable[[str], None]) -> None:
        """Before it is executed: ``ready`` when it can be, ``failed`` with the symbol of what is in the way."""
        body = self._body
        try:
            which = None if self._foreign(sender) else selection(sender, body)
        except ValueError:
            which = None
        if which is None:
            ready()
            return

        def read(found: Ledger | None, fault: Exception | None) -> None:
            self._ledger = found
            if fault is None:
                ready()
            else:
                failed(next((symbol for kind, symbol in _SYMBOLS.items() if isinstance(fault, kind)), "INTERNAL"))

        self._ledgers.ask(which, body.get("page_no", 1) if self._element == "ReconcileDetail" else 1, read)

    def _foreign(self, sender: str) -> bool:
        pair: str = self._body["pair"]
        return PAIRS.get(self._role_of(sender) or "") != pair

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """Nothing of the core's."""
        return ()

    def execute(self, uow: UnitOfWork) -> Outcome:
        """The answer. Raises DomainError: 2002 for somebody else's pair, 3025 for no such day."""
        sender, pair = uow.origin.sender, self._body["pair"]
        if self._foreign(sender):
            raise DomainError(f"{sender} 不在 {pair} 之中", f"{sender} is no side of {pair}", code="NOT_PERMITTED")
        if self._ledger is None:
            raise DomainError("日期不存在", "There is no such day", code="DATE_INVALID")
        return Outcome("OK", body=answer(self._element, self._body, self._ledger))
