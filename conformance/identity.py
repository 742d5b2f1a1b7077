"""Who asks over HTTP: what proves the suite's parties to the system under test, and it to them (spec 01.3, 01.4).

HTTP Basic, or a WS-Security UsernameToken with the password's digest or the password itself.  Time and nonces are handed in.
What proves somebody is shown to nobody else: it is hidden in whatever is recorded.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from lxml import etree

from adapters.soap.names import PASSWORD_DIGEST, SECURITY, SECURITY_UTILITY
from adapters.soap.security import Nonces, digest_of, username_token, verify
from adapters.wire.packet import Packet
from conformance.accounts import BASIC, DIGEST, Account
from conformance.ports import Entropy
from conformance.values import span_ms
from conformance.web import Message, WebFault, WebReader, written

NOTHING = "none"
SHOWN_BASIC, SHOWN_TOKEN = "proof.basic", "proof.token"
"""Free fields of a packet that came: what it was shown with. They are no facts: nobody reports them."""
_NONCE_BYTES = 16
_KEPT = 1024
_PASSWORD_TEXT = PASSWORD_DIGEST.replace("#PasswordDigest", "#PasswordText")
_AUTHORIZATION = re.compile(rb"(?im)^((?:proxy-)?authorization[ \t]*:[ \t]*)([^\r\n]*)")
_PASSWORD = re.compile(rb"(<(?:[\w.\-]+:)?Password\b[^>]*>)([^<]+)")
_SECURITY = re.compile(rb"<((?:[\w.\-]+:)?Security)\b[^>]*>.*?</\1\s*>", re.DOTALL)
_CODED = re.compile(rb"(?im)^(?:content|transfer)-encoding:")
_UNPROVEN_HEADERS = ("authorization", "proxy-authorization", "content-length")
_CODINGS = ("content-encoding", "transfer-encoding", "content-length")


@dataclass(frozen=True, slots=True)
class Proof:
    """What goes with a request: the value of ``Authorization``, a header block of the envelope; empty: nothing."""

    header: str = ""
    token: bytes = b""

    def beside(self, envelope: bytes) -> bytes:
        """An envelope of ours with the token among its header blocks."""
        if not self.token:
            return envelope
        opening = b"<soap:Header>"
        if opening in envelope:
            return envelope.replace(opening, opening + self.token, 1)
        return envelope.replace(b"<soap:Body>", opening + self.token + b"</soap:Header><soap:Body>", 1)


class Prover:
    """What the played parties show, as each one's account says; every token is a new one."""

    def __init__(self, accounts: Mapping[str, Account], entropy: Entropy) -> None:
        self._accounts = accounts
        self._entropy = entropy
        self._shown: dict[str, Proof] = {}

    def proof(self, party: str, serial: str, wrong: Mapping[str, Any], now: int) -> Proof:
        """For the message ``serial`` of ``party`` at ``now`` (ms). ``wrong`` says otherwise than the account: ``given`` none,
        ``of`` another party, ``user``, ``secret``, ``age`` of Created, ``like`` the serial that bore the same.
        Raises ValueError."""
        account = self._accounts.get(str(wrong.get("of", party)))
        if account is None or wrong.get("given") == NOTHING:
            return Proof()
        if "like" in wrong:
            return self._shown[str(wrong["like"])]
        user, secret = str(wrong.get("user", account.user)), str(wrong.get("secret", account.secret))
        if account.how == BASIC:
            proof = Proof("Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode("ascii"))
        else:
            make = username_token if account.how == DIGEST else plain_token
            nonce = self._entropy.token(_NONCE_BYTES)
            proof = Proof(token=make(user, secret, nonce, now - _age(str(wrong.get("age", "0s")))))
        if len(self._shown) >= _KEPT:
            del self._shown[next(iter(self._shown))]
        self._shown[serial] = proof
        return proof


def plain_token(user: str, secret: str, nonce: bytes, at: int) -> bytes:
    """A token that shows the password itself."""
    token = username_token(user, secret, nonce, at).decode()
    shown = f'<wsse:Password Type="{_PASSWORD_TEXT}">{escape(secret, quote=False)}</wsse:Password>'
    return re.sub(r"<wsse:Password .*?</wsse:Password>", lambda _: shown, token).encode()


def _age(text: str) -> int:
    """``6m``, ``-6m``: ms. Raises ValueError."""
    found = span_ms(text.removeprefix("-"))
    if found is None:
        raise ValueError(f"{text} 不是时长 / {text} is no duration")
    return -found if text.startswith("-") else found


class Checker:
    """Judges what the system under test shows to the played parties; a nonce counts once."""

    def __init__(self, accounts: Mapping[str, Account], own: str) -> None:
        self._accounts = accounts
        self._own = own
        self._nonces = Nonces()

    def why_not(self, party: str, packet: Packet, now: int) -> str:
        """Why what a request came with does not prove it to ``party``; empty: it does, or nothing is demanded."""
        account = self._accounts.get(party)
        if account is None:
            return ""
        user = account.sut_user or self._own
        if account.how == BASIC:
            why = _basic_fault(packet.extra.get(SHOWN_BASIC, ""), user, account.secret)
        else:
            shown = packet.extra.get(SHOWN_TOKEN, "")
            token = etree.fromstring(shown, _bare_parser()) if shown else None
            by_digest = account.how == DIGEST
            why = (verify if by_digest else _verify_text)(token, user, account.secret, now, self._nonces) or ""
        return f"被测方未向 {party} 证明身份（{why}） / it has not proven to {party} who it is ({why})" if why else ""


def _bare_parser() -> Any:
    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)


def _basic_fault(value: str, user: str, secret: str) -> str:
    scheme, _, shown = value.partition(" ")
    if scheme.lower() != "basic":
        return "no Basic credentials"
    try:
        said, _, password = base64.b64decode(shown.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return "Basic credentials are not base64"
    right = hmac.compare_digest(said, user.encode()), hmac.compare_digest(password, secret.encode())
    return "" if all(right) else "wrong user or password"


def _verify_text(token: Any, user: str, secret: str, now: int, nonces: Nonces) -> str | None:
    """As ``verify``, for a password that travels as it is: its digest is made here, over what came with it."""
    password = None if token is None else token.find(f".//{{{SECURITY}}}Password")
    if password is None or password.get("Type", _PASSWORD_TEXT) != _PASSWORD_TEXT:
        return "no password as text"
    said = (token.findtext(f".//{{{SECURITY}}}Username") or "").strip()
    right = hmac.compare_digest((password.text or "").encode(), secret.encode())
    if not (hmac.compare_digest(said.encode(), user.encode()) and right):
        return "wrong user or password"
    return verify(_digested(token, password, secret), user, secret, now, nonces) if _dated(token) else None


def _dated(token: Any) -> bool:
    """Whether it bears what makes it count once: Created and Nonce, which a password as text may go without."""
    wanted = (f".//{{{SECURITY_UTILITY}}}Created", f".//{{{SECURITY}}}Nonce")
    return all(token.find(path) is not None for path in wanted)


def _digested(token: Any, password: Any, secret: str) -> Any:
    """The token with the digest it would have."""
    nonce, created = token.findtext(f".//{{{SECURITY}}}Nonce"), token.findtext(f".//{{{SECURITY_UTILITY}}}Created")
    try:
        shown = base64.b64decode(nonce.strip(), validate=True)
    except (binascii.Error, ValueError):
        return token
    password.set("Type", PASSWORD_DIGEST)
    password.text = digest_of(shown, created.strip(), secret)
    return token


# -- what is recorded, and what is compared


def discreet(raw: bytes) -> bytes:
    """A request as it may be recorded: credentials and passwords hidden, every length kept; in the clear where a coding would
    hide them from us only."""
    if raw.startswith(b"HTTP/"):
        return raw
    message = _decoded(raw) if _CODED.search(raw, 0, len(_head(raw))) else None
    if message is None or _hidden(message.body) == message.body:
        return _hidden(raw)
    return _hidden(_again(message, message.body, _CODINGS))


def without_proof(raw: bytes) -> bytes:
    """A request without what proves who asks: two that are the same otherwise are the same now."""
    message = _decoded(raw)
    return raw if message is None else _again(message, _SECURITY.sub(b"", message.body, count=1), _UNPROVEN_HEADERS)


def _head(raw: bytes) -> bytes:
    return raw.partition(b"\r\n\r\n")[0]


def _decoded(raw: bytes) -> Message | None:
    try:
        found = WebReader(requests=True).feed(raw)
    except WebFault:
        return None
    return found[0] if len(found) == 1 else None


def _again(message: Message, body: bytes, without: tuple[str, ...]) -> bytes:
    kept = [(name, value) for name, value in message.headers if name.lower() not in without]
    return written(" ".join(message.first), kept, body)


def _hidden(raw: bytes) -> bytes:
    return _PASSWORD.sub(_without_password, _AUTHORIZATION.sub(_without_credentials, raw))


def _without_credentials(found: re.Match[bytes]) -> bytes:
    scheme, space, rest = found[2].partition(b" ")
    return found[1] + (scheme + space + b"*" * len(rest) if rest else b"*" * len(scheme))


def _without_password(found: re.Match[bytes]) -> bytes:
    return found[0] if PASSWORD_DIGEST.encode() in found[1] else found[1] + b"*" * len(found[2])
