"""The product instance's machine (spec 04.6): pending, active, suspended by a stop mask, pending disconnect, and two ends.

Service and charging change when the CRM accepts the completion, not on dispatch; only a disconnect marks the instance at
dispatch, because it bars other orders.  Stop reasons are independent bits: paying the bill must not lift a loss report, so
resume clears its own bit and the instance is active only when the mask is empty.
"""

from __future__ import annotations

from dataclasses import dataclass

from crm_core.errors import AttributeInvalid, StateConflict
from crm_core.products.model import ProductInstance

STOP_REASONS: dict[str, int] = {"customer": 1, "arrears": 2, "loss": 4}
"""Stop reason -> bit of the stop mask (03, action suspend)."""

STATES = ("pending", "active", "suspended", "pending_disconnect", "disconnected", "void")
BY_MASK = "by mask"


@dataclass(frozen=True, slots=True)
class InstanceLine:
    """In ``state``, ``input`` -> ``to`` (``by mask``: active if no stop reason is left, else suspended)."""

    state: str
    input: str
    to: str


# fmt: off
TABLE: tuple[InstanceLine, ...] = (
    InstanceLine("pending",            "activate",         "active"),
    InstanceLine("pending",            "void",             "void"),
    InstanceLine("active",             "activate",         "active"),
    InstanceLine("active",             "keep",             "active"),
    InstanceLine("active",             "suspend",          BY_MASK),
    InstanceLine("active",             "begin_disconnect", "pending_disconnect"),
    InstanceLine("suspended",          "activate",         "suspended"),
    InstanceLine("suspended",          "keep",             "suspended"),
    InstanceLine("suspended",          "suspend",          BY_MASK),
    InstanceLine("suspended",          "resume",           BY_MASK),
    InstanceLine("suspended",          "begin_disconnect", "pending_disconnect"),
    InstanceLine("pending_disconnect", "activate",         "pending_disconnect"),
    InstanceLine("pending_disconnect", "begin_disconnect", "pending_disconnect"),
    InstanceLine("pending_disconnect", "disconnect",       "disconnected"),
    InstanceLine("pending_disconnect", "restore",          BY_MASK),
)
# fmt: on
INPUTS = tuple(dict.fromkeys(line.input for line in TABLE))
_TABLE = {(line.state, line.input): line.to for line in TABLE}

ENTRY: dict[str, tuple[str, ...]] = {
    "install": ("pending",),
    "backfill": ("pending", "active", "suspended"),
    "survey": ("pending", "active", "suspended", "pending_disconnect"),
    "disconnect": ("active", "suspended"),
    "relocate": ("active",),
    "modify": ("active",),
    "change_number": ("active",),
    "transfer": ("active",),
    "suspend": ("active", "suspended"),
    "resume": ("suspended",),
}
"""Action -> instance states in which it may be ordered; anything else is 3004 with the state."""

ON_DISPATCH: dict[str, str] = {"disconnect": "begin_disconnect"}
ON_ACCEPTED: dict[str, str] = {
    "install": "activate",
    "backfill": "activate",
    "disconnect": "disconnect",
    "relocate": "keep",
    "modify": "keep",
    "change_number": "keep",
    "transfer": "keep",
    "suspend": "suspend",
    "resume": "resume",
}
"""Action -> input when the CRM accepts its completion; a survey moves nothing but voids what was born for it."""
ON_ENDED: dict[str, str] = {"install": "void", "backfill": "void", "survey": "void", "disconnect": "restore"}
"""Action -> input when its item ends otherwise; RETURNED waits."""


def stop_bit(reason: str) -> int:
    """The bit of a stop reason; raises ``AttributeInvalid`` (3020) for an unknown one."""
    try:
        return STOP_REASONS[reason]
    except KeyError:
        raise AttributeInvalid(f"停机原因 {reason} 不存在", f"There is no stop reason {reason}") from None


def allows(instance: ProductInstance, name: str) -> bool:
    """Whether the table has a line for ``name`` in the instance's state."""
    return (instance.status, name) in _TABLE


def move(instance: ProductInstance, name: str, at: int, bit: int = 0) -> None:
    """One input on an instance: ``suspend`` sets ``bit``, ``resume`` clears it. Raises ``StateConflict`` (3004) with the
    state and changes nothing if the table has no line. ``at`` is ms."""
    to = _TABLE.get((instance.status, name))
    if to is None:
        raise StateConflict(
            f"产品实例 {instance.id} 处于 {instance.status}，不允许 {name}",
            f"Product instance {instance.id} is {instance.status}: {name} is not allowed",
            state=instance.status,
        )
    if name == "suspend":
        instance.stop_mask |= bit
    elif name == "resume":
        instance.stop_mask &= ~bit
    if to == BY_MASK:
        to = "suspended" if instance.stop_mask else "active"
    if to == "active" and instance.activated_at is None:
        instance.activated_at = at
    if to in ("disconnected", "void") and instance.ended_at is None:
        instance.ended_at = at
    instance.status = to
