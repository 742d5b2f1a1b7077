"""Result codes as they travel: brains say symbols, the wire numbers (spec 02.2)."""

from __future__ import annotations

from functools import cache

from schemas.loader import load
from schemas.model import Category, ResultCode


@cache
def _row(code_or_symbol: str) -> ResultCode:
    return load().result(code_or_symbol)


def number(symbol: str) -> str:
    """The wire's number of a result symbol, e.g. ``STATE_CONFLICT`` -> ``3004``."""
    return _row(symbol).code


def category(code: str) -> Category:
    """What logic reads of a result number; one nobody knows is a refusal for good."""
    try:
        return _row(code).category
    except LookupError:
        return "rejected"


def receipt(symbol: str, state: str | None = None, faults: tuple[dict[str, str], ...] = ()) -> dict[str, object]:
    """Body of a ``Receipt`` (spec 02), text in both languages."""
    row = _row(symbol)
    body: dict[str, object] = {"code": row.code, "text": f"{row.zh} / {row.en}"}
    if faults:
        body["faults"] = list(faults)
    if state is not None:
        body["state"] = state
    return body
