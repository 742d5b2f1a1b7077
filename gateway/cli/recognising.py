"""What a document too broken to be read still says of itself: the code in its header, the names of its elements."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from schemas.loader import Catalogue

LOOKED_AT = 65_536
"""Characters from the beginning: a message says early what it is."""
_ELEMENT = re.compile(r"<(?:[\w.-]+:)?([A-Za-z_][\w.-]*)")
_CODE = re.compile(r"<(?:[\w.-]+:)?MessageCode>\s*(\w+)")


@dataclass(frozen=True, slots=True)
class Recognised:
    """``message`` like ``OH01 DispatchOrder``, ``root`` the first element's name; None where there is none."""

    message: str | None
    root: str | None

    def for_people(self) -> str:
        """As much as is known, in both languages where it is no name."""
        if self.message is not None:
            return self.message
        if self.root is not None:
            return f"不是已知报文，根元素为 {self.root} / no known message, its root is {self.root}"
        return "没有 XML 元素 / no XML element in it"


def recognised(text: str, catalogue: Catalogue) -> Recognised:
    """What ``text`` seems to be, whether or not it is well-formed: by its code, else by an element that is a message."""
    looked_at = text[:LOOKED_AT]
    names = [found[1] for found in _ELEMENT.finditer(looked_at)]
    root = names[0] if names else None
    code = _CODE.search(looked_at)
    if code is not None:
        try:
            row = catalogue.message(code[1])
        except LookupError:
            row = None
        if row is not None:
            return Recognised(f"{row.code} {next((name for name in names if name in row.elements()), row.name)}", root)
    for name in names:
        try:
            return Recognised(f"{catalogue.by_element(name).code} {name}", root)
        except LookupError:
            continue
    return Recognised(None, root)
