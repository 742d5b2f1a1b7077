"""What the suite is made of, as values: clauses, cases, lines, verdicts, results (spec 07).

A case is a sequence diagram: one list of lines, each with the party the suite plays.  The system under test is the party
nobody plays.  A result holds everything that crossed a wire for its case, so that reports need nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

Level = Literal["MUST", "SHOULD"]


class Verdict(StrEnum):
    """How a case ended (spec 07.4). Only PASS is a pass."""

    PASS = "PASS"
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"  # the environment: unreachable, the situation could not be brought about
    ERROR = "ERROR"  # the harness
    NOT_APPLICABLE = "NOT_APPLICABLE"  # the PICS say the implementation does not offer this
    NOT_EXECUTED = "NOT_EXECUTED"  # interrupted, or the sanity case failed
    XFAIL = "XFAIL"  # waived, and failed
    XPASS = "XPASS"  # waived, and passed: the waiver is to be removed


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in a data file; lines count from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a case. ``do`` is what happens; the other fields are its arguments as the file gives them.

    ``party`` is the role the suite plays here, ``on`` the connection (empty: the party's own), ``within`` the name of a timer
    or a duration.  ``args`` holds the rest, checked by the loader: docs/write-a-case.md lists them.
    """

    do: str
    place: Place
    party: str = ""
    what: str = ""
    label: str = ""
    on: str = ""
    within: str = ""
    args: dict[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The line as people read it in lists and explanations."""
        named = f" ({self.label})" if self.label else ""
        where = f" on {self.on}" if self.on else ""
        return f"{self.do} {self.what}{named} {'as' if self.do == 'send' else 'at'} {self.party}{where}".strip()


@dataclass(frozen=True, slots=True)
class Case:
    """One case. ``id`` is clause/number (``5.4/3``) or clause/message.template (``5.4/OH01.duplicate``).

    ``suts`` are the roles it judges, ``pics`` the conditions on the questionnaire, ``covers`` the requirements it checks.
    ``alone``: nothing else runs meanwhile.  ``vars`` are the case's own named values, ``manners`` the ways in which the
    played parties behave otherwise than usual, by message code.  ``measure`` names what is measured where there is nothing
    to play line by line: ``load`` or ``soak``.
    """

    id: str
    clause: str
    suite: str
    suts: tuple[str, ...]
    level: Level
    zh: str
    en: str
    place: Place
    covers: tuple[str, ...] = ()
    pics: tuple[str, ...] = ()
    preamble: tuple[Line, ...] = ()
    lines: tuple[Line, ...] = ()
    postamble: tuple[Line, ...] = ()
    vars: dict[str, Any] = field(default_factory=dict)
    manners: dict[str, str] = field(default_factory=dict)
    alone: bool = False
    cause: str = ""
    repair: str = ""
    measure: str = ""

    @property
    def parties(self) -> tuple[str, ...]:
        """The roles the suite plays in it, in the order they appear."""
        lines = (*self.preamble, *self.lines, *self.postamble)
        return tuple(dict.fromkeys(line.party for line in lines if line.party))


@dataclass(frozen=True, slots=True)
class Requirement:
    """One sentence of the specification that can be judged: its id, clause, level and whom it binds."""

    id: str
    clause: str
    level: Level
    suts: tuple[str, ...]
    zh: str
    en: str
    place: Place
    codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is otherwise than expected: ``path`` in the document or header, or a byte offset."""

    path: str
    expected: str
    got: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a case did not pass, for people (spec 07.5); texts are ``Chinese / English``."""

    reason: str
    line: Line | None = None
    step: int = 0
    phase: str = ""
    differences: tuple[Difference, ...] = ()
    cause: str = ""
    repair: str = ""
    repeat: str = ""


Way = Literal["sent", "got", "note"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that crossed a wire, or happened to a connection, during a case.

    ``at`` is ms since epoch, ``party`` the role the suite played, ``connection`` its name.  ``packet`` and ``document`` are
    the decoded forms where the bytes have one (packet: header fields; document: code, element, header, body).  ``step`` is
    the line (from 1) that was current.
    """

    at: int
    way: Way
    party: str
    connection: str
    step: int
    raw: bytes = b""
    packet: dict[str, Any] = field(default_factory=dict)
    document: dict[str, Any] = field(default_factory=dict)
    text: str = ""


@dataclass(slots=True)
class CaseResult:
    """A case with its verdict; ``log`` is everything that was said, ``notes`` what was odd without being judged."""

    case: Case
    verdict: Verdict
    explanation: Explanation | None = None
    started_at: int = 0
    ended_at: int = 0
    log: list[Entry] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    waiver: str = ""


@dataclass(slots=True)
class RunResult:
    """A run of the suite. ``partial``: it was interrupted; ``pics`` is the questionnaire as it counted; ``strays`` what the
    system under test sent that belongs to no case; ``namespace`` begins the token in every id of the run."""

    suite: str
    sut: str
    endpoint: str
    seed: int
    product: str
    strict: bool = False
    only: tuple[str, ...] = ()
    read_only: bool = False
    namespace: str = ""
    pics_file: str = ""
    pics: dict[str, Any] = field(default_factory=dict)
    started_at: int = 0
    ended_at: int = 0
    partial: bool = False
    results: list[CaseResult] = field(default_factory=list)
    strays: list[Entry] = field(default_factory=list)
    sanity: list[CaseResult] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """How many cases ended how, every verdict named."""
        found = [result.verdict for result in self.results]
        return {verdict.value: found.count(verdict) for verdict in Verdict}

    @property
    def passed(self) -> bool:
        """Whether no MUST failed (``strict``: nor a SHOULD), and something was judged. Inconclusive is no pass (07.4)."""
        bad = (Verdict.FAIL, Verdict.ERROR, Verdict.INCONCLUSIVE, Verdict.NOT_EXECUTED)
        heavy = [one for one in (*self.results, *self.sanity) if self.strict or one.case.level == "MUST"]
        judged = any(one.verdict in (Verdict.PASS, Verdict.XFAIL, Verdict.XPASS) for one in self.results)
        return judged and not self.partial and not any(one.verdict in bad for one in heavy)
