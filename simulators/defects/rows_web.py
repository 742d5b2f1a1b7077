"""Defects of who proves what over HTTP, in front of our own CRM (spec 01.3, 01.4)."""

from __future__ import annotations

from collections.abc import Callable

from simulators.defects.flaw import Defect, Flaw
from simulators.defects.web import Lets, OldTokens, Says, Shown

_RESPONSE, _REQUEST = b"HTTP/", b"POST"
_CREDENTIALS, _TOKEN = rb"\r\n(?i:authorization):[^\r\n]*", rb"<wsse:Security\b.*?</wsse:Security>"


def _nothing(shown: Shown) -> bool:
    return shown.nothing or not (shown.user or shown.right)


def _any_password(shown: Shown) -> bool:
    return shown.user == shown.sender and not shown.right


def _any_user(shown: Shown) -> bool:
    return shown.sender in shown.right and shown.user != shown.sender


def _anybody(shown: Shown) -> bool:
    return shown.user in shown.right and shown.user != shown.sender


def _old(shown: Shown) -> bool:
    return shown.user == shown.sender and shown.sender in shown.right and not shown.known


def _row(spoken: str, name: str, zh: str, en: str, make: Callable[[], Flaw]) -> Defect:
    clause = "01.4" if spoken.startswith("http") else "01.3"
    return Defect(f"crm-{name}", "crm", "transport", clause, zh, en, make, spoken)


WEB = (
    _row("http basic", "http-needs-no-basic", "无凭证也放行", "lets in who shows no credentials", lambda: Lets(_nothing)),
    _row("http basic", "http-any-password", "不核对口令", "looks at the user only", lambda: Lets(_any_password)),
    _row("http basic", "http-any-user", "不核对用户", "looks at the password only", lambda: Lets(_any_user)),
    _row("http basic", "http-anybodys-basic", "他人的凭证也放行", "takes the credentials of anybody", lambda: Lets(_anybody)),
    _row("http basic", "http-403-for-401", "未证明身份答 403", "says 403 to who has proven nothing",
         lambda: Says(_RESPONSE, rb" 401 ", b" 403 ")),
    _row("http basic", "http-no-challenge", "401 不说所需方式", "does not say with its 401 what it wants",
         lambda: Says(_RESPONSE, rb"\r\n(?i:www-authenticate):[^\r\n]*", b"")),
    _row("http basic", "http-shows-nothing", "自己所发不带凭证", "posts without its credentials",
         lambda: Says(_REQUEST, _CREDENTIALS, b"")),
    _row("soap basic", "soap-any-password", "SOAP 上不核对 Basic 口令", "looks at the user of HTTP Basic only over SOAP",
         lambda: Lets(_any_password)),
    _row("soap digest", "token-not-needed", "无令牌也放行", "lets in who shows no token", lambda: Lets(_nothing)),
    _row("soap digest", "token-any-password", "不核对摘要", "does not check the digest", lambda: Lets(_any_password)),
    _row("soap digest", "token-any-user", "不核对令牌的用户", "does not look at the user of a token", lambda: Lets(_any_user)),
    _row("soap digest", "token-of-anybody", "他人的令牌也放行", "takes the token of anybody", lambda: Lets(_anybody)),
    _row("soap digest", "token-twice", "不记用过的 Nonce", "takes a token twice", lambda: Lets(lambda shown: shown.known)),
    _row("soap digest", "token-of-any-time", "不看 Created", "does not look at Created", lambda: Lets(_old)),
    _row("soap digest", "token-not-shown", "自己所发不带令牌", "posts without a token",
         lambda: Says(_REQUEST, _TOKEN, b"")),
    _row("soap digest", "token-sent-again", "重发用旧令牌", "what goes again bears the old token", OldTokens),
)  # fmt: skip
"""Of our own CRM where everybody proves who it is; ``spoken``: over which binding, and how."""
