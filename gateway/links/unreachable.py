"""Why a peer's address could not be connected to, for people: in both languages, with what to do, and not at every attempt.

An attempt a minute for hours says one thing: told at first, when the reason changes, and now and then while it lasts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import structlog
from twisted.internet import error
from twisted.internet.defer import CancelledError
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.python.failure import Failure

from gateway.clock import Clock
from gateway.tls.faults import TlsFailed

log = structlog.get_logger()

TOLD_EVERY_MS = 600_000
"""How often a reason that lasts is told."""

_WHY: tuple[tuple[tuple[type[BaseException], ...], str, str], ...] = (
    (
        (error.ConnectionRefusedError,),
        "那里没有程序在听：对方系统是否在运行，connect 的地址与端口是否写对",
        "nobody listens there: does the peer's system run, are address and port in connect right",
    ),
    (
        (error.DNSLookupError, error.UnknownHostError),
        "主机名解析不出：核对 connect 的写法与 DNS",
        "the name does not resolve: check connect and DNS",
    ),
    (
        (error.TimeoutError, error.TCPTimedOutError, DeferredTimeout, CancelledError),
        "连接超时：对方主机没开、网络不通或防火墙丢弃；tls:// 时也可能那里不说 TLS",
        "no answer in time: the host is off, the network is down, or a firewall drops it; with tls:// maybe no TLS is spoken",
    ),
    (
        (error.NoRouteError,),
        "没有到那里的路由：核对地址与网络",
        "there is no route: check the address and the network",
    ),
)
_OTHER = ("连不上", "cannot be connected to")


def why(failure: Failure) -> tuple[str, str, str]:
    """Chinese, English, and what the system said."""
    found = failure.value
    if isinstance(found, TlsFailed):
        return found.fault.zh, found.fault.en, found.fault.detail
    zh, en = next(((zh, en) for kinds, zh, en in _WHY if isinstance(found, kinds)), _OTHER)
    said = "" if isinstance(found, (DeferredTimeout, CancelledError)) else " ".join(failure.getErrorMessage().split())
    return zh, en, said


@dataclass(slots=True)
class _Outage:
    """One address since it failed first: ``told`` is the reason that was logged last."""

    since: int
    tries: int = 0
    told: str = ""
    told_at: int = 0


class Outages:
    """Addresses of ``peer`` that fail, by name."""

    def __init__(self, peer: str, clock: Clock) -> None:
        self._peer = peer
        self._clock = clock
        self._by_address: dict[str, _Outage] = {}

    def failed(self, address: str, failure: Failure) -> str:
        """One more connect failed; the reason as one line."""
        now = self._clock.now()
        zh, en, detail = why(failure)
        outage = self._by_address.setdefault(address, _Outage(now))
        outage.tries += 1
        if zh != outage.told or not 0 <= now - outage.told_at < TOLD_EVERY_MS:
            outage.told, outage.told_at = zh, now
            fields: dict[str, Any] = {"tries": outage.tries, "down_s": (now - outage.since) // 1000}
            log.warning("link.unreachable", peer=self._peer, address=address, zh=zh, en=en, detail=detail, **fields)
        return f"{address}: {zh} / {en}" + (f" ({detail})" if detail else "")

    def reached(self, address: str) -> None:
        """It answers."""
        outage = self._by_address.pop(address, None)
        if outage is not None:
            down_s = (self._clock.now() - outage.since) // 1000
            log.warning("link.reachable", peer=self._peer, address=address, tries=outage.tries, down_s=down_s,
                        zh="又连上了", en="connected again")  # fmt: skip
