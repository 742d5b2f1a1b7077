"""A client that closes its sending half is owed its answers and nothing else (spec 01.1.3 rule 5, 01.3, 01.4)."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest

from gateway.clock import WallClock
from gateway.config.http import HttpLimits
from gateway.links.endpoints import TcpEndpoints
from gateway.web.request import HttpRequest
from gateway.web.site import HttpSite
from tests.conformance.sockets import Sockets
from tests.gateway.web.rig import Browser, Rig, browser, enveloped, request, submission, web_rig

ORDER = request("/soap", enveloped(submission(1)))


@pytest.fixture
def rig() -> Rig:
    return web_rig()


def half_closed(rig: Rig, *pieces: bytes) -> Browser:
    """A client that wrote so much and ended its half."""
    client = browser(rig)
    for piece in pieces:
        client.write(piece)
    transport: Any = client.transport
    transport.loseWriteConnection()
    return client


def test_who_closes_its_half_gets_the_answer_and_then_the_connection_ends(rig: Rig) -> None:
    client = half_closed(rig, ORDER)
    rig.run(1)
    (answer,) = client.responses()
    assert (answer.status, answer.code) == (200, "0001")
    assert not client.open


def test_an_answer_that_takes_its_time_is_waited_for(rig: Rig) -> None:
    waiting: list[HttpRequest] = []
    rig.gateway._https[0].site.handle = waiting.append
    client = half_closed(rig, ORDER + request("/soap?wsdl", method="GET"))
    for text in (b"one", b"two"):
        rig.run(1)
        waiting.pop().respond(200, text, "text/plain")
    rig.run(1)
    told = [(answer.body, answer.headers.get("connection")) for answer in client.responses()]
    assert told == [(b"one", None), (b"two", "close")]
    assert not client.open


def test_every_request_that_came_before_the_end_is_answered_in_its_order(rig: Rig) -> None:
    client = half_closed(rig, ORDER + request("/nowhere") + request("/soap?wsdl", method="GET"))
    rig.run(1)
    assert [answer.status for answer in client.responses()] == [200, 404, 200]
    assert not client.open


@pytest.mark.parametrize("begun", [ORDER[:-5], ORDER[:60], ORDER + ORDER[:60]])
def test_a_request_that_will_never_be_whole_is_refused_at_once(rig: Rig, begun: bytes) -> None:
    client = half_closed(rig, begun)
    rig.run(0.5)
    assert [answer.status for answer in client.responses()][-1] == 400
    assert not client.open


@pytest.mark.parametrize("sent", [(), (request("/nowhere"),)])
def test_without_a_request_the_connection_ends_at_once(rig: Rig, sent: tuple[bytes, ...]) -> None:
    client = browser(rig)
    for piece in sent:
        client.write(piece)
        rig.run(0.2)
    transport: Any = client.transport
    transport.loseWriteConnection()
    rig.run(0.2)
    assert not client.open
    assert len(client.responses()) == len(sent)


def test_who_closes_its_half_and_does_not_read_is_still_ended_at_the_deadline(rig: Rig) -> None:
    client = browser(rig)
    transport: Any = client.transport
    transport.pauseProducing()
    client.write(request("/soap?wsdl", method="GET") * 20)
    transport.loseWriteConnection()
    rig.run(200)
    assert rig.gateway._https[0].site.connections == 0


def test_on_real_sockets_too() -> None:
    """The answer comes later than the end of the client's half."""
    sockets = Sockets()
    clock: Any = WallClock(sockets.reactor)
    waiting: list[HttpRequest] = []
    site = HttpSite(HttpLimits(), clock, waiting.append)
    heard: list[bytes] = []

    def ask(port: int) -> None:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as wire:
            wire.sendall(ORDER)
            wire.shutdown(socket.SHUT_WR)
            heard.append(b"".join(iter(lambda: wire.recv(4096), b"")))

    async def main() -> None:
        listening: Any = await TcpEndpoints(sockets.reactor).server("tcp://127.0.0.1:0").listen(site)
        asking = threading.Thread(target=ask, args=(listening.getHost().port,))
        asking.start()
        await sockets.until(lambda: bool(waiting) and waiting[0].channel.half_closed)
        waiting[0].respond(200, b"here", "text/plain")
        await sockets.until(lambda: bool(heard))
        asking.join()
        await listening.stopListening()

    sockets.run(main)
    head, _, body = heard[0].partition(b"\r\n\r\n")
    assert (b"Connection: close" in head, body) == (True, b"here")
    assert (site.connections, len(waiting)) == (0, 1)
