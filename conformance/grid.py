"""The legality matrix as cases: every state that can be brought about × every operation (spec 04.1, 07.6).

``[[state]]`` says how an order gets there, ``[[operation]]`` what is sent ``by`` whom and what follows where it is allowed,
``[cells]`` what the matrix says: ``ok``, ``anew`` (the same, with other lines behind it: what is under way is begun anew),
``same`` (success without effect), ``held`` (taken, and applied later), a result code, or ``-`` where there is no case.  A state
in which an operation comes ``when = "late"`` (the order is over) or ``"early"`` (it never came) covers that of its message too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from conformance.lines import LineFault, read_lines
from conformance.model import Case, Line
from conformance.shapes import OPERATION, STATE, misshapen
from conformance.sources import Blocks, Fault, Source, read_all

_NONE = "-"
_MATRIX = "04.1-matrix"
_BY = "CRM"
_PROMISES = {
    "ok": ("须受理", "MUST be applied"),
    "anew": ("须受理", "MUST be applied"),
    "same": ("须成功而无效果", "MUST succeed without effect"),
    "held": ("须受理并暂存", "MUST be taken and held"),
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of the file: state ``n``, operation ``m``, what stands there."""

    n: int
    m: int
    says: str


def expand_grid(source: Source, blocks: Blocks, faults: list[Fault]) -> list[Case]:
    """A case for each cell."""
    states, operations = list(source.data.get("state", [])), list(source.data.get("operation", []))
    for n, state in enumerate(states):
        faults += misshapen(source, state, STATE, ("name", "zh", "en", "preamble"), ("状态", "the state"), "state", n)
    for m, operation in enumerate(operations):
        needed = ("name", "message", "zh", "en")
        faults += misshapen(source, operation, OPERATION, needed, ("操作", "the operation"), "operation", m)
    if faults:
        return []
    cells = source.data.get("cells", {})
    cases = []
    for n, state in enumerate(states):
        row = cells.get(state["name"], [])
        if not isinstance(row, list) or len(row) != len(operations) or any(not isinstance(says, str) for says in row):
            place = source.place("cells", state["name"])
            name, count = state["name"], len(operations)
            faults.append(Fault(place, f"{name} 须有 {count} 格，各为文字", f"{name} has {count} cells, texts all"))
            continue
        cases += [_case(source, Cell(n, m, says), blocks, faults) for m, says in enumerate(row) if says != _NONE]
    return cases


def _case(source: Source, cell: Cell, blocks: Blocks, faults: list[Fault]) -> Case:
    state, operation = source.data["state"][cell.n], source.data["operation"][cell.m]
    zh, en = _PROMISES.get(cell.says, (f"须以 {cell.says} 拒绝", f"MUST be refused {cell.says}"))
    head = source.data
    return Case(
        id=f"{head['clause']}/{state['name']}.{operation['name']}",
        clause=head["clause"],
        suite=head["suite"],
        suts=tuple(head["suts"]),
        level="MUST",
        zh=f"{state['zh']}的定单：{operation['zh']}（{operation['message']}）{zh}。",
        en=f"An order {state['en']}: {operation['en']} ({operation['message']}) {en}.",
        place=source.place("cells", state["name"]),
        covers=(head.get("requirement", _MATRIX), *operation.get("covers", ()), *_amiss(state, operation)),
        pics=(operation["message"], *state.get("pics", ())),
        preamble=read_all(source, state["preamble"], blocks, faults, "state", cell.n, "preamble"),
        lines=_lines(source, state, operation, cell, blocks, faults),
        postamble=read_all(source, state.get("postamble", []), blocks, faults, "state", cell.n, "postamble"),
        vars=state.get("vars", {}),
        manners=state.get("manners", {}),
        cause=f"状态 {state['name']} 下的判断与矩阵不符 / in state {state['name']} it judges otherwise than the matrix",
    )


def _amiss(state: dict[str, Any], operation: dict[str, Any]) -> list[str]:
    return [f"{operation['message']}.{state['when']}"] if "when" in state else []


def _lines(
    source: Source, state: dict[str, Any], operation: dict[str, Any], cell: Cell, blocks: Blocks, faults: list[Fault]
) -> tuple[Line, ...]:
    """The message, then what the cell promises."""
    changes = {**operation.get("set", {}), **state.get("set", {}).get(operation["message"], {})}
    by = operation.get("by", _BY)
    send = {"send": operation["message"], "by": by, "as": "m", "set": changes}
    if "body" in operation:
        send["body"] = operation["body"]
    table: list[dict[str, Any]]
    if cell.says not in _PROMISES:
        table = [send, {"expect": "refusal", "to": by, "of": "m", "code": cell.says}]
    elif "reply" in operation:
        table = [{**send, "reply": operation["reply"]}]
    else:
        table = [{**send, "receipt": "0001|0002"}]
    lines: list[Line] = []
    place = source.place("cells", state["name"])
    for entry in table:
        try:
            lines += read_lines(entry, place)
        except LineFault as fault:
            faults += [Fault(place, zh, en) for zh, en in fault.found]
    if cell.says in _PROMISES:
        lines += read_all(source, operation.get(cell.says, []), blocks, faults, "operation", cell.m, cell.says)
    return tuple(lines)
