"""The kinds of lines a case may have, what each takes, and how one is read from its inline table (spec 07.2)."""

from __future__ import annotations

from dataclasses import dataclass
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
    """A line that is none; both languages."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(f"{zh} / {en}")
        self.zh = zh
        self.en = en


def read_lines(table: Any, place: Place) -> list[Line]:
    """The line in an inline table; a ``send`` with ``receipt`` or ``reply`` is two. Raises LineFault."""
    if not isinstance(table, dict):
        raise LineFault("每一行须是一个内联表", "every line is an inline table")
    do = next((name for name in KINDS if name in table), None)
    if do is None:
        raise LineFault(f"行须含 {'、'.join(KINDS)} 之一", f"a line has one of {', '.join(KINDS)}")
    kind = KINDS[do]
    known = {do, kind.party, kind.within, "as", "on", *kind.takes} - {""}
    unknown = [name for name in table if name not in known]
    if unknown:
        allowed = ", ".join(sorted(known))
        raise LineFault(f"{do} 行不认识 {unknown[0]}，可用：{allowed}", f"a {do} line takes no {unknown[0]}, but: {allowed}")
    for name, wanted in kind.takes.items():
        if name in table and not isinstance(table[name], wanted):
            raise LineFault(f"{do} 行的 {name} 类型不对", f"{name} of a {do} line has the wrong type")
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
