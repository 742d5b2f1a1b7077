"""What went wrong in a TLS handshake, for people: who does not trust whom, why, and what to do (hardening.md T).

OpenSSL says it in codes and words of its own, some of them by the other side in an alert; here each is said once in both
languages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from twisted.internet.error import ConnectError


@dataclass(frozen=True, slots=True)
class TlsFault:
    """One fault in both languages; ``detail`` is what OpenSSL said."""

    zh: str
    en: str
    detail: str = ""

    @property
    def text(self) -> str:
        """As one line."""
        said = f" ({self.detail})" if self.detail else ""
        return f"{self.zh} / {self.en}{said}"


class TlsFailed(ConnectError):
    """A connection that did not come about because of TLS: nothing was sent on it."""

    def __init__(self, fault: TlsFault) -> None:
        ConnectError.__init__(self, None, fault.text)
        self.fault = fault

    def __str__(self) -> str:
        """In both languages, as it is told."""
        return self.fault.text


_UNTRUSTED = (
    "对方的证书不是受信机构签发的：把签发它的 CA 证书写入 ca_file（监听处为 client_ca_file）",
    "the certificate of the other side is of no trusted authority: name that authority's certificate in ca_file"
    " (client_ca_file where we listen)",
)
_WRONG_NAME = (
    "对方的证书不是发给这个主机名或地址的：地址（一致性测试：server_name）须写证书上的名称，或请对方换证书",
    "the certificate of the other side is for another host: write the name it bears in the address (of the conformance"
    " suite: server_name), or have it issued anew",
)
WRONG_NAME = 62
"""OpenSSL's code for a certificate that is for another host (X509_V_ERR_HOSTNAME_MISMATCH)."""
_VERIFY: dict[int, tuple[str, str]] = {
    **dict.fromkeys((2, 18, 19, 20, 21), _UNTRUSTED),
    **dict.fromkeys((WRONG_NAME, 64), _WRONG_NAME),
    3: (
        "crl_file 里没有签发对方证书的机构的吊销列表",
        "crl_file holds no list of the authority that issued the certificate of the other side",
    ),
    12: ("crl_file 的吊销列表已过期：取新的一份", "the list of revoked certificates in crl_file has expired: fetch a new one"),
    7: (
        "对方证书的签名不对：证书被改过，或 CA 文件是别人的",
        "the certificate's signature is wrong: it was altered, or is of another authority",
    ),
    9: ("对方的证书尚未生效：核对双方时钟", "the certificate of the other side is not valid yet: check both clocks"),
    10: ("对方的证书已过期：请对方更换", "the certificate of the other side has expired: it must be renewed there"),
    23: ("对方的证书已被吊销：请对方更换", "the certificate of the other side is revoked: it must be renewed there"),
    24: ("ca_file 中的证书不是 CA 证书", "the certificate in ca_file is none of an authority"),
    26: (
        "对方的证书不能用于此用途（服务端或客户端）",
        "the certificate of the other side is not made for this use, server or client",
    ),
    66: ("对方证书的密钥太短", "the key of the other side's certificate is too short"),
}
_NOT_TLS = (
    "对方在这个端口上说的不是 TLS：核对端口，或改写 tcp:// 与去掉 [listen.tls]",
    "the other side does not speak TLS on this port: check the port, or write tcp:// and leave [listen.tls] out",
)
_REFUSED = (
    "对方不接受我方证书：核对 certificate_file 是否由对方信任的 CA 签发",
    "the other side does not accept our certificate: is certificate_file of an authority it trusts?",
)
_TOO_OLD = (
    "双方没有共同的 TLS 版本：我方只用 TLS 1.2 及以上",
    "no TLS version in common: ours are 1.2 and up",
)
_WORDS: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (
        ("alert certificate expired",),
        "对方说我方证书已过期：更换 certificate_file",
        "the other side says our certificate has expired: renew certificate_file",
    ),
    (
        ("alert certificate required",),
        "对方要求客户端证书：在 tls 表中写 certificate_file 与 key_file",
        "the other side wants a certificate: name certificate_file and key_file in the tls table",
    ),
    (
        ("alert unknown ca", "alert bad cert", "alert certificate", "alert unsupported", "alert access", "alert decrypt"),
        *_REFUSED,
    ),
    (
        ("did not return a certificate",),
        "对方没有出示证书，而 client_ca_file 要求双向认证：请对方配置客户端证书",
        "the other side came without a certificate, which client_ca_file asks for: it must be given one",
    ),
    (("protocol version", "unsupported protocol"), *_TOO_OLD),
    (
        ("no shared cipher",),
        "双方没有共同的加密套件：我方用 ECDHE 与 AES-GCM 或 ChaCha20",
        "no cipher in common: ours are ECDHE with AES-GCM or ChaCha20",
    ),
    (
        ("handshake failure",),
        "双方谈不拢（加密套件或证书）：看对方日志",
        "no agreement (cipher or certificate): see the log over there",
    ),
    (("wrong version number", "http request", "packet length too long", "record layer failure", "unknown protocol"), *_NOT_TLS),
    (("unexpected eof",), "对方在握手中断开：看对方日志", "the other side closed in the handshake: see the log over there"),
)
CLOSED = TlsFault(
    "对方在 TLS 握手中断开：那里也许不是 TLS，或不接受我方证书，看对方日志",
    "the other side closed during the TLS handshake: it speaks none, or refuses our certificate; see its log",
)
SILENT = TlsFault("TLS 握手超时，已断开", "the TLS handshake took too long, closed")


def fault_of(error: BaseException, verify: int = 0) -> TlsFault:
    """What ``error`` of a handshake means; ``verify`` is OpenSSL's code where a certificate did not stand up to it."""
    code = verify or int(getattr(error, "verify_code", 0) or 0)
    words = _words(error)
    if code:
        zh, en = _VERIFY.get(code, ("对方的证书未通过检验", "the certificate of the other side does not stand up to checking"))
        return TlsFault(zh, en, words)
    if type(error).__module__.startswith("service_identity"):
        return TlsFault(*_WRONG_NAME)
    found = next(((zh, en) for known, zh, en in _WORDS if any(word in words.lower() for word in known)), None)
    if found is not None:
        return TlsFault(*found, words)
    return TlsFault("TLS 握手失败", "the TLS handshake failed", words) if words else CLOSED


def is_tls(error: BaseException) -> bool:
    """Whether ``error`` is one of OpenSSL's or of checking a certificate's name."""
    return type(error).__module__.split(".")[0] in ("OpenSSL", "service_identity", "ssl")


def _words(error: BaseException) -> str:
    """What OpenSSL said, plainly: pyOpenSSL gives lists of tuples, the standard library a reason in capitals."""
    if not is_tls(error):
        return ""
    reason: Any = getattr(error, "verify_message", None) or getattr(error, "reason", None)
    if reason:
        return str(reason).replace("_", " ").lower()
    queue = error.args[0] if error.args else ""
    if isinstance(queue, list):
        return "; ".join(str(entry[-1]) for entry in queue if entry and entry[-1])
    return str(error)
