"""How many connections a socket listener has, in all and by address, and how many it may have (``[listen.sockets]``).

Who connects and goes without having said who it is costs its address; an address that does so too often is not let in for a
while.  A peer that is known may come and go as often as it likes.
"""

from __future__ import annotations

import structlog

from gateway.clock import Clock
from gateway.config.model import SocketLimits
from gateway.links.rate import Bucket

log = structlog.get_logger()

_TOLD_EVERY = 100
"""Of so many connections turned away one is logged."""
MOST_ADDRESSES = 4096
"""Addresses strangers came from that are remembered."""
_MINUTE_S = 60


class Headcount:
    """Counts the connections of one listener; those beyond its limits are not let in."""

    def __init__(self, limits: SocketLimits, clock: Clock) -> None:
        self.turned_away = 0
        self._limits = limits
        self._clock = clock
        self._all = 0
        self._per_address: dict[str, int] = {}
        self._strangers: dict[str, Bucket] = {}

    @property
    def connections(self) -> int:
        """Those that are there."""
        return self._all

    def enter(self, host: str) -> bool:
        """Whether one more may come from ``host``; if so it counts until ``leave``."""
        mine = self._per_address.get(host, 0)
        if self._all >= self._limits.max_connections or mine >= self._limits.max_per_address:
            self._told(host, "连接数已到 [listen.sockets] 上限", "the limit of connections in [listen.sockets] is reached")
            return False
        strangers = self._strangers.get(host)
        if strangers is not None and strangers.lacks(self._clock.now()):
            zh = "该地址未表明身份的连接过多（[listen.sockets] strangers）"
            self._told(host, zh, "too many connections of that address end unknown (strangers in [listen.sockets])")
            return False
        self._all += 1
        self._per_address[host] = mine + 1
        return True

    def _told(self, host: str, zh: str, en: str) -> None:
        self.turned_away += 1
        if self.turned_away % _TOLD_EVERY == 1:
            log.warning("listen.full", host=host, turned_away=self.turned_away, connections=self._all, zh=zh, en=en)

    def leave(self, host: str, *, known: bool) -> None:
        """One of them has gone; ``known``: it had said who it is."""
        self._all -= 1
        self._per_address[host] -= 1
        if not self._per_address[host]:
            del self._per_address[host]
        if not known:
            self._stranger(host)

    def _stranger(self, host: str) -> None:
        now = self._clock.now()
        bucket = self._strangers.get(host)
        if bucket is None:
            if len(self._strangers) >= MOST_ADDRESSES:
                kept = {one: left for one, left in self._strangers.items() if not left.is_full(now)}
                self._strangers = kept if len(kept) < MOST_ADDRESSES else {}
            bucket = self._strangers[host] = Bucket(self._limits.strangers / _MINUTE_S, self._limits.strangers, now)
        if not bucket.lacks(now):
            bucket.take()
