"""The core's contract over the real store: SQLite in memory and on disk, PostgreSQL, with and without what it remembers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy.engine import Engine

from tests.adapters.store.harness import StoreHarness
from tests.crm_core.contract import UnitOfWorkContract


class TestStore(UnitOfWorkContract):
    """Remembering what it loaded."""

    @pytest.fixture
    def harness(self, engine: Engine) -> Iterator[StoreHarness]:
        """An empty store."""
        made = StoreHarness(engine)
        yield made
        made.store.close()


class TestForgetfulStore(UnitOfWorkContract):
    """Loading everything anew for each group."""

    @pytest.fixture
    def harness(self, sqlite_file: Engine) -> Iterator[StoreHarness]:
        """An empty store."""
        made = StoreHarness(sqlite_file, remember=0)
        yield made
        made.store.close()
