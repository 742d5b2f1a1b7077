"""Reading the configuration file: TOML in, ``Config`` out, or every fault of the file with its line and a way out."""

from __future__ import annotations

import ipaddress
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from gateway.config.addresses import address_checks
from gateway.config.dialect import dialect_checks, route_checks
from gateway.config.faults import ConfigError, ConfigFault, dotted, faults_of, show
from gateway.config.http import http_checks, resolved
from gateway.config.layouts import own_layouts
from gateway.config.maps import maps_unworkable
from gateway.config.model import Config
from gateway.config.products import product_checks
from gateway.config.tls import pin_checks, tls_checks
from gateway.config.unworkable import area_checks, gateway_unworkable, peer_unworkable, routes_unworkable
from gateway.config.wsdl import wsdl_checks
from schemas.loader import UnknownName, load
from schemas.toml_lines import KeyPath, key_lines, line_of

ROW = 2
"""Steps of a path to a row of a list."""


def example_text() -> str:
    """The commented example that ships with the product."""
    return (files("gateway") / "example.toml").read_text(encoding="utf-8")


def load_file(path: Path, *, reach: bool = False) -> Config:
    """The configuration in ``path``; relative paths in it start at its folder. ``reach``: as for ``parse``. Raises ConfigError
    with all faults."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise ConfigError(
            str(path),
            [
                ConfigFault(
                    1,
                    "",
                    "",
                    f"读不到配置文件（{fault}）：用 bssgw config example > {path.name} 生成一份",
                    f"cannot be read ({fault}): write one with bssgw config example > {path.name}",
                )
            ],
        ) from fault
    return parse(text, str(path), path.resolve().parent, reach=reach)


def load_example(base: Path) -> Config:
    """The shipped example with its data under ``base``: what runs where no configuration is named."""
    return parse(example_text(), "example.toml", base)


def parse(text: str, source: str, base: Path, *, reach: bool = False) -> Config:
    """``text`` as a Config; ``source`` names it in faults, relative paths start at ``base``. ``reach``: peers are systems of
    others, whose addresses must be known; simulators of ours may take any port (0). Raises ConfigError."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        line = fault.lineno if hasattr(fault, "lineno") else _line_in(str(fault))
        texts = (f"不是合法的 TOML：{fault}，请改正这一行", f"not valid TOML: {fault}; mend this line")
        raise ConfigError(source, [ConfigFault(line, "", "", *texts)]) from fault
    lines = key_lines(text)
    told = list(_cross_checks(raw, base, reach=reach))
    told += [one for one in _unworkable(raw, base) if not _known(one[0], [path for path, *_ in told])]
    faults = [ConfigFault(line_of(lines, path), dotted(path), found, zh, en) for path, found, zh, en in told]
    config: Config | None = None
    try:
        config = Config.model_validate(raw)
    except ValidationError as error:
        faults += faults_of(error, lines)
    if faults or config is None:
        raise ConfigError(source, faults)
    return _resolved(config, base)


def _resolved(config: Config, base: Path) -> Config:
    table = config.gateway
    update: dict[str, Any] = {"data_dir": base / table.data_dir}
    for name in ("layouts", "products", "database_password_file"):
        value = getattr(table, name)
        if value is not None:
            update[name] = base / value
    return config.model_copy(
        update={
            "gateway": table.model_copy(update=update),
            "listen": tuple(resolved(row, base) for row in config.listen),
            "peer": tuple(resolved(row, base) for row in config.peer),
        }
    )


def _line_in(text: str) -> int:
    """The line ``tomllib`` names in its message (``(at line 3, column 5)``)."""
    _, _, rest = text.partition("at line ")
    number = rest.split(",", 1)[0]
    return int(number) if number.isdigit() else 1


_Found = tuple[KeyPath, str, str, str]


def _rows(raw: dict[str, Any], name: str) -> list[tuple[KeyPath, dict[str, Any]]]:
    rows = raw.get(name)
    if not isinstance(rows, list):
        return []
    return [((name, index), row) for index, row in enumerate(rows) if isinstance(row, dict)]


def _cross_checks(raw: dict[str, Any], base: Path, *, reach: bool) -> Iterator[_Found]:
    """What one value alone cannot show; tolerant of values wrong by themselves, those are reported elsewhere."""
    listens, peers = _rows(raw, "listen"), _rows(raw, "peer")
    yield from _twice(listens, "name")
    yield from _twice(listens, "address", unless=lambda value: str(value).endswith(":0"))
    yield from _twice(peers, "id")
    yield from _operator_checks(_rows(raw, "operator"))
    names = [row.get("name") for _, row in listens]
    known_areas = raw["gateway"].get("areas") if isinstance(raw.get("gateway"), dict) else None
    own_rows, faults = own_layouts(raw.get("gateway"), base)
    yield from faults
    yield from product_checks(raw.get("gateway"), base)
    for path, row in [*listens, *peers]:
        yield from _named_rows(path, row, [one.name for one in own_rows])
        yield from address_checks(path, row, reach=reach)
        yield from http_checks(path, row, base)
        yield from tls_checks(path, row, base)
    own = raw["gateway"].get("system_id") if isinstance(raw.get("gateway"), dict) else None
    for path, row in peers:
        yield from _peer_checks(path, row, names, known_areas if isinstance(known_areas, list) else [])
        yield from dialect_checks(path, row, own)
        yield from wsdl_checks(path, row, base)
        yield from pin_checks(path, row, [one for _, one in listens])
    yield from route_checks(_rows(raw, "route"), [row.get("id") for _, row in peers])
    if isinstance(raw.get("gateway"), dict):
        yield from _database_checks(raw["gateway"], base)


def _unworkable(raw: dict[str, Any], base: Path) -> Iterator[_Found]:
    """Values that are right, and together can never do anything."""
    listens, peers = [row for _, row in _rows(raw, "listen")], _rows(raw, "peer")
    layouts = {one.name: one for one in (*load().layouts(), *own_layouts(raw.get("gateway"), base)[0])}
    yield from gateway_unworkable(raw, peers)
    yield from area_checks(raw)
    for path, row in peers:
        yield from peer_unworkable(path, row, listens, layouts)
        yield from maps_unworkable(path, row)
    own = raw["gateway"].get("system_id") if isinstance(raw.get("gateway"), dict) else None
    yield from routes_unworkable(_rows(raw, "route"), [row for _, row in peers], own)


def _known(path: KeyPath, told: list[KeyPath]) -> bool:
    """Whether something is wrong there already: what a wrong value would or would not do nobody needs to hear."""
    return any(one[: len(path)] == path or (len(one) > ROW and path[: len(one)] == one) for one in told)


def _operator_checks(rows: list[tuple[KeyPath, dict[str, Any]]]) -> Iterator[_Found]:
    """Everybody is named once and has a role of the table."""
    yield from _twice(rows, "name")
    known = list(load().table("desk_roles").rows)
    for path, row in rows:
        if isinstance(row.get("role"), str) and row["role"] not in known:
            listed = ", ".join(known)
            yield (*path, "role"), show(row["role"]), f"未知；可用：{listed}", f"unknown; known: {listed}"


def _twice(rows: list[tuple[KeyPath, dict[str, Any]]], key: str, unless: Any = lambda value: False) -> Iterator[_Found]:
    seen: list[object] = []
    for path, row in rows:
        value = row.get(key)
        if value is None or unless(value):
            continue
        if value in seen:
            yield (*path, key), show(value), "与前面的一项重复，请改成不同的值", "stands twice; give each its own"
        seen.append(value)


def _named_rows(path: KeyPath, row: dict[str, Any], own: list[str]) -> Iterator[_Found]:
    """Names of layouts, envelopes and schema versions must be rows of the catalogue, or ``own`` layouts."""
    catalogue = load()
    for key, find, known in (
        ("layout", catalogue.layout, [*(entry.name for entry in catalogue.layouts()), *own]),
        ("envelope", catalogue.envelope, [entry.name for entry in catalogue.envelopes()]),
        ("schema_version", catalogue.version, list(catalogue.versions())),
    ):
        value = row.get(key)
        if not isinstance(value, str) or (key == "layout" and value in own):
            continue
        try:
            find(value)
        except UnknownName:
            listed = ", ".join(known)
            yield (*path, key), show(value), f"未知；可用：{listed}", f"unknown; known: {listed}"


def _entries(row: dict[str, Any], key: str) -> list[Any]:
    value = row.get(key)
    return value if isinstance(value, list) else []


def _peer_checks(path: KeyPath, row: dict[str, Any], names: list[Any], areas: list[Any]) -> Iterator[_Found]:
    listen = row.get("listen")
    if isinstance(listen, str) and listen not in names:
        listed = ", ".join(str(name) for name in names) or "—"
        yield (
            (*path, "listen"),
            show(listen),
            f"没有这个 [[listen]]；现有：{listed}",
            f"no such [[listen]]; there are: {listed}",
        )
    if not row.get("connect") and listen is None:
        yield path, "", "对端既无 connect 也无 listen：至少写一个", "neither connect nor listen: write at least one"
    login = row.get("login")
    if isinstance(login, dict) and (login.get("user") or login.get("required")) and not login.get("secret_file"):
        yield (*path, "login"), "", "登录须有 secret_file（共享密钥文件）", "a login needs secret_file, its shared secret"
    rate: dict[str, Any] = row["rate"] if isinstance(row.get("rate"), dict) else {}
    for burst, of in (("burst", "messages"), ("per_address_burst", "per_address")):
        if burst in rate and of not in rate:
            yield (*path, "rate", burst), show(rate[burst]), f"须同时写 {of}", f"needs {of} beside it"
    for index, area in enumerate(_entries(row, "areas")):
        if areas and area not in areas and area in load().table("areas").rows:
            yield (*path, "areas", index), show(area), "不在 [gateway] areas 之内", "not among [gateway] areas"
    for index, entry in enumerate(_entries(row, "allow_addresses")):
        try:
            ipaddress.ip_network(entry, strict=False)
        except (ValueError, TypeError):
            found = (*path, "allow_addresses", index)
            yield (
                found,
                show(entry),
                '须为 IP 地址或网段，例如 "10.0.0.0/8"',
                'must be an IP address or network like "10.0.0.0/8"',
            )


def _database_checks(table: dict[str, Any], base: Path) -> Iterator[_Found]:
    path: KeyPath = ("gateway", "database")
    url = table.get("database")
    if isinstance(url, str):
        parts = urlsplit(url)
        if parts.scheme not in ("sqlite", "postgresql+psycopg", "postgresql"):
            yield (
                path,
                show(url.split("@")[-1]),
                "须以 sqlite:/// 或 postgresql+psycopg:// 开头",
                "must begin with sqlite:/// or postgresql+psycopg://",
            )
        if parts.password:
            yield (
                path,
                "",
                "口令不得写在这里：放进文件，用 database_password_file 指向它",
                "no password here: put it into a file and name it in database_password_file",
            )
    secret = table.get("database_password_file")
    if isinstance(secret, str) and not (base / secret).is_file():
        yield ("gateway", "database_password_file"), show(secret), "没有这个文件", "no such file"
