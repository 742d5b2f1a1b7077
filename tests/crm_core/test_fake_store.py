"""The fake keeps the contract it tests others by."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from crm_core.errors import DomainError
from crm_core.fakes import FakeStore, FakeUnitOfWork
from crm_core.fallout.model import Fallout
from crm_core.orders.model import OrderChange, StageRecord
from crm_core.ports import Command, Outcome
from crm_core.products.model import ProductInstance
from tests.crm_core.contract import ENTITIES, Do, Harness, UnitOfWorkContract, fresh
from tests.crm_core.samples import CHANNEL, NOW, REFERENCE


class FakeHarness:
    """A fake store; a group is its commands one after the other."""

    def __init__(self) -> None:
        self.store = FakeStore()

    def group(self, commands: Sequence[Command]) -> list[Outcome | DomainError]:
        """Each committed at once: nobody looks in between."""
        answers: list[Outcome | DomainError] = []
        for command in commands:
            try:
                answers.append(self.store.run(command, NOW, REFERENCE, CHANNEL))
            except DomainError as error:
                answers.append(error)
        return answers

    def fallout(self, fallout_id: str) -> Fallout | None:
        """As committed."""
        return self.store.table(Fallout).get(fallout_id)

    def stages(self, service_order_id: str) -> list[StageRecord]:
        """As committed."""
        return [record for record in self.store.stages if record.service_order_id == service_order_id]

    def changes(self, service_order_id: str) -> list[OrderChange]:
        """As committed."""
        return [change for change in self.store.changes if change.service_order_id == service_order_id]


class TestFakeStore(UnitOfWorkContract):
    """The contract over the fake."""

    @pytest.fixture
    def harness(self) -> Harness:
        """An empty fake."""
        return FakeHarness()


def test_the_fake_refuses_what_a_store_could_not_do() -> None:
    store = FakeStore()
    store.table(ProductInstance)["PI1"] = fresh("instance")
    uow = FakeUnitOfWork(store, NOW, REFERENCE, CHANNEL)
    with pytest.raises(KeyError):
        uow.add(fresh("instance"))
    with pytest.raises(KeyError):
        uow.save(fresh("instance"))
    assert Do(lambda uow: None, (("instance", "PI1"),)).prefetch() == (("instance", ENTITIES["instance"].id),)
