"""Cases out of their files: read, expanded, verified, every fault with file and line (spec 07.2).

``cases/<clause>.toml`` holds one clause.  ``data/blocks.toml`` and ``data/blocks.<role>.toml`` have lines and bodies many cases
share, ``data/templates.toml`` what every message is asked (expand.py).  Nothing here decides anything about a verdict.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from conformance.check import check
from conformance.expand import Template, expand, read_templates
from conformance.grid import expand_grid
from conformance.model import Case, Requirement
from conformance.requirements import of_messages, read_exempt
from conformance.shapes import CASE, HEAD, misshapen, rows
from conformance.sources import Blocks, CasesInvalid, Fault, Source, open_source, read_all
from schemas.loader import load

ROOT = Path(__file__).parent
_PARTS = ("preamble", "lines", "postamble")


@dataclass(slots=True)
class Suite:
    """Everything there is: cases in order, requirements by id, shared blocks."""

    cases: list[Case]
    requirements: dict[str, Requirement]
    blocks: Blocks


@cache
def load_suite(root: Path = ROOT, beside: Path | None = None) -> Suite:
    """Everything, verified; ``beside``: a folder with more case files. Raises CasesInvalid with every fault found."""
    faults: list[Fault] = []
    shared = [open_source(path) for path in sorted((root / "data").glob("blocks*.toml"), key=lambda path: path.stem)]
    blocks = _blocks(shared, open_source(root / "data" / "manners.toml"), faults)
    exempt = read_exempt(open_source(root / "data" / "exempt.toml"), load(), faults)
    requirements = _requirements(open_source(root / "requirements.toml"), faults) | of_messages(load(), exempt)
    templates = read_templates(open_source(root / "data" / "templates.toml"), blocks, faults)
    cases: list[Case] = []
    named = [(path, "") for path in sorted((root / "cases").glob("*.toml"), key=_clause_order)]
    if beside is not None:
        named += [(path, str(path)) for path in sorted(beside.glob("*.toml"), key=_clause_order)]
    for path, called in named:
        try:
            cases += _cases(open_source(path, called), blocks, templates, faults)
        except CasesInvalid as invalid:
            faults += invalid.faults
    suite = Suite(cases, requirements, blocks)
    told = {(fault.place.file, fault.place.line) for fault in faults}
    faults += [one for one in check(suite.cases, requirements, blocks) if (one.place.file, one.place.line) not in told]
    if faults:
        raise CasesInvalid(faults)
    return suite


def _blocks(sources: list[Source], manners: Source, faults: list[Fault]) -> Blocks:
    """What the files share, the one of everybody first; a name stands in one of them only."""
    blocks = Blocks(manners=manners.data.get("manner", []))
    for source in sources:
        for name, entries in source.data.get("lines", {}).items():
            faults += _taken(source, "lines", name, blocks.lines)
            blocks.lines[name] = list(read_all(source, entries, blocks, faults, "lines", name))
        for name, body in source.data.get("bodies", {}).items():
            faults += _taken(source, "bodies", name, blocks.bodies)
            blocks.bodies[name] = body
    return blocks


def _taken(source: Source, kind: str, name: str, known: dict[str, Any]) -> list[Fault]:
    place = source.place(kind, name)
    return [Fault(place, f"{name} 已在别处定义", f"{name} stands in another file already")] if name in known else []


def _requirements(source: Source, faults: list[Fault]) -> dict[str, Requirement]:
    found: dict[str, Requirement] = {}
    for n, row in enumerate(source.data.get("requirement", [])):
        place = source.place("requirement", n)
        missing = [name for name in ("id", "clause", "level", "suts", "zh", "en") if name not in row]
        if missing or row["id"] in found or row["level"] not in ("MUST", "SHOULD"):
            about = ", ".join(missing) or row.get("id")
            faults.append(Fault(place, f"要求不完整或重复：{about}", f"requirement incomplete or repeated: {about}"))
            continue
        names = {name: row[name] for name in ("id", "clause", "level", "zh", "en")}
        found[row["id"]] = Requirement(**names, suts=tuple(row["suts"]), codes=tuple(row.get("codes", ())), place=place)
    return found


def _cases(source: Source, blocks: Blocks, templates: list[Template], faults: list[Fault]) -> list[Case]:
    """The cases of a file that can be made sense of; those with a fault of their own are not looked into any further."""
    head = source.data
    found = misshapen(source, head, HEAD, ("clause", "suite", "suts"), ("文件", "the file"))
    faults += found
    if found:
        return []
    made: list[Case] = []
    for n, row in rows(head, "case"):
        made += _sound(faults, partial(_case, source, n, row, blocks))
    for n, row in rows(head, "scene"):
        made += _sound(faults, partial(expand, source, n, row, blocks, templates))
    return made + (_sound(faults, partial(expand_grid, source, blocks)) if "cells" in head else [])


def _sound(faults: list[Fault], make: Callable[[list[Fault]], list[Case]]) -> list[Case]:
    """What ``make`` gives where it meets no fault."""
    own: list[Fault] = []
    made = make(own)
    faults += own
    return [] if own else made


def _case(source: Source, n: int, row: dict[str, Any], blocks: Blocks, faults: list[Fault]) -> list[Case]:
    place = source.place("case", n)
    faults += misshapen(source, row, CASE, ("id", "zh", "en", "level"), ("用例", "the case"), "case", n)
    if "lines" not in row and "measure" not in row:
        faults.append(Fault(place, "用例缺少 lines", "the case lacks lines"))
    if faults:
        return []
    parts = {name: read_all(source, row.get(name, []), blocks, faults, "case", n, name) for name in _PARTS}
    made = Case(
        id=row["id"],
        clause=source.data["clause"],
        suite=source.data["suite"],
        suts=tuple(row.get("suts", source.data["suts"])),
        level=row["level"],
        zh=row["zh"],
        en=row["en"],
        place=place,
        covers=tuple(row.get("covers", ())),
        pics=tuple(row.get("pics", ())),
        vars=row.get("vars", {}),
        manners=row.get("manners", {}),
        alone=bool(row.get("alone", False)),
        cause=row.get("cause", ""),
        repair=row.get("repair", ""),
        measure=row.get("measure", ""),
        **parts,
    )
    return [made]


def _clause_order(path: Path) -> tuple[tuple[int, int], ...]:
    """Pages of the specification first (01.1), then the chapters (5.1 ... 5.12), by number."""
    return tuple((0 if part.startswith("0") else 1, int(part) if part.isdigit() else 0) for part in path.stem.split("."))
