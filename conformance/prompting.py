"""What only its operator can make the system under test do: a line asks for a message, the outside sees to it (spec 07.3).

No message of another system makes a CRM ask for a survey or a design: a person does.  The questionnaire says for which messages
somebody can be asked, and how; cases that need others are not applicable.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from conformance.model import Case, Line

if TYPE_CHECKING:
    from conformance.runner import CaseRun

PROMPT = "prompt"
Prompter = Callable[[str, dict[str, Any], Callable[[str], None]], None]
"""Has the system under test send a message: its code, its body, and who hears why it could not be asked for."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """Have the system under test send the message of this code with this content."""

    code: str
    body: dict[str, Any]


def prompt(run: CaseRun, line: Line, body: dict[str, Any], now: int) -> dict[str, Any]:
    """Ask for the line's message; its body. Raises Unsendable, Unresolved."""
    filled = run.paper.filled(body, line, run.scope(now))
    text = f"请操作员发起 {line.what} / its operator is asked for {line.what}"
    run.record("note", "", "", now, document={"body": filled}, text=text)
    run.orders.append(Prompt(line.what, filled))
    return filled


def conditions(case: Case) -> tuple[str, ...]:
    """What the questionnaire must offer for the case's prompts."""
    lines = (*case.preamble, *case.lines, *case.postamble)
    return tuple(dict.fromkeys(f"{PROMPT}={line.what}" for line in lines if line.do == PROMPT))


def nobody(code: str, body: dict[str, Any], failed: Callable[[str], None]) -> None:
    """There is no operator."""
    failed(f"无人可请发起 {code} / nobody can be asked for {code}")
