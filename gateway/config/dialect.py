"""What a peer row says of the peer's own names and codes, ``[peer.dialect]``, and the routing table, ``[[route]]`` (spec 02.2).

The manner itself - layout, envelope, charset - stands in the peer row; here stands what differs inside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from adapters.envelopes.dialect import BodyMap, Dialect, FieldMap
from schemas.loader import RECEIPT, Catalogue, load
from schemas.model import EnvelopeRow

Names = dict[str, Annotated[str, Field(max_length=200)]]
Place = tuple[str | int, ...]
_Found = tuple[Place, str, str, str]


class DialectTable(BaseModel):
    """A table of the file: unknown keys are faults, values are not converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class FieldRow(DialectTable):
    """One field of a body: see ``adapters.envelopes.dialect.FieldMap``."""

    name: str | None = None
    values: Names = {}
    default: str | None = None
    omit: bool = False


class BodyRow(DialectTable):
    """A body under the peer's names: its element and fields by our path."""

    element: str | None = None
    fields: dict[str, FieldRow] = {}


class DialectRow(DialectTable):
    """``[peer.dialect]``: see ``adapters.envelopes.dialect.Dialect``. The secret lies in a file."""

    inner: Literal["body", "package", "json", "soo"] | None = None
    user: Annotated[str, Field(max_length=64)] = ""
    secret_file: Annotated[Path | None, Field(strict=False)] = None
    signed: bool = False
    datetimes: Literal["compact", "xs"] = "compact"
    systems: Names = {}
    areas: Names = {}
    codes: Names = {}
    results: Names = {}
    results_out: Names = {}
    fields: Names = {}
    bodies: dict[str, BodyRow] = {}

    def dialect(self, own: str, peer: str, version: str, mode: str) -> Dialect:
        """The dialect of ``peer``. Raises OSError when the secret cannot be read."""
        secret = "" if self.secret_file is None else self.secret_file.read_text(encoding="utf-8").strip()
        bodies = {
            name: BodyMap(body.element, {path: FieldMap(**field.model_dump()) for path, field in body.fields.items()})
            for name, body in self.bodies.items()
        }
        return Dialect(
            own=own, peer=peer, version=version, mode=mode, inner=self.inner, systems=self.systems, areas=self.areas,
            codes=self.codes, results=self.results, results_out=self.results_out, fields=self.fields, bodies=bodies,
            user=self.user, secret=secret, signed=self.signed, datetimes=self.datetimes,
        )  # fmt: skip


class Route(DialectTable):
    """``[[route]]``: which documents go where; empty lists match everything, the first row that matches decides.

    ``receiver`` is the one the document names, ``sender`` the peer it comes from, ``key`` beginnings of the order key.
    """

    name: Annotated[str, Field(min_length=1, max_length=60)]
    sender: Annotated[tuple[str, ...], Field(strict=False)] = ()
    receiver: Annotated[tuple[str, ...], Field(strict=False)] = ()
    message: Annotated[tuple[str, ...], Field(strict=False)] = ()
    area: Annotated[tuple[str, ...], Field(strict=False)] = ()
    key: Annotated[tuple[str, ...], Field(strict=False)] = ()
    to: Annotated[str, Field(min_length=1, max_length=6)]


def dialect_checks(path: Place, row: dict[str, Any], own: object) -> Iterator[_Found]:
    """What is wrong with a peer's dialect by the catalogue; tolerant of values wrong by themselves."""
    catalogue = load()
    table = row.get("dialect")
    dialect: dict[str, Any] = table if isinstance(table, dict) else {}
    here = (*path, "dialect") if dialect else path
    yield from _codes(catalogue, here, dialect, row.get("envelope"))
    for theirs, ours in _items(dialect, "results"):
        yield from _known(catalogue.result, str(ours), (*here, "results", theirs), "结果码", "result code")
    for name, _ in _items(dialect, "bodies"):
        if name != RECEIPT:
            yield from _known(catalogue.by_element, name, (*here, "bodies", name), "报文元素", "message element")
    if dialect.get("signed") is True and dialect.get("secret_file") is None:
        yield (*here, "signed"), "true", "签名需要 secret_file", "signing needs secret_file"
    yield from _envelope(catalogue, here, row, dialect, own)
    yield from _login(catalogue, path, row, dialect)


def _codes(catalogue: Catalogue, here: Place, dialect: dict[str, Any], envelope: object) -> Iterator[_Found]:
    try:
        pattern = catalogue.envelope(str(envelope)).code_pattern
    except LookupError:
        pattern = ""
    for ours, theirs in _items(dialect, "codes"):
        where = (*here, "codes", ours)
        yield from _known(catalogue.message, ours, where, "报文编码", "message code")
        if pattern and re.fullmatch(pattern, str(theirs)) is None:
            yield where, repr(theirs), f"此封装的编码形如 {pattern}", f"codes of this envelope look like {pattern}"


def _envelope(
    catalogue: Catalogue, here: Place, row: dict[str, Any], dialect: dict[str, Any], own: object
) -> Iterator[_Found]:
    """What the chosen envelope needs of the row."""
    try:
        envelope = catalogue.envelope(str(row.get("envelope", "package")))
        layout = catalogue.layout(str(row.get("layout", "ctif-128")))
    except LookupError:
        return
    if envelope.shape == "line" and row.get("binding", "socket") != "socket":
        yield (*path_of(here), "envelope"), repr(envelope.name), (
            f"封装 {envelope.name} 不含报文编码，SOAP 与 HTTP 上无从得知：请用套接字，布局如 bd-272"
        ), f"{envelope.name} says no message code, and SOAP and HTTP neither: use a socket and a layout like bd-272"
    elif envelope.shape == "line" and not any(one.role == "code" for one in layout.fields):
        yield (*path_of(here), "envelope"), repr(envelope.name), (
            f"封装 {envelope.name} 不含报文编码，布局 {layout.name} 的包头也没有：请用 bd-272 一类的布局"
        ), f"{envelope.name} says no message code, and the header of {layout.name} neither: use a layout like bd-272"
    yield from _serials(here, row, dialect, own, envelope)
    serials = [one for one in envelope.fields if one.role == "serial" and one.on != "request"]
    told = envelope.shape == "native" or serials or dialect.get("inner", envelope.inner) == "package"
    header = any(one.role == "serial" for one in layout.fields)
    if not told and not header and row.get("window", 32) != 1 and row.get("long", True) is not False:
        yield (*path_of(here), "window"), str(row.get("window", 32)), (
            "此封装的应答不带流水号，报文头也没有：window 须为 1，或用短连接"
        ), "neither this envelope's answers nor the layout carry a serial: window must be 1, or connections short"


def _serials(
    here: Place, row: dict[str, Any], dialect: dict[str, Any], own: object, envelope: EnvelopeRow
) -> Iterator[_Found]:
    """Where serials are composed of the names of systems, these must have their width."""
    systems: dict[Any, Any] = dict(_items(dialect, "systems"))
    sender = envelope.playing("sender")
    if envelope.serial and sender is not None:
        for system in (own, row.get("id")):
            theirs = systems.get(system, system)
            if isinstance(system, str) and len(str(theirs)) != sender.width:
                yield (*here, "systems"), repr(theirs), (
                    f"封装 {envelope.name} 的系统编码为 {sender.width} 位：请在 [peer.dialect.systems] 登记 {system}"
                ), f"{envelope.name} names systems in {sender.width} characters: add {system} to [peer.dialect.systems]"


def _login(catalogue: Catalogue, path: Place, row: dict[str, Any], dialect: dict[str, Any]) -> Iterator[_Found]:
    """Who logs in with a document needs an envelope that can say it; some headers have room for a password instead."""
    login = row.get("login")
    try:
        envelope = catalogue.envelope(str(row.get("envelope", "package")))
        layout = catalogue.layout(str(row.get("layout", "ctif-128")))
    except LookupError:
        return
    if not isinstance(login, dict) or not (login.get("user") or login.get("required")):
        return
    asked = catalogue.by_element("Login")
    codes = {**envelope.codes, **dict(_items(dialect, "codes"))}
    lines = [line.element for line in envelope.lines]
    dumb = (envelope.code_pattern and asked.code not in codes) or (lines and asked.name not in lines)
    if dumb and not any(one.role == "password" for one in layout.fields) and row.get("binding", "socket") == "socket":
        yield (*path, "login"), "", (
            f"封装 {envelope.name} 说不出 {asked.code} {asked.zh}：在 [peer.dialect.codes] 登记 {asked.code}，或不用登录"
        ), f"{envelope.name} cannot say {asked.code} {asked.name}: add {asked.code} to [peer.dialect.codes], or leave login out"


def path_of(here: Place) -> Place:
    """The peer row's own path."""
    return here[:-1] if here and here[-1] == "dialect" else here


def route_checks(rows: list[tuple[Place, dict[str, Any]]], peers: list[Any]) -> Iterator[_Found]:
    """Routes must lead to peers there are, for messages there are."""
    catalogue = load()
    listed = ", ".join(str(peer) for peer in peers) or "—"
    for path, row in rows:
        to, codes = row.get("to"), row.get("message")
        if isinstance(to, str) and to not in peers:
            yield (*path, "to"), repr(to), f"没有这个对端；现有：{listed}", f"no such peer; there are: {listed}"
        for index, code in enumerate(codes if isinstance(codes, list) else ()):
            yield from _known(catalogue.message, str(code), (*path, "message", index), "报文编码", "message code")


def _items(table: dict[str, Any], key: str) -> list[tuple[str, Any]]:
    found = table.get(key)
    return list(found.items()) if isinstance(found, dict) else []


def _known(find: Any, name: str, where: Place, zh: str, en: str) -> Iterator[_Found]:
    try:
        find(name)
    except LookupError:
        yield where, repr(name), f"没有这个{zh}：bssgw schema list", f"no such {en}: see bssgw schema list"
