"""Real sockets on 127.0.0.1 for one test: a reactor of its own, ended when the coroutine is."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.selectreactor import SelectReactor
from twisted.internet.task import deferLater

_LIMIT_S = 120.0


class Sockets:
    """``reactor`` and what tests do with it."""

    def __init__(self) -> None:
        self.reactor: Any = SelectReactor()

    def run(self, main: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """The coroutine's result; a test that hangs fails."""
        done: list[Any] = []

        def begin() -> None:
            running = Deferred.fromCoroutine(main())
            running.addTimeout(_LIMIT_S, self.reactor)
            running.addBoth(done.append)
            running.addBoth(lambda _: self.reactor.stop())

        self.reactor.callWhenRunning(begin)
        self.reactor.run(installSignalHandlers=False)
        if hasattr(done[0], "raiseException"):
            done[0].raiseException()
        return done[0]

    async def until(self, holds: Callable[[], bool]) -> None:
        """Turn the reactor until something holds."""
        while not holds():
            await deferLater(self.reactor, 0.005)

    async def serve(self, make: Callable[[], Protocol]) -> tuple[str, Any]:
        """Listen with protocols of this kind: the address, and the port."""

        class Made(Factory):
            noisy = False

            def buildProtocol(self, addr: Any) -> Protocol:
                return make()

        port = await TCP4ServerEndpoint(self.reactor, 0, interface="127.0.0.1").listen(Made())
        return f"tcp://127.0.0.1:{port.getHost().port}", port
