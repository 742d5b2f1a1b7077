"""Something a customer is to be told that no order of his tells (spec 5.12: a cutover changed his number or line).

It leaves for the channel as CH04 with the transaction that made it (``tell``); this row is what was told, for people and audit.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class CustomerNotice:
    """``about`` is what caused it (a cutover's id); both texts are ready to be sent; ``created_at`` is ms."""

    id: str
    customer_id: str
    instance_id: str
    about: str
    zh: str
    en: str
    created_at: int
    row_version: int = 0
