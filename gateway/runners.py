"""Who executes and who commits a group of the writer (architecture 4).

SQLite: execute in the reactor thread, COMMIT alone on a thread, whose wait releases the interpreter; two busy Python threads
would fight for it.  Meanwhile the next group is executed (``overlaps``).  PostgreSQL: everything on one thread, as most of it
is waiting for the server.  Simulation: inline.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

Done = Callable[[Any, Exception | None], None]


class InlineRunner:
    """Everything at once, in the caller's thread: simulation and tests."""

    overlaps = False

    def run(self, prepare: Callable[[], Any], commit: Callable[[], None], done: Done) -> None:
        """Prepare, commit, report."""
        try:
            result = prepare()
            commit()
        except Exception as error:  # handed on, never swallowed: the writer judges every error
            done(None, error)
            return
        done(result, None)

    def stop(self) -> None:
        """Nothing to end."""


class CommitThreadRunner:
    """Prepare here, commit on a thread of its own; ``call_in_reactor`` is the reactor's ``callFromThread``."""

    overlaps = True

    def __init__(self, call_in_reactor: Callable[..., Any]) -> None:
        self._call = call_in_reactor
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="commit")

    def run(self, prepare: Callable[[], Any], commit: Callable[[], None], done: Done) -> None:
        """Prepare now; commit and report later."""
        try:
            result = prepare()
        except Exception as error:  # handed on, never swallowed: the writer judges every error
            # Not from within the writer's own turn: its state must be settled first.
            self._pool.submit(self._call, done, None, error)
            return
        self._pool.submit(self._commit, commit, result, done)

    def _commit(self, commit: Callable[[], None], result: Any, done: Done) -> None:
        try:
            commit()
        except Exception as error:  # handed on, never swallowed: the writer judges every error
            self._call(done, None, error)
            return
        self._call(done, result, None)

    def stop(self) -> None:
        """Waits for the commit under way."""
        self._pool.shutdown(wait=True)


class ThreadRunner:
    """Everything on one thread; for a database across the network."""

    overlaps = False

    def __init__(self, call_in_reactor: Callable[..., Any]) -> None:
        self._call = call_in_reactor
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="writer")

    def run(self, prepare: Callable[[], Any], commit: Callable[[], None], done: Done) -> None:
        """Prepare and commit on the thread; report in the reactor's."""
        self._pool.submit(self._work, prepare, commit, done)

    def _work(self, prepare: Callable[[], Any], commit: Callable[[], None], done: Done) -> None:
        try:
            result = prepare()
            commit()
        except Exception as error:  # handed on, never swallowed: the writer judges every error
            self._call(done, None, error)
            return
        self._call(done, result, None)

    def stop(self) -> None:
        """Waits for the group under way."""
        self._pool.shutdown(wait=True)
