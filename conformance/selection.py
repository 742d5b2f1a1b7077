"""Which cases a run plays: by suite, by the role under test, by what was asked for, by the questionnaire (spec 07.1, 07.3)."""

from __future__ import annotations

from dataclasses import replace

from conformance.model import Case, CaseResult, Explanation, Line, Verdict
from conformance.pics import Pics

SUITES = ("transport", "provisioning", "billing", "group", "partner")
ROLES = ("pf", "rm", "crm", "bill")
"""Roles there are cases for."""
SANITY = "07.4"
PEER = "@peer"
_PEERS = {"PF": "CRM", "RM": "PF", "CRM": "PF", "BILL": "CRM"}
"""Who speaks in cases that are the same for every role."""


def bind(case: Case, sut: str) -> Case:
    """The case with ``@peer`` made a role that speaks with the one under test."""
    peer = _PEERS[sut]

    def bound(lines: tuple[Line, ...]) -> tuple[Line, ...]:
        return tuple(replace(line, party=peer) if line.party == PEER else line for line in lines)

    return replace(case, preamble=bound(case.preamble), lines=bound(case.lines), postamble=bound(case.postamble))


def chosen(cases: list[Case], suite: str, sut: str, only: tuple[str, ...]) -> list[Case]:
    """The cases of a suite for a role; ``only``: ids, clauses, or beginnings of ids up to a dot."""
    mine = [case for case in cases if case.suite == suite and sut in case.suts]
    return [bind(case, sut) for case in mine if not only or any(wanted(case, name) for name in only)]


def sanity(cases: list[Case], sut: str, pics: Pics) -> list[Case]:
    """The cases that go first and last."""
    return [bind(case, sut) for case in cases if case.clause == SANITY and sut in case.suts and not pics.lacks(case.pics)]


def wanted(case: Case, name: str) -> bool:
    """Whether ``name`` asks for the case: ``5.4``, ``5.4/3``, ``5.4/OH01``, ``5.4/OH01.duplicate``."""
    return name in (case.id, case.clause) or case.id.startswith(f"{name}.")


def applicable(cases: list[Case], pics: Pics) -> tuple[list[Case], list[CaseResult]]:
    """What is played, and the results of what the implementation does not offer."""
    play: list[Case] = []
    rest: list[CaseResult] = []
    for case in cases:
        lacking = pics.lacks(case.pics)
        if lacking:
            reason = f"问卷声明不支持 {lacking} / the questionnaire says {lacking} does not hold"
            rest.append(CaseResult(case, Verdict.NOT_APPLICABLE, Explanation(reason)))
        else:
            play.append(case)
    return play, rest
