"""The CRM's copy of a cutover and of the instances it moves (spec 03, 5.12)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Cutover:
    """割接. ``instances`` are the ids of all its items, in order of arrival; ``done``, ``failed`` and ``excluded`` count items
    that ended so. ``alarmed_at``: when the freeze window ended without an end of the freeze. Times in ms."""

    id: str
    area: str
    pf_system: str
    state: str = "1"
    freeze_begin: int = 0
    freeze_end: int = 0
    instances: list[str] = field(default_factory=list)
    done: int = 0
    failed: int = 0
    excluded: int = 0
    reason: dict[str, Any] | None = None
    created_at: int = 0
    alarmed_at: int | None = None
    ended_at: int | None = None
    row_version: int = 0


@dataclass(slots=True)
class CutoverItem:
    """One instance of a cutover; ``id`` is ``item_key``. ``blocking`` are orders that keep it from being frozen."""

    id: str
    cutover_id: str
    instance_id: str
    state: str = "planned"
    reason: dict[str, Any] | None = None
    blocking: list[str] = field(default_factory=list)
    since: int = 0
    row_version: int = 0


def item_key(cutover_id: str, instance_id: str) -> str:
    """The id of an item's row."""
    return f"{cutover_id}/{instance_id}"
