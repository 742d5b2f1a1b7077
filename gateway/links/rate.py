"""How many messages a peer may send: token buckets on the injected clock, one a peer and one an address (spec 02: 2006).

A peer row without ``[peer.rate]`` costs nothing.  What comes beyond the limit is answered 2006 and stored nowhere, so that
the peer may send the same bytes again later.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import structlog

from gateway.clock import Clock
from gateway.config.model import Peer

log = structlog.get_logger()

MOST_ADDRESSES = 4096
"""Addresses of one peer that have a bucket of their own; all further ones share one."""
_SWEEP_MS = 1_000
"""How often full buckets of addresses are sought at most, however many strangers come."""
_QUIET_MS = 10_000
"""How often a peer beyond its limit is logged at most."""


class Bucket:
    """``per_second`` tokens come in evenly, ``burst`` at most are kept; full at the beginning."""

    __slots__ = ("_at", "_burst", "_per_ms", "_tokens")

    def __init__(self, per_second: float, burst: float, now: int) -> None:
        self._per_ms = per_second / 1000
        self._burst = burst
        self._tokens = burst
        self._at = now

    def lacks(self, now: int) -> int:
        """Milliseconds until there is a token; 0 when there is one."""
        if now > self._at:
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self._per_ms)
        self._at = now  # also of a clock set back: what comes in counts from there
        return 0 if self._tokens >= 1 else math.ceil((1 - self._tokens) / self._per_ms)

    def take(self) -> None:
        """One token less; to be called where ``lacks`` said 0."""
        self._tokens -= 1

    def is_full(self, now: int) -> bool:
        """Whether it would forget nothing by being made anew."""
        return self.lacks(now) == 0 and self._tokens >= self._burst


@dataclass(slots=True)
class _Limits:
    """What one peer has left, in all and by address."""

    peer: Peer
    whole: Bucket | None
    addresses: dict[str, Bucket] = field(default_factory=dict)
    sweep_at: int = 0
    refused: int = 0
    logged_at: int = 0

    def of_address(self, host: str, now: int) -> Bucket | None:
        rate = self.peer.rate
        if rate.per_address is None:
            return None
        found = self.addresses.get(host)
        if found is None:
            if len(self.addresses) >= MOST_ADDRESSES and now >= self.sweep_at:
                self.sweep_at = now + _SWEEP_MS
                self.addresses = {one: bucket for one, bucket in self.addresses.items() if not bucket.is_full(now)}
            host = host if len(self.addresses) < MOST_ADDRESSES else ""
            found = self.addresses.get(host) or Bucket(rate.per_address, rate.address_burst, now)
            self.addresses[host] = found
        return found


class Rates:
    """The limits of all peers that have any."""

    def __init__(self, peers: Iterable[Peer], clock: Clock) -> None:
        self._clock = clock
        now = clock.now()
        self._limits = {peer.id: _Limits(peer, _whole(peer, now)) for peer in peers if peer.rate.limits}
        self.any = bool(self._limits)

    def wait(self, peer_id: str, host: str) -> int:
        """0 where the peer may send a message from ``host`` now, which counts it; else milliseconds until it may."""
        limits = self._limits.get(peer_id)
        if limits is None:
            return 0
        now = self._clock.now()
        buckets = [bucket for bucket in (limits.whole, limits.of_address(host, now)) if bucket is not None]
        wait = max(bucket.lacks(now) for bucket in buckets)
        if wait:
            self._refused(limits, host, wait, now)
            return wait
        for bucket in buckets:
            bucket.take()
        return 0

    def _refused(self, limits: _Limits, host: str, wait: int, now: int) -> None:
        limits.refused += 1
        if now >= limits.logged_at:
            limits.logged_at = now + _QUIET_MS
            zh, en = "超过 [peer.rate] 上限，以 2006 拒绝", "beyond [peer.rate], refused with 2006"
            log.warning("rate.exceeded", peer=limits.peer.id, host=host, wait_ms=wait, refused=limits.refused, zh=zh, en=en)

    def status(self) -> list[dict[str, Any]]:
        """Each limited peer with its limits and how many messages were refused."""
        return [
            {"peer": peer_id, "messages": limits.peer.rate.messages, "per_address": limits.peer.rate.per_address,
             "addresses": len(limits.addresses), "refused": limits.refused}
            for peer_id, limits in self._limits.items()
        ]  # fmt: skip


def _whole(peer: Peer, now: int) -> Bucket | None:
    return None if peer.rate.messages is None else Bucket(peer.rate.messages, peer.rate.whole_burst, now)
