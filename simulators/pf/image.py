"""Can what an order says be meant? PF's look at the image of OH01 and CO01 itself (spec 5.4 and 5.6, refusals)."""

from __future__ import annotations

from functools import cache

from schemas.loader import load
from simulators.brain import Body

_NAMED = frozenset({"customer_id", "name"})
_LATER = ("booked_at", "required_finish")
_LOCAL = "local"
_COMPACT = 14

Wrong = tuple[str, str]
"""Symbol of the refusal, and what was found."""


def wrong(image: Body) -> Wrong | None:
    """The first thing wrong with an image: two items of one id 3020, dates that cannot be 3013, an address outside every local
    network 3022."""
    items = image["items"]
    if len(items) > 1 and len({item["item_id"] for item in items}) < len(items):
        return "ATTRIBUTE_INVALID", "items/item_id"
    found = _backwards(image["dates"])
    if found is not None:
        return "DATE_INVALID", found
    areas = _areas()
    for item in items:
        for end in ("a_end", "z_end"):
            address = item.get(end)
            if address is not None and address["area"] not in areas:
                return "ADDRESS_NOT_COVERED", address["area"]
    return None


def nobody(image: Body) -> Wrong | None:
    """3001: the customer is named neither by id nor by its new data."""
    return None if _NAMED & image["customer"].keys() else ("CUSTOMER_UNKNOWN", "customer")


def _backwards(dates: Body) -> str | None:
    """A date before the order was captured. The compact form is compared as it stands; it orders as time does."""
    captured = dates["captured_at"]
    for name in _LATER:
        date = dates.get(name)
        if date is not None and len(date) == len(captured) == _COMPACT and date < captured:
            return f"{name} {date}"
    return None


@cache
def _areas() -> frozenset[str]:
    """Every local network 本地网."""
    return frozenset(code for code, row in load().table("areas").rows.items() if row.extra["kind"] == _LOCAL)
