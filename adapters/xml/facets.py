"""What a type surely allows, as regular expressions: for texts that are valid beyond doubt, without asking lxml.

An expression may refuse what its type allows (then lxml decides as always), never allow what its type refuses.  Texts it is
asked about hold no control characters and no blanks to collapse: many can be matched at once, a line each (``forms``).
"""

from __future__ import annotations

import re

from schemas.shape import Leaf

_DIGITS = {"byte": 2, "short": 4, "int": 9, "unsignedByte": 2, "unsignedShort": 4, "unsignedInt": 9}
"""Decimal digits every number of which is in the range of the built-in type; 18 for the others."""
_TEXTS = frozenset(("string", "token", "normalizedString"))
_SAME_IN_BOTH = re.compile(r"(?:[A-Za-z0-9 ,_#:/=]|\\[-.+*?()\[\]{}|]|\[(?:[A-Za-z0-9 ,_#:/=+*.?()]|\\[-.+]|-)+\]|[(){}|?*+])+")
"""Patterns that XSD and Python read alike: plain characters, escaped marks, positive classes, groups and counts."""


def expression(leaf: Leaf) -> str | None:
    """The regular expression of texts ``leaf`` surely allows, to be matched whole; None where nothing is sure."""
    if leaf.members:
        members = [one for member in leaf.members if (one := expression(member)) is not None]
        return f"(?:{'|'.join(members)})" if members and not (leaf.enumeration or leaf.patterns) else None
    if leaf.kind == "bool":
        return None if leaf.patterns or leaf.enumeration else "(?:true|false|[01])"
    if leaf.kind == "int":
        return _number(leaf)
    if leaf.base not in _TEXTS:
        return None
    if leaf.enumeration:
        # enumerated values are checked alone: whatever else restricts them, they were written to be valid
        values = [re.escape(value) for value in leaf.enumeration if _kept(leaf, value)]
        return f"(?:{'|'.join(values)})" if values else None
    if not all(_SAME_IN_BOTH.fullmatch(pattern) for pattern in leaf.patterns):
        return None
    low, high = leaf.min_length or 0, "" if leaf.max_length is None else leaf.max_length
    if not leaf.patterns:
        return f".{{{low},{high}}}+"
    *ahead, last = (f"(?:{pattern})" for pattern in leaf.patterns)
    if low or high != "":
        ahead.append(f".{{{low},{high}}}")
    return "".join(f"(?={one}\n)" for one in ahead) + last


def _number(leaf: Leaf) -> str | None:
    """Numbers without sign and leading zeros that have so few digits that they are surely within bounds."""
    if leaf.patterns or leaf.enumeration or leaf.base in ("nonPositiveInteger", "negativeInteger"):
        return None
    most = _DIGITS.get(leaf.base, 18)
    if leaf.max_value is not None:
        # as many digits as the bound has if that is 9...9, one less otherwise
        most = min(most, len(str(leaf.max_value + 1)) - 1) if leaf.max_value >= 0 else 0
    low = leaf.min_value if leaf.min_value is not None else 0
    if low > 1 or most < 1:
        return None
    more = f"[1-9][0-9]{{0,{most - 1}}}"
    return more if low == 1 else f"(?:0|{more})"


def _kept(leaf: Leaf, value: str) -> bool:
    low, high = leaf.min_length or 0, leaf.max_length
    fits = len(value) >= low and (high is None or len(value) <= high)
    return fits and not leaf.patterns and not re.search(r"[\x00-\x1f&]|^ | $|  ", value)
