"""An order's messages drawn as a sequence: as text with lifelines, and as Mermaid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gateway.cli.output import when

LANE = 36
"""Columns between two lifelines where there is room; wide enough for code, name and result."""
NARROWEST = 16
"""Columns between two lifelines at least: code and result."""
MARGIN, EDGE = 10, 7
"""Columns before the first lifeline's name, and of the last name."""


@dataclass(frozen=True, slots=True)
class Step:
    """One arrow: when (ms), from whom to whom, what; ``note`` is the result it got, empty while it has none."""

    at: int
    sender: str
    receiver: str
    label: str
    note: str = ""


def steps(us: str, messages: list[dict[str, Any]]) -> list[Step]:
    """Arrows of message rows (``adapters.store.queries.order_messages``) by time; ``us`` is our system id."""
    made = []
    for row in messages:
        outward = row["direction"] == "out"
        sender, receiver = (us, row["peer"]) if outward else (row["peer"], us)
        at = row.get("sent_at") or row["first_seen"]
        note = row["result_code"] or (row["state"] if outward else "")
        made.append(Step(at, sender, receiver, f"{row['code']} {row['element']}", note))
    return sorted(made, key=lambda step: step.at)


def participants(us: str, arrows: list[Step]) -> list[str]:
    """Who takes part: whoever began first, ourselves second, then in order of appearance."""
    seen = list(dict.fromkeys(name for step in arrows for name in (step.sender, step.receiver)))
    others = [name for name in seen if name != us]
    return [*others[:1], us, *others[1:]]


def draw_text(us: str, arrows: list[Step], width: int | None = None) -> str:
    """The sequence as lines of text: a lifeline a participant, an arrow a message; in ``width`` columns if that can be."""
    if not arrows:
        return ""
    names = participants(us, arrows)
    lane = LANE
    if width is not None and len(names) > 1:
        lane = max(NARROWEST, min(LANE, (width - MARGIN - EDGE) // (len(names) - 1)))
    lines = [" " * MARGIN + "".join(name.ljust(lane) for name in names).rstrip()]
    for step in arrows:
        ends = sorted((names.index(step.sender), names.index(step.receiver)))
        left, right = (3 + lane * place for place in ends)
        cells = [" "] * (lane * (len(names) - 1) + EDGE)
        for place in range(len(names)):
            cells[3 + lane * place] = "|"
        forward = names.index(step.sender) < names.index(step.receiver)
        text = _fitting(step, right - left - 3)
        body = text.center(right - left - 2, "-")
        cells[left + 1 : right] = list(f"{body}>" if forward else f"<{body}")
        lines.append(f"{when(step.at)[11:]}  {''.join(cells).rstrip()}")
    return "\n".join(lines)


def _fitting(step: Step, room: int) -> str:
    """What stands on an arrow: the name is cut where code, name and result find no room, never the code or the result."""
    note = f" [{step.note}]" if step.note else ""
    over = len(step.label) + len(note) + 2 - room
    label = step.label if over <= 0 else f"{step.label[: max(4, len(step.label) - over - 1)].rstrip()}…"
    return f" {label}{note} "[:room]


def draw_mermaid(us: str, arrows: list[Step]) -> str:
    """The sequence as a Mermaid diagram."""
    lines = ["sequenceDiagram"]
    lines += [f"    participant {name}" for name in (participants(us, arrows) if arrows else [us])]
    for step in arrows:
        lines.append(f"    {step.sender}->>{step.receiver}: {step.label}")
        if step.note:
            lines.append(f"    Note right of {step.receiver}: {step.note}")
    return "\n".join(lines)
