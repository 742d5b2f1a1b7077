"""What rows of HTTP listeners and peers say beyond those of sockets: limits, credentials, TLS, SOAP (spec 01.3, 01.4)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import SplitResult, quote, urlsplit, urlunsplit

from pydantic import BaseModel, ConfigDict, Field

Seconds = Annotated[float, Field(gt=0, le=86_400)]
OptionalPath = Annotated[Path | None, Field(strict=False)]
Binding = Literal["socket", "soap", "http"]
"""How documents travel; a listener with ``http`` serves SOAP as well."""


class HttpTable(BaseModel):
    """A table of the file: unknown keys are faults, values are not converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class HttpLimits(HttpTable):
    """``[listen.http]``: seconds and bytes a client may take (hardening.md). ``floor`` is bytes a second of a body."""

    header: Seconds = 10
    body: Seconds = 30
    idle: Seconds = 60
    write: Seconds = 30
    floor: Annotated[int, Field(ge=1)] = 1024
    max_body: Annotated[int, Field(ge=1024, le=1 << 26)] = 1 << 20
    max_connections: Annotated[int, Field(ge=1, le=100_000)] = 4096
    max_per_address: Annotated[int, Field(ge=1, le=100_000)] = 2560


class ServerTls(HttpTable):
    """``[listen.tls]``: PEM files. With ``client_ca_file`` nobody gets in without a certificate that CA signed; ``crl_file``
    is that authority's list of those it has revoked."""

    certificate_file: Annotated[Path, Field(strict=False)]
    key_file: Annotated[Path, Field(strict=False)]
    client_ca_file: OptionalPath = None
    crl_file: OptionalPath = None


class ClientTls(HttpTable):
    """``[peer.tls]``: PEM files for ``tls`` and ``https`` addresses. ``ca_file`` unset: the system's authorities; ``crl_file``
    is that authority's list of those it has revoked.

    ``certificate_sha256``: on sockets, the SHA-256 of the public key of the certificate the peer must come with.
    """

    ca_file: OptionalPath = None
    crl_file: OptionalPath = None
    certificate_file: OptionalPath = None
    key_file: OptionalPath = None
    certificate_sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""


class HttpPeer(HttpTable):
    """``[peer.http]``: how a peer of the bindings soap and http proves who it is (both ways) and what it speaks.

    ``certificate_sha256`` is the SHA-256 of the public key (SPKI) of the certificate it comes with.  ``operation`` other than
    ``document`` is an operation that carries the document as text; ``wsdl_file`` is the partner's WSDL, where it has its own.
    """

    soap: Literal["1.1", "1.2"] = "1.1"
    operation: Literal["document", "exchange", "OneDry_TwoDry_Message"] = "document"
    auth: Literal["none", "basic", "digest", "certificate"] = "none"
    user: Annotated[str, Field(max_length=100)] = ""
    password_file: OptionalPath = None
    certificate_sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    wsdl_file: OptionalPath = None
    gzip: bool = False

    def password(self) -> str:
        """The password of its file; empty without one. Raises OSError when it cannot be read."""
        return "" if self.password_file is None else self.password_file.read_text(encoding="utf-8").strip()


FILES = {
    "http": ("password_file", "wsdl_file"),
    "dialect": ("secret_file",),
    "login": ("secret_file",),
    "tls": ("certificate_file", "key_file", "client_ca_file", "ca_file", "crl_file"),
}
"""Keys that name files, by table."""

LAST_PORT = 65535

SECRETS = ("password_file", "secret_file")
"""Those of them that hold a secret."""

_URL_SIGNS = "/%:@!$&'()*+,;=~?-._"
"""What stands for itself in a path and a query (RFC 3986)."""

_Found = tuple[tuple[str | int, ...], str, str, str]


def resolved(row: Any, base: Path) -> Any:
    """``row``, a listener or peer, with relative file names starting at ``base``."""
    changes: dict[str, Any] = {}
    for name, keys in FILES.items():
        table = getattr(row, name, None)
        if table is not None:
            given = {key: base / getattr(table, key) for key in keys if getattr(table, key, None) is not None}
            if given:
                changes[name] = table.model_copy(update=given)
    return row.model_copy(update=changes) if changes else row


def http_checks(path: tuple[str | int, ...], row: dict[str, Any], base: Path) -> Iterator[_Found]:
    """What one value of a listener or peer row alone cannot show."""
    for name, keys in FILES.items():
        table = row.get(name)
        for key in keys if isinstance(table, dict) else ():
            value = table.get(key) if isinstance(table, dict) else None
            if isinstance(value, str) and not (base / value).is_file():
                yield (*path, name, key), repr(value), "没有这个文件", "no such file"
            elif isinstance(value, str) and key in SECRETS and not (base / value).read_bytes().strip():
                yield (*path, name, key), repr(value), "文件为空，人人都能证明身份", "the file is empty: anybody proves it"
    binding = row.get("binding", "socket")
    if path[0] == "listen":
        if binding == "socket" and "layout" not in row:
            yield path, "", "缺少 layout（报文头格式）", "layout is missing (the packet header's form)"
        if str(row.get("address")).startswith(("http", "tls")):
            zh, en = "监听地址写作 tcp://，TLS 由 [listen.tls] 开启", "write tcp://; [listen.tls] makes it TLS"
            yield (*path, "address"), repr(row["address"]), zh, en
        return
    yield from _addresses(path, row, binding)
    http = row.get("http")
    if isinstance(http, dict):
        yield from _credentials((*path, "http"), http)
    by_text = isinstance(http, dict) and http.get("operation", "document") != "document"
    if binding == "soap" and row.get("envelope", "package") != "package" and not by_text:
        yield (
            (*path, "envelope"), repr(row["envelope"]),
            '其他封装作为文本传送：在 [peer.http] 写 operation = "exchange"',
            'other envelopes travel as text: write operation = "exchange" under [peer.http]',
        )  # fmt: skip
    if binding == "soap" and row.get("charset", "UTF-8") != "UTF-8":
        yield (*path, "charset"), repr(row["charset"]), "SOAP 一律用 UTF-8，请删去此项", "SOAP is UTF-8: remove this key"


def _addresses(path: tuple[str | int, ...], row: dict[str, Any], binding: Any) -> Iterator[_Found]:
    addresses = row.get("connect")
    listed = [entry for entry in addresses if isinstance(entry, str)] if isinstance(addresses, list) else []
    wanted = ("tcp", "tls", "mem") if binding == "socket" else ("http", "https", "mem")
    for index, entry in enumerate(listed):
        if entry.partition("://")[0] not in wanted:
            shown = "tcp:// | tls://" if binding == "socket" else "http:// | https://"
            yield (*path, "connect", index), repr(entry), f'binding = "{binding}" 的地址以 {shown} 开头', f"starts with {shown}"
    if binding == "socket":
        return
    parted: list[SplitResult] = []
    for index, entry in enumerate(listed):
        try:
            parts = urlsplit(entry)
            _ = parts.port
        except ValueError:
            zh = f"主机或端口不对：写作 https://主机:端口/路径，端口至多 {LAST_PORT}"
            en = f"host or port is wrong: write https://host:port/path, a port up to {LAST_PORT}"
            yield (*path, "connect", index), "", zh, en
            continue
        parted.append(parts)
        for shown, zh, en in _of_url(entry, parts):
            yield (*path, "connect", index), shown, zh, en
    if len({parts.path for parts in parted}) > 1:
        yield (*path, "connect"), "", "主备地址的路径须相同", "all addresses must have the same path"
    elif len({parts.query for parts in parted}) > 1:
        yield (*path, "connect"), "", "主备地址的查询串须相同", "all addresses must have the same query"


def _of_url(entry: str, parts: SplitResult) -> Iterator[tuple[str, str, str]]:
    """What a URL may say elsewhere, and not here: what was found, never a password, and what to write instead."""
    found = "" if "@" in entry else repr(entry)
    if "@" in parts.netloc:
        zh = '地址中不写用户和口令：写 [peer.http] auth = "basic"、user、password_file'
        yield found, zh, 'no user or password in an address: write auth = "basic", user and password_file under [peer.http]'
    if "#" in entry:
        zh = "地址中的 # 及其后不会被发送：请删去；路径中的 # 写作 %23"
        yield found, zh, "what follows # is never sent: remove it, or write %23"
    if not (entry.isascii() and entry.isprintable()):
        write = _in_ascii(parts)
        yield found, f"地址须为 ASCII，请写 {write}", f"an address is ASCII: write {write}"


def _in_ascii(parts: SplitResult) -> str:
    """The same address with the host as DNS has it and everything else percent-encoded."""
    host = parts.hostname or ""
    try:
        host = host.encode("idna").decode("ascii")
    except UnicodeError:
        host = "xn--…"
    port = "" if parts.port is None else f":{parts.port}"
    path, query = (quote(part, safe=_URL_SIGNS) for part in (parts.path, parts.query))
    return urlunsplit((parts.scheme, f"{host}{port}", path, query, ""))


def _credentials(path: tuple[str | int, ...], http: dict[str, Any]) -> Iterator[_Found]:
    if http.get("auth") in ("basic", "digest") and not (http.get("user") and http.get("password_file")):
        yield path, "", "basic、digest 须同时写 user 和 password_file", "basic and digest need user and password_file"
    if http.get("auth") == "certificate" and not http.get("certificate_sha256"):
        yield path, "", "certificate 须写 certificate_sha256", "certificate needs certificate_sha256"
