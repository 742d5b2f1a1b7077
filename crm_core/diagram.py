"""State tables to Mermaid and Markdown: ``docs/states/*.md`` are written here and compared in a test, never by hand."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from crm_core.cutover import machine as cutovers
from crm_core.orders import fold, legality, lock
from crm_core.orders.item_states import CLOSED, LINES, NAMED, OVERLAYS, RECORDED_ONLY, RESUMABLE
from crm_core.products import instance_machine
from crm_core.resources import machine as resources
from crm_core.schemes import machine as schemes
from crm_core.state_table import StateTable
from crm_core.surveys import machine as surveys

NOTE = "Generated from the tables by `crm_core/diagram.py`; a test compares it."


def _mermaid(edges: Iterable[tuple[str, str, str]], start: str, ends: Iterable[str]) -> list[str]:
    """A state diagram; edges between the same two states share one arrow."""
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {start}"]
    ordered = sorted(dict.fromkeys(edges), key=lambda edge: edge[:2])
    for (state, to), group in groupby(ordered, key=lambda edge: edge[:2]):
        lines.append(f"    {state} --> {to}: {', '.join(dict.fromkeys(edge[2] for edge in group))}")
    lines.extend(f"    {end} --> [*]" for end in ends)
    return [*lines, "```", ""]


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    head = list(head)
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return [*lines, *("| " + " | ".join(row) + " |" for row in rows), ""]


def item() -> str:
    """Progress, overlays and the whole table of the order item."""
    edges: list[tuple[str, str, str]] = []
    overlays: list[list[str]] = []
    for line in LINES:
        targets = RESUMABLE if line.to == NAMED else (line.to,) if line.to else ()
        edges.extend((state, to, line.input) for state in line.progress for to in targets)
        if line.on or line.off:
            signs = [f"+{name}" for name in line.on] + [f"-{name}" for name in line.off]
            overlays.append([line.input, ", ".join(line.progress), " ".join(signs), ", ".join(line.needs), line.clause])
    rows = [
        [line.input, ", ".join(line.progress), ", ".join(line.needs), line.to or "", line.clause] for line in LINES if line.to
    ]
    text = ["# Order item: progress (spec 04.1)", "", NOTE, "", *_mermaid(edges, "DRAFT", CLOSED)]
    text += ["## Moves", "", *_table(["input", "from", "only with", "to", "clause"], rows)]
    text += [f"## Overlays ({', '.join(OVERLAYS)})", ""]
    text += _table(["input", "while", "on (+) and off (-)", "only with", "clause"], overlays)
    text += [f"Recorded without effect in every state: {', '.join(RECORDED_ONLY)}.", ""]
    return "\n".join(text)


def matrix() -> str:
    """The legality matrix."""
    rows = [[state, *cells.values()] for state, cells in legality.MATRIX.items()]
    policies = [[name, "allowed" if default else "refused"] for name, default in legality.POLICIES.items()]
    text = ["# Legality by state (spec 04.1)", "", NOTE, "", *_table(["state", *legality.COLUMNS], rows)]
    return "\n".join([*text, "## Policy rows", "", *_table(["policy", "default"], policies)])


def order() -> str:
    """The fold of items into an order's state."""
    rows = [
        [str(n), line.part, line.quantifier, line.scope, ", ".join(line.states), line.result]
        for n, line in enumerate(fold.TABLE, 1)
    ]
    text = ["# Order state from its items, first match (spec 04.2)", "", NOTE, ""]
    return "\n".join([*text, *_table(["line", "part", "quantifier", "of", "states", "result"], rows)])


def order_lock() -> str:
    """The lock's machine; ``next`` is held or free by the queue."""
    edges = [
        (line.state, to, f"{line.input} ({line.outcome})")
        for line in lock.TABLE
        for to in (("held", "free") if line.to == "next" else (line.to,))
    ]
    return "\n".join(["# Lock (spec 04.7)", "", NOTE, "", *_mermaid(edges, "free", ())])


def instance() -> str:
    """The product instance's machine."""
    edges = [
        (line.state, to, line.input)
        for line in instance_machine.TABLE
        for to in (("active", "suspended") if line.to == instance_machine.BY_MASK else (line.to,))
    ]
    entry = [[action, ", ".join(states)] for action, states in instance_machine.ENTRY.items()]
    text = ["# Product instance (spec 04.6)", "", NOTE, "", *_mermaid(edges, "pending", ("disconnected", "void"))]
    return "\n".join([*text, "## May be ordered in", "", *_table(["action", "states"], entry)])


def resource() -> str:
    """Legal moves of a resource and of a reservation's items."""
    name = {code: f"{code}_{en.replace(' ', '_').replace('-', '_')}" for code, (_, en) in resources.RESOURCE_STATES.items()}
    edges = [(name[state], name[to], cause) for (state, to), cause in resources.RESOURCE_MOVES.items()]
    held = [(resources.HELD, end, end) for end in resources.RESERVATION_ENDS]
    text = ["# Resource (spec 03)", "", NOTE, "", *_mermaid(edges, name["9"], ())]
    text += ["From faulty a resource also goes back to the state before.", "", "# Reservation item (spec 04.7)", ""]
    return "\n".join([*text, *_mermaid(held, resources.HELD, resources.RESERVATION_ENDS)])


def _machine(table: StateTable) -> list[str]:
    """A whole small machine; what changes nothing is left to the table below the picture."""
    edges = [(line.state, line.to, line.input) for line in table.lines if line.to != line.state]
    rows = [
        [given, ", ".join(line.state for line in table.lines if line.input == given and line.to == line.state)]
        for given in table.inputs
    ]
    return [
        *_mermaid(edges, table.start, table.ends),
        *_table(["input", "success without a move in"], [row for row in rows if row[1]]),
    ]


def survey() -> str:
    """The survey's machine."""
    return "\n".join(["# Survey (spec 5.1)", "", NOTE, "", *_machine(surveys.MACHINE)])


def scheme() -> str:
    """A scheme version's machine."""
    return "\n".join(["# Scheme version (spec 5.2)", "", NOTE, "", *_machine(schemes.MACHINE)])


def cutover() -> str:
    """The cutover's machine and that of its items."""
    text = ["# Cutover (spec 03, 5.12)", "", NOTE, "", *_machine(cutovers.MACHINE)]
    return "\n".join([*text, "# Cutover item", "", *_machine(cutovers.ITEM)])


PAGES = {
    "item.md": item,
    "legality.md": matrix,
    "order.md": order,
    "lock.md": order_lock,
    "instance.md": instance,
    "resource.md": resource,
    "survey.md": survey,
    "scheme.md": scheme,
    "cutover.md": cutover,
}
"""File under ``docs/states`` -> what writes it."""
