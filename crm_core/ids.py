"""The ids this system gives, kind and number: whatever looks otherwise, somebody else chose (spec 02, Id)."""

from __future__ import annotations

DIGITS = 12


def own_id(kind: str, number: int) -> str:
    """The ``number``-th id of ``kind``."""
    return f"{kind}{number:0{DIGITS}d}"


def is_own(kind: str, given: str) -> bool:
    """Whether ``given`` looks like an id of ours: if we do not know it, we have not given it, but one day may."""
    number = given.removeprefix(kind)
    return given.startswith(kind) and len(number) == DIGITS and number.isascii() and number.isdecimal()
