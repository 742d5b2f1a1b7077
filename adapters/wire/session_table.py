"""The life of a connection as one total table (spec 01.1.3 to 01.1.5).

Two systems talk over one byte stream.  Each may ask and each must answer, so there is no client and no server here, only
*this side* and *the peer*: the same table serves the gateway's links, the simulators, the bench clients and the conformance
suite, whether they listened or connected.  A session is

* OPEN: both directions run;
* DRAINING: the peer has closed its half.  It cannot answer any more, so nothing new is asked and what was outstanding is
  lost; but it can still read, so it gets every answer it is owed (rule 5);
* CLOSED: we gave the connection up, or it is gone.  Bytes still in flight are not looked at: what they ask for was never
  acknowledged, so the peer asks again on the next connection.

What orders a conversation is *not* in the states: answers are matched by serial, never by order, and several may be
outstanding, so a state "waiting for an answer" would be wrong.  The serials asked (outstanding) and to be answered (owed)
are counted beside the table, as are the clocks.  Two rules hold everywhere: heartbeats are answered at once and surface
nowhere, whatever else is under way (rule 4); and every reason to give up is one input, GIVE_UP, with one exit, so that
whatever was outstanding is reported lost exactly once.

The table is total: each state says something to each input.  ILLEGAL is a fault of this side's shell, raised and without
effect; IGNORE is for what may still come in after we gave up.
"""

from __future__ import annotations

import enum


class State(enum.Enum):
    """Where a connection is."""

    OPEN = "open"
    DRAINING = "draining"
    CLOSED = "closed"

    __hash__ = object.__hash__


class Input(enum.Enum):
    """What can happen to a connection."""

    DOCUMENT = "request or notification, whole"
    ANSWER = "reply or receipt, whole"
    HEARTBEAT = "heartbeat request"
    HEARTBEAT_REPLY = "heartbeat reply"
    REGISTER = "the peer registers"
    READY = "our registration is taken"
    NEXT = "the peer fetches a further packet"
    REFUSAL = "document that came wrong"
    SEND = "our request or notification"
    REPLY = "our answer"
    SILENCE = "nothing heard for a heartbeat's time"
    OVERDUE = "answers outstanding beyond their limit"
    EOF = "the peer closed its half"
    GIVE_UP = "fault or limit"
    GONE = "the connection ended"

    __hash__ = object.__hash__


class Action(enum.Enum):
    """What a session does about it."""

    DELIVER = "hand the document on and owe an answer"
    MATCH = "match the answer by serial"
    ANSWER_HEARTBEAT = "answer the heartbeat"
    NOTE = "nothing but that the peer lives"
    WELCOME = "take the registration, say so"
    ENTER = "documents may go"
    TURN_PAGE = "queue the packet it fetches"
    REFUSE = "hand the refusal on and owe a receipt"
    WRITE = "queue the packet"
    BEAT = "count a miss, send a heartbeat"
    EXPIRE = "report what timed out"
    DRAIN = "report what is lost, go on answering"
    CLOSE = "report what is lost, close with the reason"
    LOSE = "report what is lost"
    IGNORE = "nothing"
    ILLEGAL = "raise"

    __hash__ = object.__hash__


_OPEN, _DRAINING, _CLOSED = State.OPEN, State.DRAINING, State.CLOSED

TABLE: dict[State, dict[Input, tuple[State, Action]]] = {
    State.OPEN: {
        Input.DOCUMENT: (_OPEN, Action.DELIVER),
        Input.ANSWER: (_OPEN, Action.MATCH),
        Input.HEARTBEAT: (_OPEN, Action.ANSWER_HEARTBEAT),
        Input.HEARTBEAT_REPLY: (_OPEN, Action.NOTE),
        Input.REGISTER: (_OPEN, Action.WELCOME),
        Input.READY: (_OPEN, Action.ENTER),
        Input.NEXT: (_OPEN, Action.TURN_PAGE),
        Input.REFUSAL: (_OPEN, Action.REFUSE),
        Input.SEND: (_OPEN, Action.WRITE),
        Input.REPLY: (_OPEN, Action.WRITE),
        Input.SILENCE: (_OPEN, Action.BEAT),
        Input.OVERDUE: (_OPEN, Action.EXPIRE),
        Input.EOF: (_DRAINING, Action.DRAIN),
        Input.GIVE_UP: (_CLOSED, Action.CLOSE),
        Input.GONE: (_CLOSED, Action.LOSE),
    },
    State.DRAINING: {
        Input.DOCUMENT: (_DRAINING, Action.ILLEGAL),
        Input.ANSWER: (_DRAINING, Action.ILLEGAL),
        Input.HEARTBEAT: (_DRAINING, Action.ILLEGAL),
        Input.HEARTBEAT_REPLY: (_DRAINING, Action.ILLEGAL),
        Input.REGISTER: (_DRAINING, Action.ILLEGAL),
        Input.READY: (_DRAINING, Action.ILLEGAL),
        Input.NEXT: (_DRAINING, Action.ILLEGAL),
        Input.REFUSAL: (_DRAINING, Action.REFUSE),  # a document whose rest will not come any more
        Input.SEND: (_DRAINING, Action.ILLEGAL),
        Input.REPLY: (_DRAINING, Action.WRITE),
        Input.SILENCE: (_DRAINING, Action.IGNORE),
        Input.OVERDUE: (_DRAINING, Action.IGNORE),
        Input.EOF: (_DRAINING, Action.IGNORE),
        Input.GIVE_UP: (_CLOSED, Action.CLOSE),
        Input.GONE: (_CLOSED, Action.LOSE),
    },
    State.CLOSED: {
        Input.DOCUMENT: (_CLOSED, Action.IGNORE),
        Input.ANSWER: (_CLOSED, Action.IGNORE),
        Input.HEARTBEAT: (_CLOSED, Action.IGNORE),
        Input.HEARTBEAT_REPLY: (_CLOSED, Action.IGNORE),
        Input.REGISTER: (_CLOSED, Action.IGNORE),
        Input.READY: (_CLOSED, Action.IGNORE),
        Input.NEXT: (_CLOSED, Action.IGNORE),
        Input.REFUSAL: (_CLOSED, Action.IGNORE),
        Input.SEND: (_CLOSED, Action.ILLEGAL),
        Input.REPLY: (_CLOSED, Action.ILLEGAL),
        Input.SILENCE: (_CLOSED, Action.IGNORE),
        Input.OVERDUE: (_CLOSED, Action.IGNORE),
        Input.EOF: (_CLOSED, Action.IGNORE),
        Input.GIVE_UP: (_CLOSED, Action.IGNORE),
        Input.GONE: (_CLOSED, Action.IGNORE),
    },
}
