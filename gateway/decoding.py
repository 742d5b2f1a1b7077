"""Where documents are decoded: in the reactor's own process, or beside it when there is much to do (architecture 4).

Parsing and validating are a third of what an order costs and need nothing but the bytes.  While the worker has nothing waiting
a document is decoded here at once; under load it goes to a process of its own and comes back as plain values, in order.
That process keeps nothing: whatever it cannot decode, and whatever it held when it died, is decoded here, which also finds and
explains the faults.  The simulation decodes inline.
"""

from __future__ import annotations

import marshal
import os
import sys
from collections.abc import Callable
from operator import attrgetter
from typing import Any, Protocol

import structlog
from twisted.internet.protocol import ProcessProtocol

from adapters.document import Document, DocumentRefused, Header
from adapters.xml.codec import Codec
from gateway.clock import Clock

log = structlog.get_logger()

Done = Callable[[Document | None, DocumentRefused | None], None]
Expect = dict[str, str] | None

header_values: Callable[[Header], tuple[Any, ...]] = attrgetter(*Header.__dataclass_fields__)

FRAME = 4
"""Bytes of a frame's length, big-endian, before its marshalled list; both ends are this program."""
BUSY_FROM = 8
"""Jobs waiting for the worker from which on a document is worth the way to another process."""
STALLED_S = 10.0
"""A decoding process that answers nothing for so long while it is asked is replaced."""
RESTART_S = 5.0
"""How long everything is decoded here after a decoding process died."""


class Decoder(Protocol):
    """Turns bytes into documents, now or later, in the order asked."""

    @property
    def pending(self) -> int:
        """Documents not decoded yet."""

    def decode(self, raw: bytes, charset: str, expect: Expect, done: Done) -> None:
        """Calls ``done`` with the document or with the refusal."""

    def stop(self) -> None:
        """Ends what was started."""


def decode_here(codec: Codec, raw: bytes, charset: str, expect: Expect, done: Done) -> None:
    """In this process, at once."""
    try:
        document = codec.decode(raw, charset, expect)
    except DocumentRefused as refusal:
        done(None, refusal)
        return
    done(document, None)


class InlineDecoder:
    """Everything in this process."""

    pending = 0

    def __init__(self, codec: Codec) -> None:
        self._codec = codec

    def decode(self, raw: bytes, charset: str, expect: Expect, done: Done) -> None:
        """At once."""
        decode_here(self._codec, raw, charset, expect, done)

    def stop(self) -> None:
        """Nothing was started."""


class ProcessDecoder:
    """Here while idle, in a process of its own under load. ``busy`` says how many jobs wait for the worker."""

    def __init__(self, reactor: Any, clock: Clock, codec: Codec, busy: Callable[[], int]) -> None:
        self._reactor = reactor
        self._clock = clock
        self._codec = codec
        self._busy = busy
        self._waiting: dict[int, tuple[bytes, str, Expect, Done]] = {}
        self._batch: list[tuple[int, bytes, str, Expect]] = []
        self._number = 0
        self._process: _Worker | None = None
        self._not_before = 0
        self._heard_at = 0
        self._stopped = False

    @property
    def pending(self) -> int:
        """Documents at the other process."""
        return len(self._waiting)

    def decode(self, raw: bytes, charset: str, expect: Expect, done: Done) -> None:
        """Here, or there if there is much to do; once some are there, all follow, so that none overtakes."""
        if not self._waiting and (self._busy() < BUSY_FROM or not self._available()):
            decode_here(self._codec, raw, charset, expect, done)
            return
        self._number += 1
        self._waiting[self._number] = (raw, charset, expect, done)
        if not self._batch:
            self._clock.callLater(0, self._flush)
        self._batch.append((self._number, raw, charset, expect))

    def _available(self) -> bool:
        if self._process is None and not self._stopped and self._clock.now() >= self._not_before:
            self._start()
        return self._process is not None

    def _start(self) -> None:
        self._process = worker = _Worker(self._answered, self._died)
        arguments = [sys.executable, "-m", "gateway.decode_worker"]
        self._reactor.spawnProcess(worker, sys.executable, arguments, env=os.environ, childFDs={0: "w", 1: "r", 2: 2})
        self._heard_at = self._clock.now()
        self._clock.callLater(STALLED_S, self._watch, worker)
        log.info("decoder.started")

    def _flush(self) -> None:
        batch, self._batch = self._batch, []
        if batch and self._process is not None:
            self._process.send(batch)

    def _answered(self, results: list[tuple[int, str | None, tuple[Any, ...], dict[str, Any]]]) -> None:
        self._heard_at = self._clock.now()
        catalogue = self._codec.catalogue
        for number, element, header, body in results:
            raw, charset, expect, done = self._waiting.pop(number)
            if element is None:
                decode_here(self._codec, raw, charset, expect, done)
                continue
            head = Header(*header)
            done(Document(catalogue.message(head.code, head.version), element, head, body), None)

    def _died(self, worker: _Worker) -> None:
        """What it held is decoded here, in order; another one is started when there is need and some time has passed."""
        if worker is not self._process:
            return
        self._process = None
        self._not_before = self._clock.now() + int(RESTART_S * 1000)
        waiting, self._waiting = self._waiting, {}
        self._batch = []
        if not self._stopped:
            log.warning("decoder.ended", held=len(waiting))
            for raw, charset, expect, done in waiting.values():
                decode_here(self._codec, raw, charset, expect, done)

    def _watch(self, worker: _Worker) -> None:
        if worker is not self._process:
            return
        if self._waiting and self._clock.now() - self._heard_at > STALLED_S * 1000:
            log.warning("decoder.stalled", held=len(self._waiting))
            worker.kill()
            return
        if not self._waiting:
            self._heard_at = self._clock.now()
        self._clock.callLater(STALLED_S, self._watch, worker)

    def stop(self) -> None:
        """Ends the process; what it held was never answered, so the peers send it again."""
        self._stopped = True
        if self._process is not None:
            self._process.end()


class _Worker(ProcessProtocol):
    """The pipes of the decoding process."""

    transport: Any

    def __init__(self, answered: Callable[[list[Any]], None], died: Callable[[_Worker], None]) -> None:
        self._answered = answered
        self._died = died
        self._buffer = bytearray()

    def send(self, batch: list[Any]) -> None:
        """One frame of requests."""
        data = marshal.dumps(batch)
        self.transport.writeToChild(0, len(data).to_bytes(FRAME, "big") + data)

    def end(self) -> None:
        """Its input ends, and so does it."""
        self.transport.closeStdin()

    def kill(self) -> None:
        """It does not answer."""
        self.transport.signalProcess("KILL")

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        """Answers, cut into frames."""
        buffer = self._buffer
        buffer += data
        while len(buffer) >= FRAME:
            size = int.from_bytes(buffer[:FRAME], "big")
            if len(buffer) < FRAME + size:
                return
            frame = bytes(buffer[FRAME : FRAME + size])
            del buffer[: FRAME + size]
            self._answered(marshal.loads(frame))

    def processEnded(self, reason: Any) -> None:
        """Gone, for whatever reason."""
        self._died(self)
