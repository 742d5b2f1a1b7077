"""The log's file: rotated by size, opened anew when somebody moved or removed it, and a disk that is full costs one line a
minute on the console instead of a traceback an entry.

What could not be written is counted and told in the file once it can be.
"""

from __future__ import annotations

import logging
import logging.handlers
import os
import sys
from collections.abc import Callable
from pathlib import Path

from gateway.clock import Clock

MAX_BYTES = 10 << 20
KEPT = 5
TOLD_EVERY_MS = 60_000


class LogFile(logging.handlers.RotatingFileHandler):
    """``recovered`` hears how many entries were lost, after the first one that is written again. Raises OSError at first."""

    def __init__(self, path: Path, clock: Clock, recovered: Callable[[int], None]) -> None:
        super().__init__(path, maxBytes=MAX_BYTES, backupCount=KEPT, encoding="utf-8")
        self._clock = clock
        self._recovered = recovered
        self._lost = 0
        self._told_at: int | None = None
        self._failed = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write it, in the file that is there now."""
        self._failed = False
        if self._moved():
            self.reopen()
        super().emit(record)
        if self._lost and not self._failed:
            lost, self._lost, self._told_at = self._lost, 0, None
            self._recovered(lost)

    def reopen(self) -> None:
        """The next entry goes to a file opened anew."""
        self.acquire()
        try:
            stream, self.stream = self.stream, None
            if stream is not None:
                stream.close()
        except OSError:
            self._lost += 1  # what it still held cannot be written; told with the rest
        finally:
            self.release()

    def close(self) -> None:
        """As ever; what cannot be written any more does not keep the process from ending."""
        self.reopen()
        super().close()

    def handleError(self, record: logging.LogRecord) -> None:
        """Count it; say why on the console, once a minute. A defect of ours is told as ever."""
        fault = sys.exc_info()[1]
        if not isinstance(fault, OSError):
            super().handleError(record)
            return
        self._failed = True
        self._lost += 1
        now = self._clock.now()
        if self._told_at is not None and 0 <= now - self._told_at < TOLD_EVERY_MS:
            return
        self._told_at = now
        why = f"{self.baseFilename}: {fault.strerror or fault}"
        line = (
            f"日志写不进去（{why}），已缺 {self._lost} 条：腾出空间或改正权限后自动继续"
            f" / the log cannot be written ({why}), {self._lost} entries are missing: free space or mend permissions,"
            " it goes on by itself"
        )
        print(line, file=sys.stderr, flush=True)

    def _moved(self) -> bool:
        if self.stream is None:
            return False
        try:
            there, mine = os.stat(self.baseFilename), os.fstat(self.stream.fileno())
        except OSError:
            return True
        return (there.st_dev, there.st_ino) != (mine.st_dev, mine.st_ino)
