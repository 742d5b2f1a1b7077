"""What people look up about cutovers: their states, and every instance's (spec 5.12). Reads only, as ``queries``."""

from __future__ import annotations

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.engine import Connection

from adapters.store import tables as t
from adapters.store.queries import Row, history, plain


def cutovers(connection: Connection, *, state: str | None = None, area: str | None = None, limit: int = 50) -> list[Row]:
    """Cutovers, newest first; ``planned`` is the number of their items."""
    c = t.cutover.c
    conditions: list[ColumnElement[bool]] = []
    for column, wanted in ((c.state, state), (c.area, area)):
        if wanted is not None:
            conditions.append(column == wanted)
    found = connection.execute(
        select(t.cutover).where(*conditions).order_by(c.created_at.desc(), c.id.desc()).limit(limit)
    ).mappings()
    rows = [plain(row) for row in found]
    for row in rows:
        row["planned"] = len(row.pop("instances"))
    return rows


def cutover(connection: Connection, cutover_id: str, *, item_state: str | None = None, limit: int = 100) -> Row | None:
    """One cutover with ``counts`` of its items by state, the first ``items`` (of ``item_state``), and its ``history``."""
    c, i = t.cutover.c, t.cutover_item.c
    head = connection.execute(select(t.cutover).where(c.id == cutover_id)).mappings().first()
    if head is None:
        return None
    row = plain(head)
    row["planned"] = len(row.pop("instances"))
    mine = i.id.between(f"{cutover_id}/", f"{cutover_id}/\U0010ffff")
    counts = connection.execute(select(i.state, func.count()).where(mine).group_by(i.state).order_by(i.state))
    row["counts"] = {str(state): int(number) for state, number in counts}
    wanted = mine if item_state is None else mine & (i.state == item_state)
    items = connection.execute(select(t.cutover_item).where(wanted).order_by(i.id).limit(limit)).mappings()
    row["items"] = [plain(item) for item in items]
    row["history"] = history(connection, cutover_id)
    return row
