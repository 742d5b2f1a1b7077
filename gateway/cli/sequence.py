"""An order's messages drawn as a sequence: as text with lifelines, and as Mermaid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gateway.cli.output import when

LANE = 36
"""Columns between two lifelines; wide enough for code, name and result."""


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


def draw_text(us: str, arrows: list[Step]) -> str:
    """The sequence as lines of text: a lifeline a participant, an arrow a message."""
    if not arrows:
        return ""
    names = participants(us, arrows)
    width = LANE * (len(names) - 1) + 7
    margin = " " * 10
    lines = [margin + "".join(name.ljust(LANE) for name in names).rstrip()]
    for step in arrows:
        ends = sorted((names.index(step.sender), names.index(step.receiver)))
        left, right = (3 + LANE * place for place in ends)
        cells = [" "] * width
        for place in range(len(names)):
            cells[3 + LANE * place] = "|"
        forward = names.index(step.sender) < names.index(step.receiver)
        text = f" {step.label}{f' [{step.note}]' if step.note else ''} "[: right - left - 3]
        body = text.center(right - left - 2, "-")
        cells[left + 1 : right] = list(f"{body}>" if forward else f"<{body}")
        lines.append(f"{when(step.at)[11:]}  {''.join(cells).rstrip()}")
    return "\n".join(lines)


def draw_mermaid(us: str, arrows: list[Step]) -> str:
    """The sequence as a Mermaid diagram."""
    lines = ["sequenceDiagram"]
    lines += [f"    participant {name}" for name in (participants(us, arrows) if arrows else [us])]
    for step in arrows:
        lines.append(f"    {step.sender}->>{step.receiver}: {step.label}")
        if step.note:
            lines.append(f"    Note right of {step.receiver}: {step.note}")
    return "\n".join(lines)
