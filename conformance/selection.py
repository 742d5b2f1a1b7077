"""Which cases a run plays: by suite, by the role under test, by what was asked for, by the questionnaire (spec 07.1, 07.3)."""

from __future__ import annotations

from dataclasses import replace

from conformance.exchange import INBOUND
from conformance.fitness import lacking, wire_of
from conformance.model import Case, CaseResult, Explanation, Line, Verdict
from conformance.paper import HEARTBEAT
from conformance.pics import Pics
from conformance.prompting import PROMPT, conditions
from schemas.loader import load

SUITES = ("transport", "provisioning", "billing", "group", "partner")
ROLES = ("pf", "rm", "crm", "bill")
"""Roles there are cases for."""
SANITY = "07.4"
PEER = "@peer"
_PEERS = {"PF": "CRM", "RM": "PF", "CRM": "PF", "BILL": "CRM"}
"""Who speaks in cases that are the same for every role."""


def peer_of(sut: str) -> str:
    """The role that speaks with ``sut`` where any would do."""
    return _PEERS[sut]


def bind(case: Case, sut: str) -> Case:
    """The case with ``@peer`` made a role that speaks with the one under test."""
    return _spoken_by(case, peer_of(sut))


def _spoken_by(case: Case, peer: str) -> Case:
    def bound(lines: tuple[Line, ...]) -> tuple[Line, ...]:
        return tuple(replace(line, party=peer) if line.party == PEER else line for line in lines)

    return replace(case, preamble=bound(case.preamble), lines=bound(case.lines), postamble=bound(case.postamble))


def chosen(cases: list[Case], suite: str, sut: str, only: tuple[str, ...]) -> list[Case]:
    """The cases of a suite for a role; ``only``: ids, clauses, or beginnings of ids up to a dot.  What is measured belongs to
    every suite that has cases."""

    def asked(case: Case) -> bool:
        return not only or any(wanted(case, name) for name in only)

    mine = [case for case in cases if case.suite == suite and sut in case.suts and asked(case)]
    measured = [case for case in cases if case.measure and sut in case.suts and asked(case)]
    return [bind(case, sut) for case in [*mine, *(measured if mine or only else [])]]


def sanity(cases: list[Case], sut: str, pics: Pics) -> list[Case]:
    """The cases that go first and last; every party that has an account tries it."""
    wire = wire_of(pics, load())
    mine = [case for case in cases if case.clause == SANITY and sut in case.suts and not pics.lacks(case.pics)]
    found = [case for case in mine if not lacking(case, wire)]
    speakers = dict.fromkeys((peer_of(sut), *(role for role in pics.accounts if role != sut)))
    return [_spoken_by(case, peer) for peer in speakers for case in found]


def wanted(case: Case, name: str) -> bool:
    """Whether ``name`` asks for the case: ``5.4``, ``5.4/3``, ``5.4/OH01``, ``5.4/OH01.duplicate``."""
    return name in (case.id, case.clause) or case.id.startswith(f"{name}.")


def named(text: str | None) -> tuple[str, ...]:
    """Names by commas."""
    return tuple(name for part in (text or "").split(",") if (name := part.strip()))


def unknown(cases: list[Case], names: tuple[str, ...]) -> list[str]:
    """Those of the names that ask for none of the cases."""
    return [name for name in names if not any(wanted(case, name) for case in cases)]


def applicable(cases: list[Case], pics: Pics, read_only: bool = False) -> tuple[list[Case], list[CaseResult]]:
    """What is played, and the results of what the implementation does not offer, or may not be asked (``read_only``)."""
    play: list[Case] = []
    rest: list[CaseResult] = []
    wire = wire_of(pics, load())
    for case in cases:
        unsaid = pics.lacks((*case.pics, *conditions(case)))
        if unsaid:
            reason = f"问卷声明不支持 {unsaid} / the questionnaire says {unsaid} does not hold"
            rest.append(CaseResult(case, Verdict.NOT_APPLICABLE, Explanation(reason)))
        elif reason := lacking(case, wire):
            rest.append(CaseResult(case, Verdict.NOT_APPLICABLE, Explanation(reason)))
        elif read_only and not harmless(case):
            reason = "只读方式不执行会写入或扰动的用例 / not played read-only: it writes, or disturbs others"
            rest.append(CaseResult(case, Verdict.NOT_APPLICABLE, Explanation(reason)))
        else:
            play.append(case)
    return play, rest


def harmless(case: Case) -> bool:
    """Whether a case only asks (pattern Q), beats and closes what it opened itself: safe beside live data (spec 07.10)."""
    return not case.alone and all(map(_reads, (*case.preamble, *case.lines, *case.postamble)))


def _reads(line: Line) -> bool:
    if line.do == "send":
        return line.what == HEARTBEAT or ("answers" not in line.args and load().message(line.what).pattern == "Q")
    return line.do not in ("raw", PROMPT) and not (line.do == "close" and line.on == INBOUND)
