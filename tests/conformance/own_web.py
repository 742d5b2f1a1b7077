"""Our own CRM behind HTTP in virtual time, and somebody in between who distorts what passes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol

from conformance.loader import load_suite
from conformance.model import RunResult
from conformance.pics import LISTEN, Pics
from conformance.session import Plan, Session
from conformance.web import Message, WebReader, written
from gateway.clock import Entropy
from gateway.proof.heap_clock import HeapClock
from gateway.proof.network import MemoryNetwork
from gateway.proof.own_crm import OwnCrm

START_MS = 1_795_309_200_000
_CRM = "mem://crm"
_SUT = "mem://distorted"
Change = Callable[[Message], bytes]
"""What becomes of a message that passes."""


def as_it_is(message: Message) -> bytes:
    """Its bytes."""
    return message.raw


def again(message: Message, body: bytes | None = None, status: str = "", **headers: str) -> bytes:
    """The message with another body, status or headers (an empty one is left out)."""
    first = (message.first[0], status or message.first[1], message.first[2])
    kept = {name.lower(): value for name, value in message.headers}
    kept |= {name.replace("_", "-").lower(): value for name, value in headers.items()}
    kept.pop("transfer-encoding", None)
    kept.pop("content-encoding", None)
    data = message.body if body is None else body
    kept["content-length"] = str(len(data))
    return written(" ".join(first), kept.items(), data)


class _Far(Protocol):
    def __init__(self, near: _Near) -> None:
        self.near = near
        self.reader = WebReader(False)

    def dataReceived(self, data: bytes) -> None:
        for message in self.reader.feed(data):
            self.near.write(self.near.after(message))

    def connectionLost(self, reason: Any = None) -> None:
        wire: Any = self.near.transport
        wire.loseConnection()


class _Near(Protocol):
    def __init__(self, network: MemoryNetwork, before: Change, after: Change) -> None:
        self.network, self.before, self.after = network, before, after
        self.reader = WebReader(True)
        self.far: Any = None
        self.waiting = b""

    def connectionMade(self) -> None:
        factory = Factory.forProtocol(lambda: _Far(self))
        factory.noisy = False
        self.network.client(_CRM).connect(factory).addCallback(self._stands)

    def _stands(self, far: _Far) -> None:
        self.far = far
        far.transport.write(self.waiting)

    def dataReceived(self, data: bytes) -> None:
        for message in self.reader.feed(data):
            data = self.before(message)
            if self.far is None:
                self.waiting += data
            else:
                self.far.transport.write(data)

    def write(self, data: bytes) -> None:
        wire: Any = self.transport
        wire.write(data)


class OwnWeb:
    """One CRM for many sessions: ``pics`` say how everybody speaks with it."""

    def __init__(self, **pics: Any) -> None:
        self.clock = HeapClock(START_MS)
        self.network = MemoryNetwork(self.clock, Entropy(3))
        self.pics = Pics(listen={role: f"mem://suite-{role}" for role in LISTEN}, **pics)
        self.crm = OwnCrm(_CRM, self.pics, self.clock, Entropy(4), self.network)
        self.crm.start()
        self._seed = 0

    def play(
        self, suite: str, *only: str, before: Change = as_it_is, after: Change = as_it_is, ours: Pics | None = None
    ) -> RunResult:
        """The cases, everything between distorted so; ``ours``: the questionnaire where it is not that of the CRM."""
        self._seed += 1
        port: list[Any] = []
        target = _CRM
        if before is not as_it_is or after is not as_it_is:
            target = _SUT
            factory = Factory.forProtocol(lambda: _Near(self.network, before, after))
            factory.noisy = False
            self.network.server(_SUT).listen(factory).addCallback(port.append)
        plan = Plan(suite, "CRM", target, ours or self.pics, self._seed, only, width=32)
        session = Session(load_suite(), plan, self.clock, Entropy(self._seed), self.network)
        done: list[Any] = []
        Deferred.fromCoroutine(session.run()).addBoth(done.append)
        self.clock.run_until(lambda: bool(done), self.clock.now() + 7 * 86_400_000)
        for one in port:
            one.stopListening()
        if not isinstance(done[0], RunResult):
            done[0].raiseException()
        outcome: RunResult = done[0]
        return outcome
