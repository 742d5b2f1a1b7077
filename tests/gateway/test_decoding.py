"""Decoding beside the reactor's process: same documents, same order, nothing lost when the other process dies."""

from __future__ import annotations

import io
import marshal
from typing import Any

import pytest

from adapters.document import Document, DocumentRefused
from adapters.xml.codec import Codec
from gateway.decode_worker import serve
from gateway.decoding import BUSY_FROM, FRAME, STALLED_S, InlineDecoder, ProcessDecoder
from gateway.proof.heap_clock import HeapClock
from schemas.loader import load

GOOD = sorted((load().root / "samples" / "SubmitOrder").glob("ok_p*.xml"))
BAD = sorted((load().root / "samples" / "SubmitOrder").glob("bad_*.xml"))


class Pipe:
    """The other process's end of the pipes, answered by the worker's own code when asked to."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.signals: list[str] = []
        self.closed = False

    def writeToChild(self, fd: int, data: bytes) -> None:
        self.sent.append(data)

    def closeStdin(self) -> None:
        self.closed = True

    def signalProcess(self, name: str) -> None:
        self.signals.append(name)


class Reactor:
    """Starts processes that are pipes."""

    def __init__(self) -> None:
        self.started: list[tuple[Any, Pipe]] = []

    def spawnProcess(self, protocol: Any, *_args: Any, **_kwargs: Any) -> None:
        protocol.transport = Pipe()
        self.started.append((protocol, protocol.transport))


class Rig:
    """A decoder under a clock; ``results`` in the order they were told."""

    def __init__(self, busy: int = BUSY_FROM) -> None:
        self.clock = HeapClock(1_000_000)
        self.reactor = Reactor()
        self.busy = busy
        self.decoder = ProcessDecoder(self.reactor, self.clock, Codec(load()), lambda: self.busy)
        self.results: list[tuple[str, Document | None, DocumentRefused | None]] = []

    def ask(self, name: str, raw: bytes) -> None:
        self.decoder.decode(raw, "UTF-8", None, lambda document, refusal: self.results.append((name, document, refusal)))

    def answer(self, pieces: int = 1) -> None:
        """The other process does its work; its answer arrives in ``pieces``."""
        protocol, pipe = self.reactor.started[-1]
        sink = io.BytesIO()
        serve(io.BytesIO(b"".join(pipe.sent)), sink)
        pipe.sent.clear()
        data = sink.getvalue()
        size = max(1, len(data) // pieces)
        for at in range(0, len(data), size):
            protocol.childDataReceived(1, data[at : at + size])


def test_an_idle_gateway_decodes_at_once_and_starts_nothing() -> None:
    rig = Rig(busy=0)
    rig.ask("a", GOOD[0].read_bytes())
    assert [name for name, document, _ in rig.results if document is not None] == ["a"]
    assert rig.reactor.started == []


@pytest.mark.parametrize("pieces", [1, 2, 50])
def test_the_other_process_gives_the_same_documents_in_order(pieces: int) -> None:
    rig = Rig()
    for path in GOOD:
        rig.ask(path.name, path.read_bytes())
    rig.clock.advance(1)
    assert rig.results == []
    assert rig.decoder.pending == len(GOOD)
    rig.answer(pieces)
    codec = Codec(load())
    assert [(name, document) for name, document, _ in rig.results] == [
        (path.name, codec.decode(path.read_bytes(), "UTF-8")) for path in GOOD
    ]


def test_faults_are_those_found_here() -> None:
    rig = Rig()
    rig.ask("bad", BAD[0].read_bytes())
    rig.ask("good", GOOD[0].read_bytes())
    rig.clock.advance(1)
    rig.answer()
    inline: list[Any] = []
    InlineDecoder(Codec(load())).decode(BAD[0].read_bytes(), "UTF-8", None, lambda _, refusal: inline.append(refusal))
    (first, nothing, refusal), (second, document, _) = rig.results
    assert (first, second, nothing) == ("bad", "good", None)
    assert refusal is not None
    assert (refusal.symbol, refusal.faults) == (inline[0].symbol, inline[0].faults)
    assert document is not None


def test_what_a_dead_process_held_is_decoded_here_in_order() -> None:
    rig = Rig()
    for path in GOOD:
        rig.ask(path.name, path.read_bytes())
    rig.clock.advance(1)
    rig.reactor.started[0][0].processEnded(None)
    assert [name for name, document, _ in rig.results if document is not None] == [path.name for path in GOOD]
    rig.ask("later", GOOD[0].read_bytes())
    assert (rig.results[-1][0], len(rig.reactor.started)) == ("later", 1)


def test_once_some_are_there_all_follow() -> None:
    rig = Rig()
    rig.ask("first", GOOD[0].read_bytes())
    rig.busy = 0
    rig.ask("second", GOOD[1].read_bytes())
    assert rig.results == []
    rig.clock.advance(1)
    rig.answer()
    assert [name for name, *_ in rig.results] == ["first", "second"]


def test_a_process_that_answers_nothing_is_replaced() -> None:
    rig = Rig()
    rig.ask("a", GOOD[0].read_bytes())
    rig.clock.advance(int(STALLED_S * 2500))
    assert rig.reactor.started[0][1].signals == ["KILL"]


def test_stopping_ends_the_process() -> None:
    rig = Rig()
    rig.ask("a", GOOD[0].read_bytes())
    rig.decoder.stop()
    assert rig.reactor.started[0][1].closed


def test_the_worker_ends_in_mid_frame() -> None:
    sink = io.BytesIO()
    data = marshal.dumps([])
    serve(io.BytesIO(len(data).to_bytes(FRAME, "big") + data + b"\x00\x00"), sink)
    assert sink.getvalue() == len(data).to_bytes(FRAME, "big") + data
