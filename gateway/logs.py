"""Logs: one JSON object a line in the data directory, a short line for people on the console; both from structlog.

Times come from the one clock.  Bodies and personal data never enter a log: what could carry them is dropped by name, so that
a careless call cannot leak.  What repeats is told once a minute (``gateway.damping``), and a disk that is full stops nobody
(``gateway.log_file``).
"""

from __future__ import annotations

import json
import logging
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, cast

import structlog
from twisted.logger import globalLogPublisher

from adapters.wire.times import wire_time
from gateway.clock import Clock, iso_time
from gateway.damping import Damper
from gateway.log_file import LogFile

Event = MutableMapping[str, Any]

FILE_NAME = "gateway.log"

WITHHELD = frozenset({"body", "raw", "document", "answer", "name", "phone", "mobile", "email", "contact", "certificate_no"})
"""Keys that may carry a message's content or a person's data; their values are replaced."""

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def _withhold(_: Any, __: str, event: Event) -> Event:
    for key in event.keys() & WITHHELD:
        event[key] = "—"
    return event


def _json(_: Any, __: str, event: Event) -> str:
    return json.dumps(event, ensure_ascii=False, default=str)


def _console(clock: Clock) -> Any:
    def render(_: Any, __: str, event: Event) -> str:
        local = wire_time(clock.now())
        shown = {key: value for key, value in event.items() if key not in ("at", "level", "event", "exception")}
        fields = " ".join(f"{key}={value}" for key, value in shown.items())
        line = f"{local[8:10]}:{local[10:12]}:{local[12:]} {event['level']:<7} {event['event']} {fields}".rstrip()
        return f"{line}\n{event['exception']}" if "exception" in event else line

    return render


def _twisted_failure(event: Any) -> None:
    """What Twisted would print and nobody handled: an error of ours, with where it came from."""
    failure = event.get("log_failure")
    if failure is not None:
        where = (type(failure.value), failure.value, failure.getTracebackObject())
        structlog.get_logger().error("unhandled", exc_info=where)


def _tell_lost(lost: int) -> None:
    zh, en = "日志又能写了，期间缺这么多条", "the log can be written again, so many entries are missing"
    structlog.get_logger().warning("log.resumed", lost=lost, zh=zh, en=en)


class Logs:
    """Logging of a process; ``close`` before it ends so that nothing is left unwritten.  Raises OSError when the folder
    cannot be written."""

    def __init__(self, folder: Path, level: str, clock: Clock, *, console: bool = True) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / FILE_NAME

        def stamp(_: Any, method: str, event: Event) -> Event:
            level = "error" if method == "exception" else method
            return {"at": iso_time(clock.now()), "level": level, **event}

        self._file = LogFile(self.path, clock, _tell_lost)
        self._damper = Damper(clock, self._say)
        handlers: list[tuple[logging.Handler, Any, int]] = [(self._file, _json, LEVELS[level])]
        if console:
            handlers.append((logging.StreamHandler(), _console(clock), max(LEVELS[level], logging.WARNING)))
        self._root = logging.getLogger("bssgw")
        self._root.propagate = False
        self._root.setLevel(LEVELS[level])
        self._handlers = []
        for handler, render, lowest in handlers:
            handler.setLevel(lowest)
            handler.setFormatter(
                structlog.stdlib.ProcessorFormatter(
                    processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render]
                )
            )
            self._root.addHandler(handler)
            self._handlers.append(handler)
        structlog.configure(
            processors=[
                structlog.stdlib.filter_by_level,
                stamp,
                structlog.processors.format_exc_info,
                self._damper,
                _withhold,
                structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
            ],
            logger_factory=lambda *_: self._root,
            wrapper_class=structlog.stdlib.BoundLogger,
            cache_logger_on_first_use=False,
        )

        self._publisher = cast(Any, globalLogPublisher)  # its interface is declared to zope, not to the type checker
        self._publisher.addObserver(_twisted_failure)

    def reopen(self) -> None:
        """What follows goes to a file opened anew (whoever rotates logs with a tool of their own has moved the old one)."""
        self._file.reopen()

    def _say(self, event: Event) -> None:
        """An entry that was held back, as it would have been written."""
        ready, passed = structlog.stdlib.ProcessorFormatter.wrap_for_formatter(
            self._root, event["level"], _withhold(None, "", event)
        )
        self._root.log(LEVELS[event["level"]], ready[0], extra=passed["extra"])

    def close(self) -> None:
        """Flushes and closes the files and gives structlog back its defaults."""
        self._damper.tell()
        self._publisher.removeObserver(_twisted_failure)
        for handler in self._handlers:
            self._root.removeHandler(handler)
            handler.close()
        structlog.reset_defaults()
