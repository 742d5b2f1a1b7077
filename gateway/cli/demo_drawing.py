"""A story drawn as a sequence: as lines for a terminal, and as Mermaid."""

from __future__ import annotations

from gateway.proof.world import CRM
from gateway.stories.arrows import Arrow, Moment, Note, participants

ROLES = {
    "CH0001": ("渠道", "Channel"),
    "CRM001": ("客户关系", "CRM"),
    "PF0001": ("服务开通", "Provisioning"),
    "RM0001": ("资源", "Resources"),
    "BIL001": ("计费", "Billing"),
}
"""What a system is, by its id."""

LANE = 12
"""Columns between two lifelines; what is said stands beside them."""
_MARGIN = 11


def elapsed(ms: int) -> str:
    """Time since the beginning: seconds to the thousandth within a minute, then hours, minutes, seconds."""
    if ms < 60_000:
        return f"{ms / 1000:.3f}"
    hours, rest = divmod(ms // 1000, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}"


def said(arrow: Arrow) -> str:
    """What an arrow says, in a line: code, names, key fields, result."""
    parts = [f"{arrow.code} {arrow.zh} {arrow.name}{' 应答 answer' if arrow.answer else ''}"]
    parts += [arrow.detail] if arrow.detail else []
    parts += [outcome(arrow)] if outcome(arrow) else []
    return " · ".join(parts)


def outcome(arrow: Arrow) -> str:
    """Lost, refused, taken: what became of it."""
    if arrow.fate == "lost":
        return "× 丢失 lost"
    again = "↻ 重到 again " if arrow.fate == "again" else ""
    if arrow.refused:
        return f"{again}× {arrow.result}"
    return f"{again}✓ {arrow.result}" if arrow.result and not arrow.answer else again.strip()


def draw_text(drawn: list[Moment], begun: int) -> str:
    """Lifelines with an arrow a message and what it says beside it; ``begun`` is the zero of time (ms)."""
    names = participants(drawn)
    lines = [" " * _MARGIN + "".join(name.ljust(LANE) for name in names).rstrip()]
    for moment in drawn:
        time = elapsed(moment.at - begun).rjust(_MARGIN - 3)
        if isinstance(moment, Note):
            lines.append(_note_line(time, moment, names))
        else:
            lines.append(f"{time}   {_cells(names, moment)}  {said(moment)}".rstrip())
    return "\n".join(lines)


def _note_line(time: str, note: Note, names: list[str]) -> str:
    if note.kind == "told":
        return f"{time} ▶ {note.text}"
    cells = _lifelines(names)
    if note.over in names:
        cells[2 + LANE * names.index(note.over)] = "●"
    return f"{time}   {''.join(cells)}  ● {note.text}"


def _lifelines(names: list[str]) -> list[str]:
    cells = [" "] * (LANE * (len(names) - 1) + 5)
    for place in range(len(names)):
        cells[2 + LANE * place] = "│"
    return cells


def _cells(names: list[str], arrow: Arrow) -> str:
    cells = _lifelines(names)
    source, target = (2 + LANE * names.index(name) for name in (arrow.sender, arrow.receiver))
    left, right = min(source, target), max(source, target)
    line = "┄" if arrow.answer else "─"
    cells[left + 1 : right] = line * (right - left - 1)
    head = right - 1 if target > source else left + 1
    cells[head] = ("▶" if target > source else "◀") if arrow.fate != "lost" else "×"
    return "".join(cells)


def draw_mermaid(drawn: list[Moment]) -> str:
    """The sequence as a Mermaid diagram."""
    names = participants(drawn)
    lines = ["sequenceDiagram"]
    lines += [f"    participant {name} as {name}<br/>{' '.join(ROLES[name])}" for name in names]
    for moment in drawn:
        if isinstance(moment, Arrow):
            head = "-x" if moment.fate == "lost" else "->>"
            lines.append(f"    {moment.sender}{'-' if moment.answer else ''}{head}{moment.receiver}: {_plain(said(moment))}")
        elif moment.kind == "told":
            over = names[0] if len(names) == 1 else f"{names[0]},{names[-1]}"
            lines.append(f"    Note over {over}: {_plain(moment.text)}")
        else:
            lines.append(f"    Note over {moment.over or CRM}: {_plain(moment.text)}")
    return "\n".join(lines)


def _plain(text: str) -> str:
    """Without what Mermaid reads as its own."""
    return text.replace(";", ",").replace("#", "").replace("<", "(").replace(">", ")")
