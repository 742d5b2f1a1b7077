"""Bodies of what PF says about operations: waiting, deferral, lock, change, cancel (spec 5.6-5.11)."""

from __future__ import annotations

from typing import Any

from adapters.wire.times import wire_time
from schemas.loader import load
from simulators.brain import Body
from simulators.codes import number, receipt
from simulators.pf.bodies import near, report_head
from simulators.pf.operations import Change, Claim, Waiting
from simulators.pf.order import Item, Order


def refusal(symbol: str, state: str) -> Body:
    """The group ``Refusal``: code, state met, words."""
    return {"code": number(symbol), "state": state, "reason": {"text": str(receipt(symbol)["text"])}}


def operation_result(order: Order, operation: str, dates: dict[str, int] | None = None) -> Body:
    """OH14 applied. ``dates`` in ms."""
    body = report_head(order) | {"operation": operation, "outcome": "applied", "state": order.state}
    return body | {"dates": {name: wire_time(at) for name, at in dates.items()}} if dates else body


def operation_refused(order: Order, operation: str, symbol: str, state: str) -> Body:
    """OH14 refused."""
    return report_head(order) | {"operation": operation, "outcome": "refused"} | _ordered(refusal(symbol, state))


def _ordered(said: Body) -> Body:
    return {name: said[name] for name in ("code", "reason", "state")}


def change_result(order: Order, change: Change, outcome: str, **said: Any) -> Body:
    """CO02: its version is the one it decides on."""
    return report_head(order) | {"version": change.version, "outcome": outcome} | said


def cancelled_row(item: Item, undone: list[Body], released: list[Body]) -> Body:
    """A row of CN02: cancelled, with what was undone and freed."""
    row: Body = {"item_id": item.id, "outcome": "cancelled"}
    if undone:
        row["undone_stages"] = undone
    return row | {"released_resources": released} if released else row


def refused_row(item: Item, symbol: str, state: str) -> Body:
    """A row of CN02: refused."""
    return {"item_id": item.id, "outcome": "refused"} | refusal(symbol, state)


def registration(order: Order, item: Item, waiting: Waiting) -> Body:
    """PI02: what the item needs most probably; the age counts from when it was first missed."""
    kind = waiting.types[waiting.tried % len(waiting.types)]
    role = next(role for needed, role in item.process.needs if needed == kind)
    need = {"res_type": kind, "role": role, "quantity": 1} | near(item.image)
    body = order.head() | {"item_id": item.id, "need": need}
    return body | {"priority": order.image["priority"], "since": wire_time(waiting.since)}


def pending(order: Order, item: Item, waiting: Waiting, stage: str, now: int) -> Body:
    """PI01."""
    area = order.image["area"]
    rows = load().table("areas").rows
    address = item.image.get("a_end") or {"text": rows[area].zh if area in rows else area, "area": area}
    body = report_head(order) | {"items": [item.id], "stage": stage, "reason": waiting.reason}
    body |= {"missing_res_type": waiting.types[waiting.tried % len(waiting.types)], "address": address}
    if "bureau" in address:
        body["bureau"] = address["bureau"]
    body["found_at"] = wire_time(waiting.since)
    return body | {"expected_available": wire_time(waiting.not_before)} if waiting.not_before is not None else body


def offer(order: Order, item: Item, waiting: Waiting) -> Body:
    """PA02."""
    assert waiting.until is not None
    offered = {"text": f"{waiting.reason['text']}：资源已到位，可以开装"[:500], "resources": waiting.resources}
    return report_head(order) | {"items": [item.id], "offered": offered, "valid_until": wire_time(waiting.until)}


def deferral_ended(order: Order, ended_by: str) -> Body:
    """DF03: where the order goes on."""
    body = report_head(order) | {"ended_by": ended_by, "state": order.state}
    active = next((step for step in order.steps if step.state == "active"), None)
    if active is not None:
        body["stage"] = active.stage.code
    return body | {"expected_finish": wire_time(order.expected_finish)} if order.expected_finish is not None else body


def at(moment: int) -> str:
    """An instant as it travels."""
    return wire_time(moment)


def lock_report(order: Order, event: str, fence: int, claim: Claim, reason: Body | None = None) -> Body:
    """LK05."""
    body = report_head(order) | {"fence": fence, "event": event, "locked_by": claim.owner}
    body["lease_until"] = wire_time(claim.until)
    return body | {"reason": reason} if reason is not None else body
