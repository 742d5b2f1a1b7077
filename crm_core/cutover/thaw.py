"""Instances become free for orders again (spec 5.12): by CT03, CT06, CT07, or at the end of the window."""

from __future__ import annotations

from collections.abc import Iterable

from crm_core.cutover.machine import move_item
from crm_core.cutover.model import Cutover, CutoverItem, item_key
from crm_core.ports import UnitOfWork


def keys(cutover_id: str, instance_ids: Iterable[str]) -> list[tuple[str, str]]:
    """What to load of some instances: their items and themselves."""
    found: list[tuple[str, str]] = []
    for instance_id in instance_ids:
        found.append(("cutover_item", item_key(cutover_id, instance_id)))
        found.append(("instance", instance_id))
    return found


def lift(uow: UnitOfWork, instance_id: str) -> None:
    """Take the flag off an instance that a frozen item of ours had put on."""
    instance = uow.instance(instance_id)
    if instance is not None and instance.cutover_freeze:
        instance.cutover_freeze = False
        uow.save(instance)


def thaw(uow: UnitOfWork, cutover: Cutover, instance_ids: Iterable[str]) -> int:
    """Thaw what is frozen among them; returns how many were."""
    thawed = 0
    for instance_id in instance_ids:
        item: CutoverItem | None = uow.cutover_item(item_key(cutover.id, instance_id))
        if item is not None and move_item(cutover, item, "thaw", uow.now):
            uow.save(item)
            lift(uow, instance_id)
            thawed += 1
    return thawed
