"""The data directory: made if missing, writable, and held by one gateway at a time (its store is never shared).

The lock is the operating system's (flock): it ends with its process whatever kills it, so there is never a stale one.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK_NAME = "gateway.lock"


class DirectoryUnusable(Exception):
    """The directory cannot be made or written."""

    def __init__(self, directory: Path, reason: str) -> None:
        self.zh = f"数据目录 {directory} 不可写（{reason}）：改正权限，或用 --data-dir 换一个目录"
        self.en = f"data directory {directory} cannot be written ({reason}): mend its permissions or choose with --data-dir"
        super().__init__(f"{self.zh} / {self.en}")


class DirectoryHeld(Exception):
    """Another gateway works in the directory."""

    def __init__(self, directory: Path, owner: str) -> None:
        self.zh = f"数据目录 {directory} 正被另一个网关使用（进程 {owner}）：先停止它，或用 --data-dir 换一个目录"
        self.en = f"data directory {directory} is in use by another gateway (process {owner}): stop it or use --data-dir"
        super().__init__(f"{self.zh} / {self.en}")


@contextmanager
def held(directory: Path) -> Iterator[None]:
    """Makes the directory and holds it. Raises DirectoryUnusable, DirectoryHeld."""
    path = directory / LOCK_NAME
    try:
        directory.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as fault:
        raise DirectoryUnusable(directory, fault.strerror or str(fault)) from fault
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as fault:
            raise DirectoryHeld(directory, os.read(descriptor, 20).decode("ascii", "replace").strip() or "?") from fault
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
