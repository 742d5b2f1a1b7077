"""Where a message stands: what causes it, what answers it, what follows, as a drawing and as Mermaid, from the rows alone."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Literal

from schemas.loader import RECEIPT, Catalogue
from schemas.model import MessageRow, Route

Part = Literal["before", "this", "answer", "after"]
ROLES = {
    "channel": ("渠道", "channel"),
    "CS": ("客服", "customer service"),
    "CRM": ("客户关系", "CRM"),
    "PF": ("服务开通", "provisioning"),
    "RM": ("资源管理", "resources"),
    "BILL": ("计费", "billing"),
    "A": ("一方", "one side"),
    "B": ("另一方", "the other"),
}
"""Roles of the interface from the counter to billing; A and B are any two systems."""
_ANY = Route("A", "B")
_LANE, _EDGE, _TOP, _ROW, _BAND = 184, 92, 56, 44, 26
_BANDS = {
    "before": ("之前（其一）", "before: one of"),
    "this": ("本报文", "this message"),
    "after": ("之后（可能）", "after: what may follow"),
}
_STYLE = """text{font-family:system-ui,'Noto Sans CJK SC','Microsoft YaHei','PingFang SC',sans-serif;text-anchor:middle}
.who{font-size:13px;font-weight:600;fill:#fff}.as{font-size:10px;fill:#dbe7f3}.code{font-size:12.5px;font-weight:600;fill:#1f2933}
.name{font-size:11px;fill:#52606d}.part{font-size:11px;fill:#7b8794;text-anchor:start}"""


@dataclass(frozen=True, slots=True)
class Step:
    """One arrow: ``part`` of the drawing, who says what to whom; ``code`` is empty for what has no page of its own."""

    part: Part
    sender: str
    receiver: str
    code: str
    zh: str
    name: str


def steps_of(catalogue: Catalogue, row: MessageRow) -> list[Step]:
    """Every arrow of the drawing of ``row``, in the order of time."""
    rows = [one for one in catalogue.messages() if one.version == row.version]
    before = [one for one in rows if one.code in row.after or row.code in one.result]
    after = [one for one in rows if one.code in row.result]
    after += [one for one in rows if row.code in one.after and one not in after]
    routes = [_route(one) for one in row.routes]
    steps = [_step("before", one, _nearest(one, routes[0].sender, after=False)) for one in before]
    for route in routes:
        steps.append(_step("this", row, route))
        answer = ("应答", row.answer) if row.answer else ("回执", RECEIPT)
        steps.append(Step("answer", route.receiver, route.sender, "", *answer))
    return steps + [_step("after", one, _nearest(one, routes[0].receiver, after=True)) for one in after]


def _step(part: Part, row: MessageRow, route: Route) -> Step:
    return Step(part, route.sender, route.receiver, row.code, row.zh, row.name)


def _route(route: Route) -> Route:
    return _ANY if route.sender == "*" else route


def _nearest(row: MessageRow, role: str, after: bool) -> Route:
    """The direction of ``row`` that leads to ``role`` (or, ``after``, starts there); else its first one."""
    routes = [_route(route) for route in row.routes]
    return next((route for route in routes if role == (route.sender if after else route.receiver)), routes[0])


def lanes(steps: list[Step]) -> list[str]:
    """Roles that take part, from the counter to billing."""
    speaking = {name for step in steps for name in (step.sender, step.receiver)}
    return [role for role in ROLES if role in speaking]


def mermaid(steps: list[Step]) -> str:
    """The steps as a Mermaid diagram."""
    names = lanes(steps)
    lines = ["sequenceDiagram"]
    lines += [f"    participant {name} as {name}<br/>{' '.join(dict.fromkeys(ROLES[name]))}" for name in names]
    over = names[0] if len(names) == 1 else f"{names[0]},{names[-1]}"
    shown = ""
    for step in steps:
        if step.part in _BANDS and step.part != shown:
            shown = step.part
            lines.append(f"    Note over {over}: {' '.join(_BANDS[shown])}")
        arrow = "-->>" if step.part == "answer" else "->>"
        lines.append(f"    {step.sender}{arrow}{step.receiver}: {' '.join(filter(None, (step.code, step.zh, step.name)))}")
    return "\n".join(lines)


def svg(steps: list[Step]) -> str:
    """The steps as an SVG that needs nothing else; codes lead to their pages (``#OH01``)."""
    names = lanes(steps)
    wide = 2 * _EDGE + _LANE * (len(names) - 1)
    parts: list[str] = []
    y, shown = _TOP + 8, ""
    for step in steps:
        if step.part in _BANDS and step.part != shown:
            shown = step.part
            parts.append(_band(y, wide, shown))
            y += _BAND
        parts.append(_arrow(step, names, y + 20))
        y += _ROW
    high = y + 6
    lines = "".join(f'<path d="M{_x(names, name)} {_TOP}V{high}" stroke="#cbd2d9" stroke-width="1.5"/>' for name in names)
    heads = "".join(_head(_x(names, name), name) for name in names)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" width="{wide}" height="{high}" role="img">'
        f'<style>{_STYLE}</style><rect width="{wide}" height="{high}" fill="#fff" rx="8"/>{lines}{heads}{"".join(parts)}</svg>'
    )


def _x(names: list[str], name: str) -> int:
    return _EDGE + _LANE * names.index(name)


def _head(x: int, name: str) -> str:
    zh, en = ROLES[name]
    return (
        f'<rect x="{x - 62}" y="8" width="124" height="42" rx="6" fill="#1d4f91"/>'
        f'<text x="{x}" y="26" class="who">{name} {zh}</text><text x="{x}" y="42" class="as">{en}</text>'
    )


def _band(y: int, wide: int, part: str) -> str:
    colour = "#fff7d6" if part == "this" else "#f0f4f8"
    return (
        f'<rect x="6" y="{y}" width="{wide - 12}" height="18" rx="4" fill="{colour}"/>'
        f'<text x="14" y="{y + 13}" class="part">{" ".join(_BANDS[part])}</text>'
    )


def _arrow(step: Step, names: list[str], y: int) -> str:
    start, end = _x(names, step.sender), _x(names, step.receiver)
    way = 1 if end > start else -1
    middle = start + way * _LANE // 2
    colour = {"this": "#b45309", "answer": "#7b8794"}.get(step.part, "#2b6cb0")
    dash = ' stroke-dasharray="6 4"' if step.part == "answer" else ""
    label = f'<text x="{middle}" y="{y - 5}" class="code">{escape(f"{step.code} {step.zh}".strip())}</text>'
    if step.code:
        label = f'<a href="#{step.code}">{label}</a>'
    return (
        f'<path d="M{start} {y}H{end - way * 3}" stroke="{colour}" stroke-width="{2.4 if step.part == "this" else 1.6}"{dash}/>'
        f'<path d="M{end} {y}l{-way * 9} -5v10z" fill="{colour}"/>{label}'
        f'<text x="{middle}" y="{y + 14}" class="name">{escape(step.name)}</text>'
    )
