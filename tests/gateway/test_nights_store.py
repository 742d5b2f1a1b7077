"""Nights of the store's file: removed, replaced, put back, on a disk that is full (06.1: local resource)."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from adapters.store import tables as t
from adapters.store.driver import StoreFault
from adapters.store.engine import open_engine
from gateway.service import PROBE_S
from gateway.store_guard import SCRATCH, GuardedStore, StoreFile, only_this_file
from tests.gateway.rig import Rig, packet_of, submission


class Night:
    """A gateway on a file, and a channel with orders."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.engine = open_engine(f"sqlite:///{path}")
        t.metadata.create_all(self.engine)
        file = StoreFile(path)
        self.store = GuardedStore(self.engine, file)
        only_this_file(self.engine, file)
        self.rig = Rig(store=self.store)
        self.channel = self.rig.caller()
        self._number = 0

    def order(self) -> str:
        """One more order, and the code it is told."""
        self._number += 1
        self.channel.send(packet_of(submission(self._number)))
        self.rig.run(0.1)
        return [packet for packet in self.channel.got if packet.is_answer][-1].result

    @property
    def said(self) -> str:
        return str(self.rig.gateway.status()["writer"]["storage_fault"] or "")


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Night]:
    made = Night(tmp_path / "gateway.db")
    assert made.order() == "0001"
    yield made
    made.engine.dispose()


@pytest.mark.parametrize("what", ["gateway.db", "gateway.db-wal"])
def test_with_its_file_moved_nothing_is_acknowledged_and_it_goes_on_once_it_is_back(night: Night, what: str) -> None:
    file = night.path.with_name(what)
    file.rename(file.with_name("gone"))
    assert night.order() == "9004"
    night.rig.run(PROBE_S * 3)
    assert f"{file} was moved, removed or replaced" in night.said
    file.with_name("gone").rename(file)
    night.rig.run(PROBE_S * 2)
    assert (night.order(), night.said) == ("0001", "")


def test_another_file_in_its_place_is_not_taken_for_it(night: Night) -> None:
    night.path.rename(night.path.with_name("gone"))
    night.path.write_bytes(night.path.with_name("gone").read_bytes())
    assert night.order() == "9004"
    night.rig.run(PROBE_S * 3)
    assert night.order() == "9004"


def test_what_was_acknowledged_stays_open_when_the_file_is_removed(night: Night) -> None:
    night.path.unlink()
    night.order()
    night.rig.run(PROBE_S * 3)
    orders = night.store.driver.all("SELECT count(*) FROM service_order")
    assert orders == [(1,)]


def test_whoever_reads_makes_no_empty_file_in_its_place(night: Night) -> None:
    night.path.unlink()
    with pytest.raises(OperationalError, match="was moved, removed or replaced"), night.engine.connect() as connection:
        connection.execute(text("SELECT 1"))
    assert not night.path.exists()


def test_on_a_full_disk_intake_stays_closed_until_there_is_room(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, _: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", full)
        patched.setattr(night.store.driver, "commit", _refuse)
        assert night.order() == "9004"
        assert f"database or disk is full ({night.path}, " in night.said
        night.rig.run(PROBE_S * 5)
        assert "No space left on device" in night.said
        assert night.order() == "9004"
    night.rig.run(PROBE_S * 2)
    assert (night.said, night.order()) == ("", "0001")
    assert not night.path.with_name(SCRATCH).exists()


def _refuse() -> None:
    raise StoreFault("storage", "OperationalError: database or disk is full")
