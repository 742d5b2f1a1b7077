"""CT03: provisioning says that instances are no longer frozen (spec 5.12)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm_core.cutover.machine import move
from crm_core.cutover.model import item_key
from crm_core.cutover.thaw import keys, thaw
from crm_core.errors import InstanceUnknown
from crm_core.ports import Outcome, UnitOfWork


@dataclass(frozen=True, slots=True)
class UnfreezeInstances:
    """Fields are the message's."""

    cutover_id: str
    instances: list[dict[str, Any]]
    part_no: int | None = None

    def _ids(self) -> list[str]:
        return list(dict.fromkeys(row["product_instance_id"] for row in self.instances))

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The cutover, and each instance with its item."""
        return (("cutover", self.cutover_id), *keys(self.cutover_id, self._ids()))

    def execute(self, uow: UnitOfWork) -> Outcome:
        """What is not frozen stays as it is. Raises ``InstanceUnknown`` (3002) if the cutover has none of the instances."""
        cutover = uow.cutover(self.cutover_id)
        ids = self._ids()
        if cutover is None or all(uow.cutover_item(item_key(cutover.id, one)) is None for one in ids):
            raise InstanceUnknown(
                f"割接 {self.cutover_id} 中没有这些产品实例", f"Cutover {self.cutover_id} has none of these product instances"
            )
        move(uow, cutover, "unfreeze", f"{thaw(uow, cutover, ids)}/{len(ids)} thawed")
        uow.save(cutover)
        return Outcome(state=cutover.state)
