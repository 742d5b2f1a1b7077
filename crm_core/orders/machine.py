"""Applying the item table to items: what a use case calls (spec 04.1).

``Rulebook`` keeps the effects it has worked out, so the hot path is one lookup; the table itself is ``item_states.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crm_core.errors import AttributeInvalid, DomainError, StateConflict
from crm_core.orders.item_states import NAMED, RESUMABLE, Effect, Kind, decide, shown
from crm_core.orders.legality import POLICIES
from crm_core.orders.model import OrderItem

_Key = tuple[str, bool, bool, bool, str, str, bool]


class Rulebook:
    """The item machine under one operator's policies (``policies``: names of ``legality.POLICIES`` -> allowed)."""

    def __init__(self, policies: Mapping[str, bool] | None = None) -> None:
        self.policies = {**POLICIES, **(policies or {})}
        self._known: dict[_Key, Effect] = {}

    def effect(self, item: OrderItem, name: str, lock: str = "free", same_date: bool = False) -> Effect:
        """What ``name`` would do to ``item``; changes nothing and never raises."""
        key = (item.progress, item.fallout, item.cancelling, item.amending, lock, name, same_date)
        effect = self._known.get(key)
        if effect is None:
            overlays = (item.fallout, item.cancelling, item.amending)
            effect = decide(item.progress, overlays, lock, name, self.policies, same_date)
            self._known[key] = effect
        return effect

    def check(self, item: OrderItem, name: str, lock: str = "free", same_date: bool = False) -> Effect:
        """The effect, or ``DomainError`` with the cell's code and the current state if the table refuses it."""
        effect = self.effect(item, name, lock, same_date)
        if effect.kind is Kind.REFUSED:
            raise refusal(item, name, effect)
        return effect


DEFAULT = Rulebook()
_BOOKS: dict[tuple[bool, ...], Rulebook] = {}


def rulebook(policies: Mapping[str, Any]) -> Rulebook:
    """The rulebook for an operator's policies (``Reference.policies``; other entries are ignored)."""
    if not policies:
        return DEFAULT
    key = tuple(bool(policies.get(name, default)) for name, default in POLICIES.items())
    book = _BOOKS.get(key)
    if book is None:
        book = _BOOKS[key] = Rulebook(dict(zip(POLICIES, key, strict=True)))
    return book


def state_of(item: OrderItem) -> str:
    """The item's state: the first of fallout, cancelling, amending, progress (04.1)."""
    if item.fallout or item.cancelling or item.amending:
        return shown(item.progress, (item.fallout, item.cancelling, item.amending))
    return item.progress


def refusal(item: OrderItem, name: str, effect: Effect) -> DomainError:
    """The error for a refused effect: its code, the current state, and a fallout text if a report met it."""
    state = state_of(item)
    zh = f"订单项 {item.item_id} 处于 {state}，不允许 {name}"
    en = f"Item {item.item_id} is {state}: {name} is not allowed"
    fallout = f"{zh} / {en}" if effect.report else None
    return StateConflict(zh, en, code=effect.symbol, state=state, fallout=fallout)


def enact(item: OrderItem, effect: Effect, at: int, target: str | None = None) -> None:
    """Put ``item`` where a ``MOVED`` effect says; ``target`` is the progress an input names (DF03). ``at`` is ms.

    Raises ``AttributeInvalid`` (3020), changing nothing, if the named target is none the table knows.
    """
    progress = effect.progress
    if progress == NAMED:
        if target not in RESUMABLE:
            raise AttributeInvalid(f"不能恢复到 {target}", f"An item cannot resume at {target}")
        progress = str(target)
    if progress != item.progress:
        item.progress = progress
        item.since = at
    item.fallout, item.cancelling, item.amending = effect.overlays


def apply(
    item: OrderItem,
    name: str,
    at: int,
    *,
    lock: str = "free",
    book: Rulebook = DEFAULT,
    target: str | None = None,
    same_date: bool = False,
) -> Effect:
    """One input on one item: raises with code and state and changes nothing where illegal, else returns what came of it.

    ``HELD``, ``SAME`` and ``RECORDED`` leave the item as it is; a new dispatch of a returned item (``new_row``) too: the
    caller adds the row of the next version.
    """
    effect = book.check(item, name, lock, same_date)
    if effect.kind is Kind.MOVED and not effect.new_row:
        enact(item, effect, at, target)
    return effect
