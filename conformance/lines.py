"""The kinds of lines a case may have, what each takes, and how one is read from its inline table (spec 07.2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from conformance.model import Line, Place
from conformance.prompting import PROMPT

_TABLE, _TEXT, _LIST, _FLAG, _TEXT_OR_TABLE = dict, str, list, bool, (str, dict)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of line: ``party`` and ``within`` are the keys that name party and time, ``takes`` the other keys by type."""

    party: str
    within: str
    takes: dict[str, Any]
    zh: str
    en: str


KINDS = {
    "send": Kind(
        "by",
        "",
        {
            "to": _TEXT, "body": _TEXT_OR_TABLE, "set": _TABLE, "drop": _LIST, "header": _TABLE, "packet": _TABLE,
            "charset": _TEXT, "declare": _TEXT, "ref": _TEXT, "edit": _LIST, "bytes": _LIST, "patch": _LIST,
            "split": _LIST, "pause": _TEXT,
            "cut": _LIST, "again": _TEXT, "answers": _TEXT, "code": _TEXT, "receipt": _TEXT, "reply": _TABLE, "hold": _FLAG,
            "web": _TABLE,
        },
        "发送报文",
        "send a message, or an answer to one that came",
    ),
    "expect": Kind(
        "to",
        "within",
        {
            "of": _TEXT, "where": _TABLE, "body": _TABLE, "header": _TABLE, "packet": _TABLE, "code": _TEXT, "before": _LIST,
            "after": _LIST, "answer": _TEXT, "reply": _TABLE, "same": _TEXT, "state": _TEXT, "web": _TABLE,
        },
        "等待并核对",
        "wait for something and judge it",
    ),
    "quiet": Kind("to", "for", {"where": _TABLE}, "在此时间内不得收到", "nothing of this may come"),
    "raw": Kind("by", "", {"text": _TEXT, "hex": _TEXT, "random": int, "times": int}, "发送原始字节", "send raw bytes"),
    "open": Kind("by", "", {}, "建立连接", "open a connection"),
    "close": Kind("by", "", {"how": _TEXT}, "关闭连接", "close a connection: end, half or abort"),
    "wait": Kind("", "for", {}, "等待", "let time pass"),
    PROMPT: Kind(
        "", "", {"body": _TEXT_OR_TABLE, "set": _TABLE, "drop": _LIST}, "请被测方的操作员发起报文",
        "have the operator of the system under test send a message",
    ),
}  # fmt: skip
"""Kind of line -> what it takes."""

WORDS = ("receipt", "answer", "refusal", "closed", "open", "connected", "heartbeat", "heartbeat_reply", "response")
"""What can be expected besides a message."""


class LineFault(ValueError):
    """A line that is none; ``found`` is everything that is wrong with it, in both languages."""

    def __init__(self, *found: tuple[str, str]) -> None:
        super().__init__("; ".join(f"{zh} / {en}" for zh, en in found))
        self.found = found


def read_lines(table: Any, place: Place) -> list[Line]:
    """The line in an inline table; a ``send`` with ``receipt`` or ``reply`` is two. Raises LineFault."""
    if not isinstance(table, dict):
        raise LineFault(("每一行须是一个内联表", "every line is an inline table"))
    do = next((name for name in KINDS if name in table), None)
    if do is None:
        raise LineFault(_no_kind(table))
    kind = KINDS[do]
    faults = list(_faults(table, do, kind))
    if faults:
        raise LineFault(*faults)
    args = {name: table[name] for name in kind.takes if name in table}
    line = Line(
        do,
        place,
        str(table.get(kind.party, "")),
        "" if isinstance(table[do], bool) else str(table[do]),
        str(table.get("as", "")),
        str(table.get("on", "")),
        str(table.get(kind.within, "")),
        args,
    )
    return _with_answer(line)


def _no_kind(table: dict[str, Any]) -> tuple[str, str]:
    """No word says what the line does."""
    meant = next((near[0] for name in table if (near := get_close_matches(name, KINDS, 1))), "")
    zh, en = (f"，是否指 {meant}？", f"; did you mean {meant}?") if meant else ("", "")
    return f"行须含 {'、'.join(KINDS)} 之一{zh}", f"a line has one of {', '.join(KINDS)}{en}"


def _faults(table: dict[str, Any], do: str, kind: Kind) -> Iterator[tuple[str, str]]:
    """What is wrong with a line of a kind."""
    called = f"{'an' if do[0] in 'aeiou' else 'a'} {do} line"
    known = [name for name in (do, kind.party, kind.within, "as", "on", *kind.takes) if name]
    for name, value in table.items():
        if name not in known:
            allowed, meant = ", ".join(known), next(iter(get_close_matches(name, known, 1)), "")
            zh, en = (f"，是否指 {meant}？", f"; did you mean {meant}?") if meant else ("", "")
            yield f"{do} 行不认识 {name}{zh}，可用：{allowed}", f"{called} takes no {name}{en}, but: {allowed}"
            continue
        wanted = kind.takes.get(name, (str, bool) if name == do else str)
        if not isinstance(value, wanted) or (name in _NAMES and any(not isinstance(one, str) for one in value)):
            zh, en = ("文字的列表", "a list of texts") if name in _NAMES else _KIND_NAMES[wanted]
            yield f"{do} 行的 {name} 须是{zh}", f"{name} of {called} must be {en}"
    if kind.party and not table.get(kind.party):
        yield f'{do} 行缺少 {kind.party} = "角色"', f'{called} lacks {kind.party} = "ROLE"'


_NAMES = ("drop", "before", "after")
"""Lists of texts."""
_KIND_NAMES: dict[Any, tuple[str, str]] = {
    str: ("带引号的文字", "a text in quotes"),
    int: ("整数", "a whole number"),
    dict: ("表，如 { name = 1 }", "a table, such as { name = 1 }"),
    list: ("列表", "a list"),
    bool: ("true", "true"),
    (str, dict): ("文字或表", "a text or a table"),
    (str, bool): ("文字", "a text"),
}


def _with_answer(line: Line) -> list[Line]:
    """``receipt = "0001"`` or ``reply = {...}`` behind a send is short for the expectation of it."""
    if line.do != "send" or line.args.get("answers") or not {"receipt", "reply"} & set(line.args):
        return [line]
    args = dict(line.args)
    label = line.label or f"{line.what}@{line.place.line}"
    receipt, reply = args.pop("receipt", None), args.pop("reply", None)
    sent = Line("send", line.place, line.party, line.what, label, line.on, line.within, args)
    if receipt is not None:
        wanted = Line("expect", line.place, line.party, "receipt", "", line.on, "", {"of": label, "code": receipt})
    else:
        wanted = Line("expect", line.place, line.party, "answer", "", line.on, "", {"of": label, "body": reply})
    return [sent, wanted]
