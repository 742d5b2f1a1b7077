"""Groups of commands over the real store, as the worker runs them, without the worker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import Engine

from adapters.store.mapping import FALLOUT, STAGE
from adapters.store.store import Store
from adapters.store.unit import StoreUnit
from crm_core.errors import DomainError
from crm_core.events import Event
from crm_core.fallout.model import Fallout
from crm_core.orders.model import OrderChange, StageRecord
from crm_core.ports import Command, Outcome
from tests.crm_core.samples import CHANNEL, NOW, REFERENCE


def publish(event: Event, unit: StoreUnit) -> tuple[str, ...]:
    """One serial an event, no message."""
    return (f"CRM00120261122000000{unit.store.next('serial'):010d}",)


class StoreHarness:
    """A store under test; ``group`` is one transaction."""

    def __init__(self, engine: Engine, remember: int = 6000) -> None:
        self.engine = engine
        self.store = Store(engine, remember=remember)

    def begin(self, commands: Sequence[Command]) -> list[Outcome | DomainError]:
        """Everything up to the commit."""
        store = self.store
        store.begin()
        store.prefetch((key for command in commands for key in command.prefetch()), ())
        answers: list[Outcome | DomainError] = []
        for command in commands:
            unit = StoreUnit(store, NOW, REFERENCE, CHANNEL, publish)
            try:
                answers.append(command.execute(unit))
            except DomainError as error:
                answers.append(error)
            else:
                unit.merge()
        store.flush()
        return answers

    def group(self, commands: Sequence[Command]) -> list[Outcome | DomainError]:
        """One group, committed."""
        try:
            answers = self.begin(commands)
            self.store.commit()
        except BaseException:
            self.store.rollback()
            raise
        self.store.committed()
        return answers

    def rows(self, sql: str, **values: Any) -> list[tuple[Any, ...]]:
        """As committed."""
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(sql), values)]

    def fallout(self, fallout_id: str) -> Fallout | None:
        """As committed."""
        sql = f"SELECT {', '.join(FALLOUT.columns)} FROM fallout WHERE id = :id"
        found = [FALLOUT.entity(row) for row in self.rows(sql, id=fallout_id)]
        return found[0] if found else None

    def stages(self, service_order_id: str) -> list[StageRecord]:
        """As committed."""
        sql = f"SELECT {', '.join(STAGE.columns)} FROM stage_record WHERE service_order_id = :id ORDER BY report_seq"
        return [STAGE.entity(row) for row in self.rows(sql, id=service_order_id)]

    def changes(self, service_order_id: str) -> list[OrderChange]:
        """As committed; what moved is kept as text."""
        sql = (
            "SELECT subject_id, at, input, actor, serial, state_from, state_to FROM history "
            "WHERE subject = 'order' AND subject_id = :id ORDER BY chain, seq"
        )
        return [OrderChange(*row) for row in self.rows(sql, id=service_order_id)]
