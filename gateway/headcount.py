"""How many connections a socket listener has, in all and by address, and how many it may have (``[listen.sockets]``)."""

from __future__ import annotations

import structlog

from gateway.config import SocketLimits

log = structlog.get_logger()

_TOLD_EVERY = 100
"""Of so many connections turned away one is logged."""


class Headcount:
    """Counts the connections of one listener; those beyond its limits are not let in."""

    def __init__(self, limits: SocketLimits) -> None:
        self.turned_away = 0
        self._limits = limits
        self._all = 0
        self._per_address: dict[str, int] = {}

    @property
    def connections(self) -> int:
        """Those that are there."""
        return self._all

    def enter(self, host: str) -> bool:
        """Whether one more may come from ``host``; if so it counts until ``leave``."""
        mine = self._per_address.get(host, 0)
        if self._all >= self._limits.max_connections or mine >= self._limits.max_per_address:
            self.turned_away += 1
            if self.turned_away % _TOLD_EVERY == 1:
                zh, en = "连接数已到 [listen.sockets] 上限", "the limit of connections in [listen.sockets] is reached"
                log.warning("listen.full", host=host, turned_away=self.turned_away, connections=self._all, zh=zh, en=en)
            return False
        self._all += 1
        self._per_address[host] = mine + 1
        return True

    def leave(self, host: str) -> None:
        """One of them has gone."""
        self._all -= 1
        self._per_address[host] -= 1
        if not self._per_address[host]:
            del self._per_address[host]
