"""Values of a case that are only known when it runs: ``${...}`` in its texts.

    ${SO1}               an id of this case: the letters, a digit and the case's token, the same wherever it is written
    ${token}             the case's token itself
    ${now}  ${now+3d}    wire time; s, m, h, d behind the number
    ${order.version+1}   a field of what was sent or came under a label, by path; numbers may be counted on
    ${order.header.serial}, ${pixit.area}, ${it.items.0.item_id}
    ${it.customer_order_id?}   left out where there is none

A text that is one placeholder keeps the value's type.  ``{ each = "it.items", as = "item", value = {...} }`` makes a list;
``{ hmac = "text", key = "secret" }`` is the HMAC-SHA-256 of a text under a key, in hex.
Ids carry the run's and the case's token, so that nobody else's records are touched and what comes finds its case (07.10).
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from adapters.wire.times import wire_time

_HOLE = re.compile(r"\$\{([^${}]+)\}")
_ID = re.compile(r"[A-Z]{2,3}[0-9]")
_TIME = re.compile(r"now(?:([+-])([0-9]+)([smhd]))?")
_PATH = re.compile(r"([a-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*)(?:([+-])([0-9]+))?(\?)?")
_UNITS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_SPAN = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)")
_KEYED = {"hmac", "key"}


class _Absent:
    """What an optional placeholder without value is; it is left out."""


ABSENT = _Absent()


class Exactly(str):
    """A text an expectation was filled with: nothing in it is a pattern, whoever it came from."""

    __slots__ = ()


class Unresolved(LookupError):
    """A placeholder nobody can fill; the text names it in both languages."""

    def __init__(self, name: str) -> None:
        super().__init__(f"占位符 ${{{name}}} 没有值 / placeholder ${{{name}}} has no value")
        self.name = name


@dataclass(frozen=True, slots=True)
class Scope:
    """What placeholders are filled from: ``names`` by first path part, the case's ``token``, the time ``now`` (ms).
    ``exact``: texts they are filled with are wanted as they are."""

    names: Mapping[str, Any]
    token: str
    now: int
    exact: bool = False

    def beside(self, **more: Any) -> Scope:
        """The same with further names."""
        return replace(self, names={**self.names, **more})


def span_ms(text: str) -> int | None:
    """A duration such as ``500ms``, ``30s``, ``4h`` in ms; None if it is none."""
    match = _SPAN.fullmatch(text)
    if match is None:
        return None
    factor = 1 if match.group(2) == "ms" else _UNITS[match.group(2)]
    return round(float(match.group(1)) * factor)


def holes(value: Any) -> list[str]:
    """Every placeholder in a value, as written."""
    if isinstance(value, str):
        return _HOLE.findall(value)
    if isinstance(value, dict):
        return [hole for inner in value.values() for hole in holes(inner)]
    if isinstance(value, list):
        return [hole for inner in value for hole in holes(inner)]
    return []


def root_of(hole: str) -> str | None:
    """The name a placeholder begins with; None for ids and times. Raises Unresolved if it is no placeholder at all."""
    if _ID.fullmatch(hole) or _TIME.fullmatch(hole):
        return None
    match = _PATH.fullmatch(hole)
    if match is None:
        raise Unresolved(hole)
    return match.group(1).partition(".")[0]


def render(value: Any, scope: Scope) -> Any:
    """``value`` with every placeholder filled. Raises Unresolved."""
    if isinstance(value, str):
        return _text(value, scope)
    if isinstance(value, dict):
        if "each" in value and "value" in value:
            return _each(value, scope)
        if set(value) == _KEYED:
            return _keyed(value, scope)
        filled = {name: render(inner, scope) for name, inner in value.items()}
        return {name: inner for name, inner in filled.items() if inner is not ABSENT}
    if isinstance(value, list):
        return [entry for entry in (render(inner, scope) for inner in value) if entry is not ABSENT]
    return value


def pattern(value: Any, scope: Scope) -> Any:
    """An expectation with every placeholder filled. Raises Unresolved."""
    return render(value, replace(scope, exact=True))


def _exactly(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _exactly(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_exactly(inner) for inner in value]
    return Exactly(value) if isinstance(value, str) else value


def _keyed(spec: dict[str, Any], scope: Scope) -> str:
    """A digest under a key: the text and the key may have holes."""
    key, text = (str(render(spec[name], scope)).encode() for name in ("key", "hmac"))
    return hmac.new(key, text, "sha256").hexdigest()


def look_up(data: Any, path: str) -> Any:
    """What stands at a dotted path of dicts and lists, or ABSENT."""
    for part in path.split("."):
        if isinstance(data, dict) and part in data:
            data = data[part]
        elif isinstance(data, list) and part.isdigit() and int(part) < len(data):
            data = data[int(part)]
        else:
            return ABSENT
    return data


def _text(text: str, scope: Scope) -> Any:
    whole = _HOLE.fullmatch(text)
    if whole is not None:
        value = _value(whole.group(1), scope)
        return _exactly(value) if scope.exact else value
    fits = scope.exact and text.startswith("~")

    def fill(match: re.Match[str]) -> str:
        value = _value(match.group(1), scope)
        filled = "" if value is ABSENT else str(value)
        return re.escape(filled) if fits else filled

    return _HOLE.sub(fill, text)


def _value(hole: str, scope: Scope) -> Any:
    if _ID.fullmatch(hole):
        return hole + scope.token
    if hole == "token":
        return scope.token
    time = _TIME.fullmatch(hole)
    if time is not None:
        sign, count, unit = time.groups()
        shift = int(count) * _UNITS[unit] if count else 0
        return wire_time(scope.now + (-shift if sign == "-" else shift))
    match = _PATH.fullmatch(hole)
    if match is None:
        raise Unresolved(hole)
    path, sign, count, optional = match.groups()
    value = look_up(scope.names, path)
    if value is ABSENT:
        if optional:
            return ABSENT
        raise Unresolved(hole)
    if count is None:
        return value
    if not isinstance(value, int):
        raise Unresolved(hole)
    return value + (-int(count) if sign == "-" else int(count))


def _each(spec: dict[str, Any], scope: Scope) -> Any:
    """A list made of a list."""
    path = str(spec["each"])
    source = look_up(scope.names, path.removesuffix("?"))
    if source is ABSENT:
        if path.endswith("?"):
            return ABSENT
        raise Unresolved(path)
    name = str(spec.get("as", "one"))
    return [render(spec["value"], scope.beside(**{name: entry, "n": n})) for n, entry in enumerate(source, 1)]
