"""WS-Security UsernameToken with password digest (spec 01.3): who says so knows the password, now, for the first time or with
the same bytes again.

Digest = Base64(SHA-1(nonce + created + password)), as the profile fixes it.  Time and nonces are handed in.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections import OrderedDict
from datetime import UTC, datetime
from html import escape

from lxml import etree

from adapters.soap.names import BASE64, PASSWORD_DIGEST, SECURITY, SECURITY_UTILITY

WINDOW_MS = 300_000
"""How far Created may be from our clock."""
KEEP_MS = 600_000
"""How long a nonce is remembered: longer than any token that carries it is valid."""
MOST_NONCES = 200_000


def digest_of(nonce: bytes, created: str, password: str) -> str:
    """The profile's password digest."""
    return base64.b64encode(hashlib.sha1(nonce + created.encode() + password.encode()).digest()).decode("ascii")


def username_token(user: str, password: str, nonce: bytes, now: int) -> bytes:
    """The Security header block for ``user`` at ``now`` (ms)."""
    created = f"{datetime.fromtimestamp(now / 1000, UTC):%Y-%m-%dT%H:%M:%S}.{now % 1000:03d}Z"
    shown = base64.b64encode(nonce).decode("ascii")
    return (
        f'<wsse:Security xmlns:wsse="{SECURITY}" xmlns:wsu="{SECURITY_UTILITY}"><wsse:UsernameToken>'
        f'<wsse:Username>{escape(user, quote=False)}</wsse:Username><wsse:Password Type="{PASSWORD_DIGEST}">'
        f'{digest_of(nonce, created, password)}</wsse:Password><wsse:Nonce EncodingType="{BASE64}">{shown}</wsse:Nonce>'
        f"<wsu:Created>{created}</wsu:Created></wsse:UsernameToken></wsse:Security>"
    ).encode()


class Nonces:
    """Nonces seen within the last ten minutes."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, bytes], tuple[int, bytes]] = OrderedDict()

    def first(self, user: str, nonce: bytes, now: int, around: bytes = b"") -> bool:
        """Whether ``user`` uses ``nonce`` for the first time, or again around the same bytes (``around``: their digest; empty:
        never again); False too while more are remembered than anybody needs."""
        while self._seen and next(iter(self._seen.values()))[0] <= now:
            self._seen.popitem(last=False)
        known = self._seen.get((user, nonce))
        if known is not None:
            return bool(around) and known[1] == around
        if len(self._seen) >= MOST_NONCES:
            return False
        self._seen[user, nonce] = now + KEEP_MS, around
        return True


def verify(
    security: etree._Element | None, user: str, password: str, now: int, nonces: Nonces, around: bytes = b""
) -> str | None:
    """None if the token proves ``user``; else why not, for the log (the peer only hears that it failed). ``around``: see
    ``Nonces.first``."""
    token = None if security is None else security.find(f"{{{SECURITY}}}UsernameToken")
    if token is None:
        return "no UsernameToken"
    texts = {etree.QName(child).localname: (child.text or "").strip() for child in token}
    given = token.find(f"{{{SECURITY}}}Password")
    if given is None or given.get("Type") != PASSWORD_DIGEST:
        return "no password digest"
    created = _instant(texts.get("Created", ""))
    if created is None or abs(now - created) > WINDOW_MS:
        return "Created outside the window"
    try:
        # white space within says nothing (xsd:base64Binary): toolkits fold long lines
        nonce = base64.b64decode("".join(texts.get("Nonce", "").split()), validate=True)
    except (binascii.Error, ValueError):
        return "Nonce is not base64"
    wanted = digest_of(nonce, texts["Created"], password)
    right_user = hmac.compare_digest(texts.get("Username", "").encode(), user.encode())
    if not hmac.compare_digest(texts.get("Password", "").encode(), wanted.encode()) or not right_user:
        return "wrong user or password"
    return None if nonces.first(user, nonce, now, around) else "nonce used before"


def _instant(created: str) -> int | None:
    try:
        stamp = datetime.fromisoformat(created)
    except ValueError:
        return None
    return int((stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)).timestamp() * 1000)
