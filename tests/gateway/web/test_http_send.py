"""An answer goes to the socket at once; what the socket says of its end is not lost by that."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST

from gateway.config.http import HttpLimits
from gateway.proof.heap_clock import HeapClock
from gateway.web.site import HardenedChannel, HttpSite


class Socket:
    """A transport whose socket answers a try with ``verdict``."""

    def __init__(self, verdict: Any) -> None:
        self.verdict = verdict
        self.written: list[bytes] = []
        self.queued = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def doWrite(self) -> Any:
        return self.verdict

    def startWriting(self) -> None:
        self.queued = True


@pytest.mark.parametrize(("verdict", "queued"), [(None, False), (CONNECTION_DONE, True), (CONNECTION_LOST, True)])
def test_the_reactor_is_asked_again_only_where_the_socket_ended(verdict: Any, queued: bool) -> None:
    channel = HardenedChannel(HttpSite(HttpLimits(), HeapClock(0), lambda request: None))
    channel.transport = socket = Socket(verdict)
    channel.send(b"answer")
    assert (socket.written, socket.queued) == ([b"answer"], queued)
