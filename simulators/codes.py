"""Result codes as they travel: brains say symbols, the wire numbers (spec 02.2)."""

from __future__ import annotations

from schemas.loader import load
from schemas.model import Category


def number(symbol: str) -> str:
    """The wire's number of a result symbol, e.g. ``STATE_CONFLICT`` -> ``3004``."""
    return load().result(symbol).code


def category(code: str) -> Category:
    """What logic reads of a result number; one nobody knows is a refusal for good."""
    try:
        return load().result(code).category
    except LookupError:
        return "rejected"


def receipt(symbol: str, state: str | None = None, faults: tuple[dict[str, str], ...] = ()) -> dict[str, object]:
    """Body of a ``Receipt`` (spec 02), text in both languages."""
    row = load().result(symbol)
    body: dict[str, object] = {"code": row.code, "text": f"{row.zh} / {row.en}"}
    if faults:
        body["faults"] = list(faults)
    if state is not None:
        body["state"] = state
    return body
