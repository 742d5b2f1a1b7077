"""The third noun: a document, validated XML as a plain dict with its row (architecture 1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from schemas.model import MessageRow

Body = dict[str, Any]
"""Body fields by wire name: leaf -> str, int (xs integer types) or bool; structure -> dict; list wrapper -> list."""


@dataclass(slots=True)
class Header:
    """The Package header (spec 01.2). Times are wire strings ``yyyyMMddHHmmss``; ``ttl`` is seconds, 0 = no limit."""

    code: str
    serial: str
    sender: str
    receiver: str
    area: str = ""
    send_time: str = ""
    version: str = "0.9"
    mode: str = "A"
    ttl: int = 0
    ref_serial: str | None = None
    result_code: str | None = None
    result_text: str | None = None
    operations: tuple[tuple[str, str, str], ...] = ()
    """Type, id and what was made of each operation a request was written as, for its answer to name (spec 05.1)."""
    echoed: tuple[tuple[str, str], ...] = ()
    """Fields of the envelope a request came in, by path, which its answer repeats (spec 05.2)."""
    piece: Piece | None = None
    """What is here where the document comes in several packages (spec 05.1)."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One package of ``total`` in ``group``, the ``at``-th, with its ``content`` (an XML element); ``join`` makes the document
    of all pieces, this one's header its own. Raises DocumentRefused."""

    group: str
    at: int
    total: int
    content: Any
    join: Callable[[Sequence[Piece]], Document]


@dataclass(slots=True)
class Document:
    """A message, answer or receipt. ``element`` is the body element's name: the row's, its answer, or ``Receipt``."""

    row: MessageRow
    element: str
    header: Header
    body: Body = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a document (spec 01.2 rule 5): where, which rule, what was found, said in both languages."""

    path: str
    rule: str
    found: str
    zh: str
    en: str

    @property
    def text(self) -> str:
        """Both languages in one line, as it travels in ``Receipt/faults/fault/text``."""
        return f"{self.zh} / {self.en}"


class DocumentRefused(Exception):
    """The peer's bytes are no acceptable document.

    ``symbol`` names a 1xxx/2xxx row of the result-code table; ``faults`` lists every fault found; ``header`` is what could
    be read of the header, so that the refusal can be matched by the peer.
    """

    def __init__(self, symbol: str, faults: tuple[Fault, ...] = (), header: Header | None = None, detail: str = "") -> None:
        super().__init__(f"{symbol}: {detail or (faults[0].text if faults else '')}")
        self.symbol = symbol
        self.faults = faults
        self.header = header
        self.detail = detail
