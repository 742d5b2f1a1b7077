"""What a question about a product must name right before it is asked of provisioning (spec 5.1): product, process, instance."""

from __future__ import annotations

from crm_core.errors import AttributeInvalid, InstanceUnknown, NoProcess
from crm_core.ports import UnitOfWork


def check_area(uow: UnitOfWork, area: str) -> None:
    """Raises ``AttributeInvalid`` (3020) for an area that is not known."""
    areas = uow.reference.areas
    if areas and area not in areas:
        raise AttributeInvalid(f"区域 {area} 不存在", f"The area {area} is not known")


def check_product(uow: UnitOfWork, product: str, action: str, instance_id: str | None) -> None:
    """Raises ``AttributeInvalid`` (3020) for an unknown product, ``NoProcess`` (3019) for an action it does not have,
    ``InstanceUnknown`` (3002) for an instance that is named and unknown."""
    found = uow.reference.products.get(product)
    if found is None:
        raise AttributeInvalid(f"产品 {product} 不存在", f"The product {product} is not known")
    if action not in found.processes:
        raise NoProcess(f"产品 {product} 没有该动作的流程", f"Product {product} has no process for {action}")
    if instance_id is not None and uow.instance(instance_id) is None:
        raise InstanceUnknown(f"产品实例 {instance_id} 不存在", f"Product instance {instance_id} is not known")
