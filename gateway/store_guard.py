"""The store's file under a running gateway: the one that was opened, still where it was, with room to write.

SQLite goes on writing into a file that was removed or replaced, and every acknowledgement would be lost with the process.
So each group begins with a look whether the file (and its write-ahead log) is still the one that is open; where it is not,
nothing more is acknowledged, and nothing is closed, as what was acknowledged then lives in the open files only.

A full disk lets an empty transaction through.  So a store that refused is only tried again once the directory takes as much as
a group may need.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from adapters.store.driver import StoreFault
from adapters.store.store import Store

ROOM_BYTES = 1 << 20
"""What the directory must take before a store that refused is tried again."""
SCRATCH = "gateway.room"

Mark = tuple[int, int] | None


class StoreFile:
    """The file at ``path`` as it is now; its log as it is once there is one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._wal = path.with_name(f"{path.name}-wal")
        self._file_mark = _mark(path)
        self._wal_mark: Mark = None

    def fault(self) -> str:
        """Why this is not the file that was opened, in both languages; empty where it is."""
        if _mark(self.path) != self._file_mark:
            gone = self.path
        elif self._wal_mark is not None and _mark(self._wal) != self._wal_mark:
            gone = self._wal
        else:
            return ""
        return (
            f"{gone} 被移走、删除或替换：先不要停止网关，放回原文件即自动继续，或按 docs/when-it-goes-wrong.md 取回"
            f" / {gone} was moved, removed or replaced: do not stop the gateway yet; put the file back and it goes on, or"
            " fetch the data as docs/when-it-goes-wrong.md says"
        )

    def room(self) -> str:
        """Why the directory does not take ``ROOM_BYTES`` more; empty where it does."""
        scratch = self.path.with_name(SCRATCH)
        try:
            try:
                scratch.write_bytes(bytes(ROOM_BYTES))
            finally:
                with suppress(FileNotFoundError):
                    scratch.unlink()
        except OSError as fault:
            why = fault.strerror or str(fault)
            return (
                f"{self.path.parent} 写不进 {ROOM_BYTES >> 20} MiB（{why}）：腾出空间或改正权限后自动继续"
                f" / {self.path.parent} does not take {ROOM_BYTES >> 20} MiB ({why}): free space or mend permissions,"
                " it goes on by itself"
            )
        return ""

    def free(self) -> str:
        """How much the device has left for us, for people."""
        try:
            found = os.statvfs(self.path.parent)
        except OSError as fault:
            return fault.strerror or str(fault)
        return f"{found.f_bavail * found.f_frsize >> 10} KiB free"

    def begun(self) -> None:
        """A transaction is open: the log that is there is the one written to."""
        if self._wal_mark is None:
            self._wal_mark = _mark(self._wal)

    def closed(self) -> None:
        """Nobody has the file open: the next log is another."""
        self._wal_mark = None


class GuardedStore(Store):
    """A store on ``file``; raises ``StoreFault`` (storage) from ``begin`` where the file is not fit."""

    def __init__(self, engine: Engine, file: StoreFile) -> None:
        super().__init__(engine)
        self._file = file
        self._refused = False

    def begin(self) -> None:
        """As ever, on the file that was opened."""
        why = self._file.fault() or (self._file.room() if self._refused else "")
        if why:
            raise StoreFault("storage", why)
        try:
            super().begin()
        except StoreFault as fault:
            raise self._judged(fault) from fault
        self._file.begun()

    def flush(self) -> None:
        """As ever; remembers a refusal."""
        try:
            super().flush()
        except StoreFault as fault:
            raise self._judged(fault) from fault

    def commit(self) -> None:
        """As ever; remembers a refusal."""
        try:
            super().commit()
        except StoreFault as fault:
            raise self._judged(fault) from fault

    def committed(self) -> None:
        """It can be written."""
        self._refused = False
        super().committed()

    def close(self) -> None:
        """As ever, but a file that is not where it was stays open: there may be no other way to it."""
        if not self._file.fault():
            super().close()
            self._file.closed()

    def _judged(self, fault: StoreFault) -> StoreFault:
        if fault.kind != "storage":
            return fault
        self._refused = True
        return StoreFault("storage", f"{fault} ({self._file.path}, {self._file.free()})")


def only_this_file(engine: Engine, file: StoreFile) -> None:
    """Connections of ``engine`` are made to no other file: SQLite would make an empty one, and take its log away when done."""

    @event.listens_for(engine, "do_connect")
    def _look(*_: Any) -> None:
        why = file.fault()
        if why:
            raise sqlite3.OperationalError(why)


def _mark(path: Path) -> Mark:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
