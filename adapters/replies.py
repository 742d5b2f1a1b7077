"""Receipts and refusals, and what a peer's result codes mean (spec 02, 02.2).

Outward: our symbol becomes a ``Receipt`` body, its number and both texts from the result-code row.  Inward: a raw code becomes
a category by the peer's map; logic reads categories only, and of two levels (header, body) the worse one counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from adapters.document import Body, DocumentRefused, Fault
from adapters.xml.writers import printable
from schemas.loader import Catalogue, load
from schemas.model import Category

_TEXT, _LONG_TEXT, _CODE, _ENTRIES = 500, 2000, 32, 1000
_BLANKS = " \t\r\n\0\u3000"
# best first; of two readings the later one counts
_ORDER: tuple[Category, ...] = ("ok", "duplicate", "accepted", "retry", "rejected", "fatal")


def receipt_body(
    catalogue: Catalogue,
    symbol: str,
    faults: Iterable[Fault] = (),
    state: str | None = None,
    details: Mapping[str, str] | Iterable[tuple[str, str]] = (),
) -> Body:
    """The body of a Receipt for a result ``symbol`` (or number): ``code``, ``text`` as Chinese / English, every fault, the
    current ``state`` (3004), and ``details`` beyond the code as pairs (a name may repeat).

    Texts are cut to the schema's limits and stripped of what XML forbids. Raises LookupError for an unknown symbol.
    """
    row = catalogue.result(symbol)
    body: Body = {"code": row.code, "text": f"{row.zh} / {row.en}"[:_LONG_TEXT]}
    listed = [_entry(fault) for _, fault in zip(range(_ENTRIES), faults, strict=False)]
    if listed:
        body["faults"] = listed
    if state is not None:
        body["state"] = state
    pairs = details.items() if isinstance(details, Mapping) else details
    told = [{"name": name[:_CODE], "value": printable(value)[:_TEXT]} for name, value in pairs][:_ENTRIES]
    if told:
        body["details"] = told
    return body


def refusal_body(catalogue: Catalogue, refused: DocumentRefused) -> Body:
    """The Receipt that answers a refused document, with every fault found in it."""
    return receipt_body(catalogue, refused.symbol, refused.faults)


def _entry(fault: Fault) -> dict[str, str]:
    return {
        "path": printable(fault.path)[:_TEXT],
        "rule": fault.rule[:_TEXT],
        "found": printable(fault.found)[:_TEXT],
        "text": printable(fault.text)[:_LONG_TEXT],
    }


def category_of(
    code: str | None, peer_map: Mapping[str, Category] | None = None, catalogue: Catalogue | None = None
) -> Category:
    """What a raw result code means: by the peer's map, else by our own table; blanks around it are ignored.

    A missing node is no success and an unknown code is nothing to guess at: both are ``fatal``, for a person to see.
    """
    raw = (code or "").strip(_BLANKS)
    if peer_map is not None and raw in peer_map:
        return peer_map[raw]
    try:
        return (catalogue or load()).result(raw).category
    except LookupError:
        return "fatal"


def worse(one: Category, other: Category) -> Category:
    """Of two categories the one that counts."""
    return max(one, other, key=_ORDER.index)


def category_of_levels(
    header_code: str | None,
    body_code: str | None,
    peer_map: Mapping[str, Category] | None = None,
    catalogue: Catalogue | None = None,
) -> Category:
    """The reading of a reply with codes in header and body: the worse counts; ``None`` says the level has no such node.

    No node on either level is ``fatal``.
    """
    given = [code for code in (header_code, body_code) if code is not None]
    read = [category_of(code, peer_map, catalogue) for code in given or (None,)]
    return max(read, key=_ORDER.index)
