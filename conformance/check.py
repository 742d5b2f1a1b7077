"""Do the cases hold together? Names, labels, codes, roles and timers, looked at before anything runs."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from conformance.lines import WORDS
from conformance.model import Case, Line, Requirement
from conformance.pics import FEATURES, TIMERS, known_condition
from conformance.prompting import PROMPT
from conformance.sources import Blocks, Fault
from conformance.values import Unresolved, holes, root_of, span_ms
from schemas.loader import UnknownName, load

ROLES = ("CRM", "PF", "RM", "BILL", "GCRM", "PCRM", "PRM", "CS", "S97", "channel")
_CARRIED = {"again", "answers"}
"""Arguments with which a line sends what stands already."""
_BUILT_IN = ("pixit", "sut", "it", "random", "token")


def check(cases: list[Case], requirements: dict[str, Requirement], blocks: Blocks) -> list[Fault]:
    """Every fault of the cases."""
    faults: list[Fault] = []
    seen: dict[str, Case] = {}
    for case in cases:
        if case.id in seen:
            there = seen[case.id].place
            zh, en = f"用例号 {case.id} 已在 {there}", f"case id {case.id} is taken at {there}"
            faults.append(Fault(case.place, zh, en))
        seen.setdefault(case.id, case)
        if not case.id.startswith(f"{case.clause}/"):
            faults.append(Fault(case.place, f"用例号 {case.id} 不属于 {case.clause}", f"{case.id} is not of {case.clause}"))
        if case.level not in ("MUST", "SHOULD"):
            faults.append(Fault(case.place, "level 须为 MUST 或 SHOULD", "level is MUST or SHOULD"))
        faults += [
            Fault(case.place, *_near("没有要求", "there is no requirement", name, requirements))
            for name in case.covers
            if name not in requirements
        ]
        faults += [
            Fault(case.place, *_near("问卷中没有", "the questionnaire has no", name, (*FEATURES, *_codes())))
            for name in case.pics
            if not known_condition(name)
        ]
        faults += [Fault(case.place, f"未知角色 {sut}", f"unknown role {sut}") for sut in case.suts if sut not in ROLES]
        faults += _manners(case, blocks)
        faults += _check_lines(case, blocks)
    return faults


def _codes() -> list[str]:
    return [row.code for row in load().messages()]


def _near(zh: str, en: str, name: str, known: Iterable[str]) -> tuple[str, str]:
    """A name there is not, with those near it."""
    near = " ".join(get_close_matches(name, list(known), 3, 0.7))
    more_zh, more_en = (f"，相近的有 {near}", f"; near it: {near}") if near else ("", "")
    return f"{zh} {name}{more_zh}", f"{en} {name}{more_en}"


def _manners(case: Case, blocks: Blocks) -> list[Fault]:
    """Manners a case chooses must be there."""
    known = {(row.get("code"), row.get("name", "")) for row in blocks.manners} | {("heartbeat", "silent")}
    faults = []
    for code, name in case.manners.items():
        if (code, name) not in known:
            there = ", ".join(str(one) for other, one in sorted(known, key=str) if other == code and one) or "-"
            zh, en = f"{code} 没有名为 {name} 的做法，可用：{there}", f"{code} has no manner {name}; there are: {there}"
            faults.append(Fault(case.place, zh, en))
    return faults


def _check_lines(case: Case, blocks: Blocks) -> list[Fault]:
    faults: list[Fault] = []
    labels: list[str] = [*case.vars, *_BUILT_IN]
    for line in (*case.preamble, *case.lines, *case.postamble):
        for zh, en in (*_names(line, labels, blocks), *_places(line, case)):
            faults.append(Fault(line.place, f"{case.id}：{zh}", f"{case.id}: {en}"))
        if line.label:
            labels.append(line.label)
    return faults


def _places(line: Line, case: Case) -> list[tuple[str, str]]:
    """Roles, messages and times."""
    found: list[tuple[str, str]] = []
    if line.do not in ("wait", PROMPT) and line.party not in (*ROLES, "@peer"):
        found.append((f"未知角色 {line.party!r}", f"unknown role {line.party!r}"))
    if line.party in case.suts:
        found.append((f"{line.party} 是被测方，不能由本套件扮演", f"{line.party} is under test and cannot be played"))
    if line.within and line.within not in TIMERS and span_ms(line.within) is None:
        found.append((f"未知定时器 {line.within}", f"unknown timer {line.within}"))
    words = (*WORDS, "*") if line.do == "quiet" else WORDS
    if line.do in ("send", "expect", "quiet", PROMPT) and line.what not in words:
        try:
            load().message(line.what)
        except UnknownName:
            found.append(_near("没有报文", "there is no message", line.what, (*_codes(), *WORDS)))
    return found


def _names(line: Line, labels: list[str], blocks: Blocks) -> list[tuple[str, str]]:
    """Labels and placeholders must be known by then, bodies must exist."""
    found = []
    for name in ("of", "again", "ref", "answers", "same"):
        label = line.args.get(name)
        if label is not None and label not in labels:
            found.append((f"{name} 指向未知的标签 {label}", f"{name} names the unknown label {label}"))
    body: Any = line.args.get("body")
    if line.do in ("send", PROMPT) and not _has_body(line, blocks):
        missing = body if isinstance(body, str) else line.what
        found.append(_near("没有报文体", "no body is called", missing, blocks.bodies))
    named = line.args.get("body", line.what) if line.do in ("send", PROMPT) and not _CARRIED & set(line.args) else None
    shared = blocks.bodies.get(named, {}) if isinstance(named, str) else {}
    gone = {*line.args.get("set", {}), *line.args.get("drop", ())}
    values = [{name: value for name, value in shared.items() if name not in gone}, line.args]
    for hole in holes(values):
        try:
            root = root_of(hole)
        except Unresolved as fault:
            zh, _, en = str(fault).partition(" / ")
            found.append((zh, en))
            continue
        if root is not None and root not in labels:
            found.append((f"占位符 ${{{hole}}} 无来源", f"placeholder ${{{hole}}} comes from nowhere"))
    return found


def _has_body(line: Line, blocks: Blocks) -> bool:
    if line.what in WORDS or "answers" in line.args or "again" in line.args or isinstance(line.args.get("body"), dict):
        return True
    return str(line.args.get("body", line.what)) in blocks.bodies
