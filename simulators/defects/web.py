"""Flaws of HTTP and SOAP on whole requests and responses: what is taken, and who is let in (spec 01.3, 01.4).

They stand in front of a system that does it properly: what it should have turned away is made good before it gets there,
what it should have taken is spoilt, and what it says itself is spoilt behind it.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass

from adapters.soap.names import BASE64, PASSWORD_DIGEST, SECURITY, SECURITY_UTILITY
from adapters.soap.security import digest_of
from simulators.defects.flaw import Flaw

_END = b"\r\n\r\n"
_SENDER, _SERIAL = re.compile(rb"<Sender>([^<]+)<"), re.compile(rb"<Serial>([^<]+)<")
_BASIC = re.compile(rb"\r\nauthorization:[ \t]*([^\r\n]*)", re.IGNORECASE)
_LENGTH = re.compile(rb"(\r\ncontent-length:[ \t]*)\d+", re.IGNORECASE)
_TOKEN = re.compile(rb"<wsse:Security\b.*?</wsse:Security>", re.DOTALL)
_TEXT = rb"<(?:wsse|wsu):NAME\b[^>]*>([^<]*)<"
_HEADER = b"<soap:Header>"


def secret_of(system: str) -> str:
    """What a system that is judged shares with ``system``, whose user is its id."""
    return f"example-secret-of-{system}"


@dataclass(frozen=True, slots=True)
class Shown:
    """What a request shows: as whom it speaks, as whom it is shown, whose password it bears, if it was shown before."""

    sender: str
    user: str = ""
    right: tuple[str, ...] = ()
    known: bool = False
    nothing: bool = False


class Lets(Flaw):
    """Lets in whoever shows what ``holds``."""

    def __init__(self, holds: Callable[[Shown], bool]) -> None:
        self._holds = holds
        self._seen: list[bytes] = []
        self._now = ""

    def arriving(self, data: bytes) -> bytes:
        """See ``Flaw``."""
        head, _, body = data.partition(_END)
        found = _SENDER.search(body)
        if found is None:
            return data
        token, sender = _TOKEN.search(body), found[1].decode()
        shown = self._by_token(sender, token.group()) if token is not None else _by_basic(sender, head)
        if not self._holds(shown):
            return data
        if self._now:
            return _sized(head, _borne(body, self._fresh(sender)))
        value = base64.b64encode(f"{sender}:{secret_of(sender)}".encode())
        return _BASIC.sub(b"", head) + b"\r\nAuthorization: Basic " + value + _END + body

    def _by_token(self, sender: str, token: bytes) -> Shown:
        user, created = _text(token, b"Username"), _text(token, b"Created")
        self._now = self._now or created  # the first to come is the sanity case's
        nonce = base64.b64decode(_text(token, b"Nonce"))
        digest = _text(token, b"Password")
        right = [one for one in dict.fromkeys((sender, user)) if digest_of(nonce, created, secret_of(one)) == digest]
        known = token in self._seen
        self._seen.append(token)
        return Shown(sender, user, tuple(right), known)

    def _fresh(self, system: str) -> bytes:
        """A token that counts: its nonce is as new as it is long."""
        nonce = hashlib.sha256(f"{len(self._seen)}{system}".encode()).digest()[:16]
        shown = base64.b64encode(nonce).decode()
        self._seen.append(nonce)
        digest = digest_of(nonce, self._now, secret_of(system))
        return (
            f'<wsse:Security xmlns:wsse="{SECURITY}" xmlns:wsu="{SECURITY_UTILITY}"><wsse:UsernameToken>'
            f'<wsse:Username>{system}</wsse:Username><wsse:Password Type="{PASSWORD_DIGEST}">{digest}</wsse:Password>'
            f'<wsse:Nonce EncodingType="{BASE64}">{shown}</wsse:Nonce><wsu:Created>{self._now}</wsu:Created>'
            f"</wsse:UsernameToken></wsse:Security>"
        ).encode()


class Says(Flaw):
    """Text of its responses (``HTTP/``) or of its own requests (``POST``) replaced."""

    def __init__(self, begins: bytes, pattern: bytes, new: bytes) -> None:
        self._begins, self._pattern, self._new = begins, re.compile(pattern, re.DOTALL), new

    def wire(self, data: bytes) -> bytes:
        """See ``Flaw``."""
        if not data.startswith(self._begins):
            return data
        head, _, body = self._pattern.sub(self._new, data, count=1).partition(_END)
        return _sized(head, body)


class Hears(Flaw):
    """Text of the requests it gets replaced."""

    def __init__(self, pattern: bytes, new: bytes) -> None:
        self._pattern, self._new = re.compile(pattern, re.DOTALL), new

    def arriving(self, data: bytes) -> bytes:
        """See ``Flaw``."""
        changed, count = self._pattern.subn(self._new, data, count=1)
        head, end, body = changed.partition(_END)
        return _sized(head, body) if count and end else changed


class OldTokens(Flaw):
    """What it sends again bears the token it bore before."""

    def __init__(self) -> None:
        self._first: dict[bytes, bytes] = {}

    def wire(self, data: bytes) -> bytes:
        """See ``Flaw``."""
        serial, token = _SERIAL.search(data), _TOKEN.search(data)
        if not data.startswith(b"POST") or serial is None or token is None:
            return data
        first = self._first.setdefault(serial[1], token.group())
        head, _, body = data.replace(token.group(), first).partition(_END)
        return _sized(head, body)


def _by_basic(sender: str, head: bytes) -> Shown:
    found = _BASIC.search(head)
    try:
        shown = base64.b64decode(found[1].partition(b" ")[2], validate=True).decode() if found is not None else ""
    except ValueError:
        return Shown(sender)
    user, _, password = shown.partition(":")
    right = tuple(one for one in dict.fromkeys((sender, user)) if secret_of(one) == password)
    return Shown(sender, user, right, nothing=found is None)


def _text(token: bytes, name: bytes) -> str:
    found = re.search(_TEXT.replace(b"NAME", name), token)
    return found[1].decode() if found is not None else ""


def _borne(body: bytes, token: bytes) -> bytes:
    return _TOKEN.sub(b"", body).replace(_HEADER, _HEADER + token, 1)


def _sized(head: bytes, body: bytes) -> bytes:
    return _LENGTH.sub(lambda found: found[1] + str(len(body)).encode(), head) + _END + body
