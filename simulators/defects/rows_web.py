"""Defects of HTTP and SOAP, and of who proves what over them, in front of our own CRM (spec 01.3, 01.4)."""

from __future__ import annotations

from collections.abc import Callable

from simulators.defects.flaw import Defect, Flaw
from simulators.defects.web import Hears, Lets, OldTokens, Says, Shown

_RESPONSE, _REQUEST = b"HTTP/", b"POST"
_CREDENTIALS, _TOKEN = rb"\r\n(?i:authorization):[^\r\n]*", rb"<wsse:Security\b.*?</wsse:Security>"
_BLOCK = rb"<(\w+:)?Header>.*</(\w+:)?Header>"
_NO_GZIP = rb"((?i:content-encoding)): gzip", rb"\1: compress"
_NO_CHUNKS = rb"((?i:transfer-encoding)): chunked", b"X-Sent-As: chunked"


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
    _row("soap basic", "soap-one-version", "一律以 1.1 应答", "answers in SOAP 1.1 whatever it is asked in",
         lambda: Says(_RESPONSE, rb"http://www\.w3\.org/2003/05/soap-envelope", b"http://schemas.xmlsoap.org/soap/envelope/")),
    _row("soap basic", "soap-many-bodies", "只看第一个 Body", "looks at the first of several Bodies",
         lambda: Hears(rb"<soap:Body/>", b"")),
    _row("soap basic", "soap-first-element", "只看 Body 的第一个元素", "looks at the first element of a Body",
         lambda: Hears(rb"<m:LinkTest .*</m:LinkTest>", b"")),
    _row("soap basic", "soap-by-action", "按 SOAPAction 分派", "dispatches by SOAPAction",
         lambda: Hears(rb"(urn:example:another.*<soap:Body>)", rb"\1<other/>")),
    _row("soap basic", "soap-wants-action", "空 SOAPAction 即拒绝", "refuses an empty SOAPAction",
         lambda: Hears(rb'((?i:soapaction): ""\r\n.*<soap:Body>)', rb"\1<other/>")),
    _row("soap basic", "soap-answers-no-block", "应答没有 PackageHeader", "answers without the block PackageHeader",
         lambda: Says(_RESPONSE, _BLOCK, b"")),
    _row("soap basic", "soap-understands-all", "不看 mustUnderstand", "does not look at mustUnderstand",
         lambda: Hears(rb' soap:mustUnderstand="(?:1|true)"', b"")),
    _row("soap basic", "soap-knows-every-block", "不认识的头块一律拒绝", "refuses every block it does not know",
         lambda: Hears(rb'mustUnderstand="0"', b'mustUnderstand="1"')),
    _row("soap basic", "soap-is-every-actor", "不看 actor", "does not look at actor",
         lambda: Hears(rb' soap:actor="[^"]*"', b"")),
    _row("soap basic", "soap-fault-200", "Fault 的状态为 200", "sends its Faults with 200",
         lambda: Says(_RESPONSE, rb" 500 [^\r\n]*", b" 200 OK")),
    _row("soap basic", "soap-blames-itself", "对方之过称 Server", "says Server where the sender is at fault",
         lambda: Says(_RESPONSE, rb"<faultcode>soap:Client<", b"<faultcode>soap:Server<")),
    _row("soap basic", "soap-bare-fault", "Fault 没有 Receipt", "sends Faults without the Receipt",
         lambda: Says(_RESPONSE, rb"<detail>.*</detail>", b"")),
    _row("soap basic", "soap-500-for-400", "1.2 的 Sender 答 500", "sends Sender of SOAP 1.2 with 500",
         lambda: Says(_RESPONSE, rb" 400 [^\r\n]*", b" 500 Internal Server Error")),
    _row("soap basic", "soap-references", "生僻字写为引用", "writes rare characters as references",
         lambda: Says(_RESPONSE, "𠮷".encode(), b"&#134071;")),
    _row("soap basic", "soap-no-gzip", "不收 gzip", "takes no gzip", lambda: Hears(*_NO_GZIP)),
    _row("soap basic", "soap-no-chunks", "不收分块", "takes no chunks", lambda: Hears(*_NO_CHUNKS)),
    _row("soap basic", "soap-takes-any-media", "不看媒体类型", "does not look at the media type",
         lambda: Hears(rb"application/json", b"text/xml")),
    _row("soap basic", "wsdl-of-one-version", "WSDL 只有 1.1 绑定", "its WSDL has the binding of SOAP 1.1 only",
         lambda: Says(_RESPONSE, rb"http://schemas\.xmlsoap\.org/wsdl/soap12/", b"http://schemas.xmlsoap.org/wsdl/soap/")),
    _row("soap basic", "soap-no-exchange", "没有 exchange 操作", "does not have the operation exchange",
         lambda: Hears(rb"<(\w+:)?exchange\b(.*)exchange>", rb"<\1exchanged\2exchanged>")),
    _row("soap basic", "soap-sends-no-block", "自己所发没有 PackageHeader", "posts without the block PackageHeader",
         lambda: Says(_REQUEST, _BLOCK, b"")),
    _row("http basic", "http-400-for-refusal", "业务拒绝答 400", "says 400 to a document it refuses",
         lambda: Says(_RESPONSE, rb" 200 OK(.*<code>1002<)", rb" 400 Bad Request\1")),
    _row("http basic", "http-200-for-anything", "不是 Package 也答 200", "says 200 to what is no Package",
         lambda: Says(_RESPONSE, rb" 400 [^\r\n]*", b" 200 OK")),
    _row("http basic", "http-any-path", "不看路径", "does not look at the path",
         lambda: Hears(rb"^POST /if/QueryMessage", b"POST /if/LinkTest")),
    _row("http basic", "http-200-for-strangers", "未登记者答 200", "says 200 to who is not registered",
         lambda: Says(_RESPONSE, rb" 403 [^\r\n]*", b" 200 OK")),
    _row("http basic", "http-no-gzip", "不收 gzip", "takes no gzip", lambda: Hears(*_NO_GZIP)),
    _row("http basic", "http-no-chunks", "不收分块", "takes no chunks", lambda: Hears(*_NO_CHUNKS)),
    _row("http basic", "http-posts-elsewhere", "所发路径不是报文名", "posts to a path that does not name the message",
         lambda: Says(_REQUEST, rb"^POST /if/\w+", b"POST /if/Message")),
    _row("soap digest", "token-sent-again", "重发用旧令牌", "what goes again bears the old token", OldTokens),
)  # fmt: skip
"""Of our own CRM where everybody proves who it is; ``spoken``: over which binding, and how."""
