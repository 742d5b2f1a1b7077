"""Login on a link (LN01, spec 02.1): HMAC-SHA-256 of a shared secret over user, time and nonce; nothing secret travels."""

from __future__ import annotations

import hmac

from adapters.soap.security import Nonces
from adapters.wire.times import from_wire_time, wire_time

WINDOW_MS = 300_000
"""How far the time of a login may lie from ours."""
NONCE_BYTES = 16


def digest_of(secret: str, user: str, time: str, nonce: str) -> str:
    """The digest of a login, lower-case hex; ``time`` is ``yyyyMMddHHmmss``."""
    return hmac.new(secret.encode(), f"{user}{time}{nonce}".encode(), "sha256").hexdigest()


def credentials(user: str, secret: str, now: int, nonce: bytes) -> dict[str, str]:
    """The body of a Login at ``now`` (ms)."""
    time, text = wire_time(now), nonce.hex()
    return {"user": user, "time": time, "nonce": text, "digest": digest_of(secret, user, time, text)}


class Doorkeeper:
    """Judges logins; a nonce counts once."""

    def __init__(self) -> None:
        self._nonces = Nonces()

    def why_not(self, body: dict[str, str], user: str, secret: str, now: int) -> str | None:
        """None if ``body`` logs in as ``user`` who shares ``secret``; else why not, for the log (the peer hears only 2003)."""
        try:
            sent = from_wire_time(body["time"])
        except ValueError:
            return "no such time"
        if abs(now - sent) > WINDOW_MS:
            return "time outside the window"
        wanted = digest_of(secret, user, body["time"], body["nonce"])
        right_user = hmac.compare_digest(body["user"].encode(), user.encode())
        if not hmac.compare_digest(body["digest"].lower().encode(), wanted.encode()) or not right_user:
            return "wrong user or secret"
        return None if self._nonces.first(user, body["nonce"].encode(), now) else "nonce used before"
