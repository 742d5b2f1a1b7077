"""What a gateway says while it is proven: nothing in the log of the process, and every exception nobody handled."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from twisted.python import log as twisted_log


@contextmanager
def quietly() -> Iterator[None]:
    """Without the gateway's log lines: broken connections are part of the plot."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)


@contextmanager
def unhandled() -> Iterator[list[str]]:
    """Exceptions that ended in nobody's hands while this lasts."""
    found: list[str] = []

    def note(event: dict[str, Any]) -> None:
        if event.get("isError"):
            failure = event.get("failure")
            found.append(failure.getTraceback() if failure is not None else str(event.get("message")))

    twisted_log.addObserver(note)
    try:
        yield found
    finally:
        twisted_log.removeObserver(note)
