"""The soak: the same cases again and again, and whether anything about the system under test wears down (spec 07.6).

The first round is the run itself, with its results; later rounds are judged against it and not kept.  Judged are verdicts, the
time receipts and answers take, and the connections the system under test keeps open.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from conformance.model import Case, CaseResult, Difference, Explanation, Verdict
from conformance.ports import Clock

_ROUNDS = 3
"""Fewer say nothing."""
_SLOWER = 2.0
_SLOWER_MS = 50
"""Answers may become so many times, and so much, slower from the first third of the time to the last."""
_MORE = 4
"""Connections that may have been added between the first round and the last."""
_SHOWN = 5
_ANSWERS = ("receipt", "reply")


@dataclass(slots=True)
class Round:
    """One time through, begun ``at`` (ms): times of answers in ms, cases that did not pass with their reason, connections
    open at its end."""

    at: int
    times: list[int] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    played: int = 0
    connections: int = 0


class Soak:
    """Repeats ``cases`` until ``span_ms`` have passed; ``connections`` counts what the system under test keeps open."""

    def __init__(self, cases: list[Case], span_ms: int, clock: Clock, connections: Callable[[], int]) -> None:
        self._cases = [case for case in cases if not case.alone]
        self._span = span_ms
        self._clock = clock
        self._connections = connections
        self._began = -1
        self._passed: dict[str, None] = {}
        self.rounds = [Round(clock.now())]

    def more(self) -> list[Case]:
        """Everything has been played: the cases of the next round, none when the time is up."""
        self.rounds[-1].connections = self._connections()
        if not self._cases or self._clock.now() - self._began >= self._span:
            return []
        self.rounds.append(Round(self._clock.now()))
        return list(self._cases)

    def keeps(self, result: CaseResult) -> bool:
        """A result came: that of the first round belongs to the run, later ones only say whether it is still so."""
        first, name = len(self.rounds) == 1, result.case.id
        if self._began < 0:
            self._began = result.started_at
        here = self.rounds[-1]
        here.played += 1
        here.times += answer_times(result)
        if result.verdict is Verdict.PASS:
            self._passed |= {name: None} if first else {}
        elif name in self._passed:
            reason = result.explanation.reason if result.explanation is not None else ""
            here.failed[name] = f"{result.verdict} {reason}"
        return first

    def judged(self, case: Case, repeat: str) -> CaseResult:
        """The verdict over all rounds."""
        found = [*self._changed(), *self._slower(), *self._grown()]
        rounds, now = len(self.rounds), self._clock.now()
        notes = [_told(n, one) for n, one in enumerate(self.rounds, 1)]
        notes = notes if rounds <= 2 * _SHOWN else [*notes[:_SHOWN], "…", *notes[-_SHOWN:]]
        result = CaseResult(case, Verdict.PASS, None, max(self._began, 0), now, notes=notes)
        if not self._span:
            told = "未要求（run --soak 时长） / not asked for (run --soak DURATION)"
            result.verdict, result.explanation = Verdict.NOT_APPLICABLE, Explanation(told)
        elif rounds < _ROUNDS or not self._passed:
            told = f"只有 {rounds} 轮，至少需 {_ROUNDS} 轮 / {rounds} rounds only, {_ROUNDS} are needed"
            result.verdict, result.explanation = Verdict.INCONCLUSIVE, Explanation(told, repeat=repeat)
        elif found:
            told = f"{rounds} 轮之后不如当初 / worse after {rounds} rounds than in the beginning"
            explanation = Explanation(told, differences=tuple(found), cause=case.cause, repair=case.repair, repeat=repeat)
            result.verdict, result.explanation = Verdict.FAIL, explanation
        return result

    def _changed(self) -> list[Difference]:
        found: dict[str, Difference] = {}
        for n, one in enumerate(self.rounds, 1):
            for name, reason in one.failed.items():
                found.setdefault(name, Difference(name, "PASS", f"第 {n} 轮 / round {n}: {reason}"))
        return list(found.values())[:_SHOWN]

    def _slower(self) -> list[Difference]:
        began, ended = self.rounds[0].at, self.rounds[-1].at
        third = (ended - began) // 3
        first = _middle([time for one in self.rounds if one.at <= began + third for time in one.times])
        last = _middle([time for one in self.rounds if one.at >= ended - third for time in one.times])
        if last <= max(first * _SLOWER, first + _SLOWER_MS):
            return []
        return [Difference("p50", f"{first} ms", f"{last} ms")]

    def _grown(self) -> list[Difference]:
        first, last = self.rounds[0].connections, self.rounds[-1].connections
        if last <= first + _MORE:
            return []
        return [Difference("connections", str(first), str(last))]


def answer_times(result: CaseResult) -> list[int]:
    """How long each receipt and answer of a case took, in ms."""
    asked: dict[str, int] = {}
    found = []
    for entry in result.log:
        serial = str(entry.packet.get("serial", ""))
        if entry.way == "sent" and entry.packet.get("kind") not in _ANSWERS:
            asked[serial] = entry.at
        elif entry.way == "got" and entry.packet.get("kind") in _ANSWERS and serial in asked:
            found.append(entry.at - asked.pop(serial))
    return found


def _middle(times: list[int]) -> int:
    return sorted(times)[len(times) // 2] if times else 0


def _told(number: int, one: Round) -> str:
    times = sorted(one.times)
    slow = times[min(len(times) - 1, int(0.99 * len(times)))] if times else 0
    return (
        f"第 {number} 轮 round {number}: {one.played} 个用例 cases · 不再通过 no longer pass {len(one.failed)}"
        f" · p50 {_middle(times)} ms · p99 {slow} ms · 连接 connections {one.connections}"
    )
