"""Combinations of a configuration that can never work, told where they stand with a way out, before anybody runs into them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from adapters.wire.errors import LocalError
from adapters.wire.fields import compile_field, write
from schemas.loader import load
from schemas.model import LayoutField, LayoutRow
from schemas.toml_lines import KeyPath

Found = tuple[KeyPath, str, str, str]
Row = dict[str, Any]

_SECURE = "https://"
UNKNOWN_AREA = (
    "代码表 areas 中没有这个区域：改正代码，或在 schemas/codes/areas.toml 登记",
    "no such area in the code table areas: mend the code, or add it to schemas/codes/areas.toml",
)
_FREE = "filler"
"""Role of a layout's field whose value is the operators'."""


def peer_unworkable(path: KeyPath, row: Row, listens: list[Row], layouts: Mapping[str, LayoutRow]) -> Iterator[Found]:
    """What can never work of one peer's row; tolerant of values wrong by themselves, those are reported elsewhere."""
    named = row.get("listen")
    listen = next((one for one in listens if named is not None and one.get("name") == named), None)
    on_socket = row.get("binding", "socket") == "socket"
    comes_by_socket = listen is not None and listen.get("binding", "socket") == "socket"
    web = table(row, "http").get("auth", "none")
    if web != "none":
        if on_socket and (listen is None or comes_by_socket):
            zh, en = f"{web} 只用于 SOAP 与 HTTP：套接字用 [peer.login]", f"{web} is for SOAP and HTTP; on sockets [peer.login]"
            yield (*path, "http", "auth"), repr(web), zh, en
        elif web == "certificate":
            yield from _certificate(path, row, listen)
        elif web == "digest" and row.get("binding") == "http" and listen is None:
            zh, en = "digest 只有 SOAP 能承载：改用 soap 或 basic", 'only SOAP carries digest: write binding = "soap", or basic'
            yield (*path, "http", "auth"), repr(web), zh, en
    yield from _login(path, row, on_socket, comes_by_socket)
    yield from _header(path, row, on_socket, layouts)
    yield from _limits(path, row, [row, listen] if on_socket else [listen], layouts)


def table(row: Row, name: str) -> Row:
    """A table of a row; an empty one where there is none, or something else."""
    found = row.get(name)
    return found if isinstance(found, dict) else {}


def entries(row: Row, key: str) -> list[Any]:
    """A list of a row; an empty one where there is none, or something else."""
    found = row.get(key)
    return found if isinstance(found, list) else []


def _certificate(path: KeyPath, row: Row, listen: Row | None) -> Iterator[Found]:
    """Who is to prove itself by a certificate must be asked for one: by our listener, or by the peer we connect to."""
    where, shown = (*path, "http", "auth"), "'certificate'"
    if listen is not None:
        if not table(listen, "tls").get("client_ca_file"):
            name = listen.get("name")
            zh = f"listen {name} 不向任何人要证书：给它 [listen.tls] 与 client_ca_file，或改用 basic、digest"
            en = f"listen {name} asks for no certificate: give it client_ca_file under [listen.tls], or use basic or digest"
            yield where, shown, zh, en
        return
    if not any(str(one).startswith(_SECURE) for one in entries(row, "connect")):
        yield where, shown, "证书须经 TLS：connect 写 https:// 地址", "certificates need TLS: write https:// in connect"
    elif not table(row, "tls").get("certificate_file"):
        zh = "须在 [peer.tls] 写我方的 certificate_file 与 key_file"
        yield where, shown, zh, "needs certificate_file and key_file of ours under [peer.tls]"


def _login(path: KeyPath, row: Row, on_socket: bool, comes_by_socket: bool) -> Iterator[Found]:
    login = table(row, "login")
    if login.get("required") is True and not comes_by_socket and not (on_socket and row.get("listen") is None):
        zh = "LN01 登录只用于套接字：经 HTTP 来的对端在 [peer.http] 写 auth"
        en = "login is for sockets: who comes by HTTP proves it by auth under [peer.http]"
        yield (*path, "login", "required"), "True", zh, en
    if login.get("user") and on_socket and not row.get("connect"):
        zh = "我们不连接它，无从登录：写 connect，或要求它登录（required、peer_user）"
        en = "we do not connect to it, so never log in: write connect, or have it log in (required, peer_user)"
        yield (*path, "login", "user"), repr(login["user"]), zh, en
    elif login.get("user") and not on_socket:
        zh = "LN01 登录只用于套接字：在 [peer.http] 写 auth、user"
        yield (*path, "login", "user"), repr(login["user"]), zh, "login is for sockets: write auth and user under [peer.http]"


def _header(path: KeyPath, row: Row, on_socket: bool, layouts: Mapping[str, LayoutRow]) -> Iterator[Found]:
    """Values of free fields must be of fields there are, and fit."""
    given = table(row, "header")
    layout = layouts.get(str(row.get("layout", "ctif-128")))
    if given and not on_socket:
        yield (*path, "header"), "", "header 只用于套接字的报文头", "header is for packet headers of sockets"
    if not on_socket or layout is None:
        return
    free = {one.name: one for one in layout.fields if one.role == _FREE and one.constant is None}
    listed = ", ".join(free) or "—"
    for name, value in given.items():
        where = (*path, "header", name)
        if name not in free:
            zh, en = f"布局 {layout.name} 没有这个自由字段；有：{listed}", f"no free field of {layout.name}; it has: {listed}"
            yield where, repr(value), zh, en
        elif isinstance(value, str) and not _fits(free[name], value):
            width = free[name].width
            yield where, repr(value), f"字段写不下或不能写这个值：{width} 字节", f"does not go into the field: {width} bytes"


def _fits(field: LayoutField, value: str) -> bool:
    try:
        codec = compile_field(field)
        text = write(codec, {field.name: value})
    except (LocalError, ValueError, TypeError):
        return False
    return len(text) == field.width and re.fullmatch(codec.pattern, text) is not None


def _limits(path: KeyPath, row: Row, wheres: list[Row | None], layouts: Mapping[str, LayoutRow]) -> Iterator[Found]:
    most = table(row, "limits").get("max_packet")
    if not isinstance(most, int):
        return
    used = [layouts.get(str(one.get("layout", "ctif-128"))) for one in wheres if one is not None]
    widest = max((layout.header_size for layout in used if layout is not None), default=0)
    if most <= widest:
        zh, en = f"报文头就有 {widest} 字节，放不下报文体", f"the header alone has {widest} bytes: no room for a body"
        yield (*path, "limits", "max_packet"), repr(most), zh, en


def area_checks(raw: Row) -> Iterator[Found]:
    """Every area named must be a row of the code table: messages of another are refused whatever the configuration says."""
    known = load().table("areas").rows
    places: list[tuple[KeyPath, list[Any]]] = [(("gateway", "areas"), entries(table(raw, "gateway"), "areas"))]
    for name, key in (("peer", "areas"), ("route", "area")):
        rows = enumerate(entries(raw, name))
        places += [((name, index, key), entries(row, key)) for index, row in rows if isinstance(row, dict)]
    for path, listed in places:
        for index, area in enumerate(listed):
            if isinstance(area, str) and area not in known:
                yield (*path, index), repr(area), *UNKNOWN_AREA


def gateway_unworkable(raw: Row, peers: list[tuple[KeyPath, Row]]) -> Iterator[Found]:
    """What can never work of ``[gateway]`` and between it and the peers."""
    own = table(raw, "gateway")
    for path, row in peers:
        if row.get("id") is not None and row["id"] == own.get("system_id"):
            zh, en = "与 [gateway] system_id 相同：对端是别的系统", "is [gateway] system_id: a peer is another system"
            yield (*path, "id"), repr(row["id"]), zh, en
    database = own.get("database")
    if own.get("database_password_file") and not (isinstance(database, str) and "@" in database):
        zh = '口令须配 database = "postgresql+psycopg://用户@主机/库"'
        en = 'a password needs database = "postgresql+psycopg://user@host/name"'
        yield ("gateway", "database_password_file"), repr(own["database_password_file"]), zh, en


def routes_unworkable(rows: list[tuple[KeyPath, Row]], peers: list[Row], own: object) -> Iterator[Found]:
    """Routes nothing can take: from nobody there is, to a peer no message reaches, behind one that matches all they match."""
    by_id = {row.get("id"): row for row in peers}
    listed = ", ".join(map(str, by_id)) or "—"
    before: list[Row] = []
    for path, row in rows:
        for index, sender in enumerate(entries(row, "sender")):
            if sender not in by_id:
                zh, en = f"没有这个对端；现有：{listed}", f"no such peer; there are: {listed}"
                yield (*path, "sender", index), repr(sender), zh, en
        target = by_id.get(row.get("to"))
        if target is not None and not target.get("connect") and not target.get("duplex"):
            zh, en = "报文到不了它：给该对端 connect 或 duplex", "no message reaches it: give that peer connect or duplex"
            yield (*path, "to"), repr(row["to"]), zh, en
        first = next((one for one in before if _covers(one, row, own)), None)
        if first is not None:
            name = first.get("name")
            zh = f"路由 {name} 在前，已匹配它的一切：调换次序"
            en = f"route {name} before it matches all it does: change their order"
            yield path, "", zh, en
        before.append(row)


def _covers(first: Row, second: Row, own: object) -> bool:
    """Whether whatever matches ``second`` matches ``first``. A document never goes back to whom it comes from, and one that
    names this system only where the route does, too (``gateway.hub.routing``)."""
    senders = entries(second, "sender")
    if first.get("to") != second.get("to") and (not senders or first.get("to") in senders):
        return False
    if not entries(first, "receiver") and own in entries(second, "receiver"):
        return False
    for name in ("sender", "receiver", "message", "area"):
        wide, narrow = entries(first, name), entries(second, name)
        if wide and not (narrow and all(one in wide for one in narrow)):
            return False
    wide, narrow = entries(first, "key"), entries(second, "key")
    return not wide or bool(narrow and all(any(str(one).startswith(str(start)) for start in wide) for one in narrow))
