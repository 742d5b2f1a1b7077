"""What only its operator can make the system under test do: a line asks for a message, the outside sees to it (spec 07.3).

No message of another system makes a CRM ask for a survey or a design: a person does.  The questionnaire says for which messages
somebody can be asked, and how; cases that need others are not applicable.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from conformance.model import Case

PROMPT = "prompt"
Prompter = Callable[[str, dict[str, Any], Callable[[str], None]], None]
"""Has the system under test send a message: its code, its body, and who hears why it could not be asked for."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """Have the system under test send the message of this code with this content."""

    code: str
    body: dict[str, Any]


def conditions(case: Case) -> tuple[str, ...]:
    """What the questionnaire must offer for the case's prompts."""
    lines = (*case.preamble, *case.lines, *case.postamble)
    return tuple(dict.fromkeys(f"{PROMPT}={line.what}" for line in lines if line.do == PROMPT))


def nobody(code: str, body: dict[str, Any], failed: Callable[[str], None]) -> None:
    """There is no operator."""
    failed(f"无人可请发起 {code} / nobody can be asked for {code}")
