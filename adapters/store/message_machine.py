"""The life of a message as a table of (state, input) -> state (message-store.md; spec 06.1).

Inbound messages are born in the state they end in: receiving, judging and storing are one commit.  Outbound ones live longer:
READY waits for its turn, SENDING has an open attempt (found at a restart it means UNKNOWN), RETRY waits for its time, UNKNOWN
was sent and nobody knows; from there only an answer, a resend of the same bytes, or the budget leads on.  Ends: DONE, REJECTED
(the peer said no for good), DEAD (budget spent, a person decides), PARKED (could not be sent at all or waits at the desk).
"""

from __future__ import annotations

from typing import Final

READY: Final = "READY"
SENDING: Final = "SENDING"
RETRY: Final = "RETRY"
UNKNOWN: Final = "UNKNOWN"
DONE: Final = "DONE"
REJECTED: Final = "REJECTED"
DEAD: Final = "DEAD"
PARKED: Final = "PARKED"

OPEN: Final = (READY, SENDING, RETRY, UNKNOWN)
ENDS: Final = (DONE, REJECTED, DEAD, PARKED)

TRANSITIONS: Final[dict[tuple[str, str], str]] = {
    (READY, "take"): SENDING,
    (READY, "expire"): DEAD,
    (READY, "skip"): PARKED,
    (SENDING, "accepted"): DONE,
    (SENDING, "refused"): REJECTED,
    (SENDING, "again"): RETRY,
    (SENDING, "no_answer"): UNKNOWN,
    (SENDING, "give_up"): DEAD,
    (RETRY, "take"): SENDING,
    (RETRY, "accepted"): DONE,
    (RETRY, "refused"): REJECTED,
    (RETRY, "again"): RETRY,
    (RETRY, "no_answer"): UNKNOWN,
    (RETRY, "give_up"): DEAD,
    (RETRY, "expire"): DEAD,
    (RETRY, "skip"): PARKED,
    (UNKNOWN, "take"): SENDING,
    (UNKNOWN, "accepted"): DONE,
    (UNKNOWN, "refused"): REJECTED,
    (UNKNOWN, "again"): RETRY,
    (UNKNOWN, "no_answer"): UNKNOWN,
    (UNKNOWN, "give_up"): DEAD,
    (UNKNOWN, "skip"): PARKED,
    (DEAD, "accepted"): DONE,
    (DEAD, "refused"): REJECTED,
    (DEAD, "redeliver"): READY,
    (PARKED, "redeliver"): READY,
}


class IllegalMove(Exception):
    """A message was asked to do what its state does not allow: a defect of ours, never of a peer."""


def next_state(state: str, given: str) -> str:
    """The state after ``given``; raises ``IllegalMove``."""
    try:
        return TRANSITIONS[state, given]
    except KeyError:
        raise IllegalMove(f"message in {state} cannot {given}") from None
