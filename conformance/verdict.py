"""Failures in words: what was expected where, what came, what probably causes it, what would pass (spec 07.5)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from conformance.match import NONE, NOTHING, SOME
from conformance.model import Case, Difference, Explanation, Line, Verdict
from schemas.loader import UnknownName, load

WHOLE = "/"
"""Path of a difference that is about a whole message: it came, or did not."""


class Judged(Exception):
    """A case has its verdict before its last line. ``general``: for a reason that has nothing to do with what it asks."""

    def __init__(
        self, verdict: Verdict, reason: str, differences: Sequence[Difference] = (), *, general: bool = False
    ) -> None:
        super().__init__(reason)
        self.verdict = verdict
        self.reason = reason
        self.differences = tuple(differences)
        self.general = general


def explained(
    case: Case, judged: Judged, line: Line | None, step: int, phase: str, repeat: str, values: Sequence[str] = ()
) -> Explanation:
    """The whole explanation; ``values``: what the steps before the case's own took from the questionnaire."""
    unreached = judged.verdict is Verdict.INCONCLUSIVE
    cause, repair = ("", "") if judged.general else (case.cause, case.repair)
    return Explanation(
        judged.reason,
        line,
        step,
        phase,
        judged.differences,
        _unsettled(phase) if unreached else cause or _cause(judged, line),
        _settle(judged, line, phase, values) if unreached else repair or _repair(judged, line),
        repeat,
    )


def meaning(code: str) -> str:
    """A result code with its text in both languages."""
    try:
        row = load().result(code)
    except UnknownName:
        return code
    return f"{row.code} {row.zh} / {row.en}"


def tongues(text: str) -> tuple[str, str]:
    """A text of both languages as Chinese and English; one that is a plain value is both."""
    parts = text.split(" / ")
    half = len(parts) // 2
    zh, en = " / ".join(parts[:half]), " / ".join(parts[half:])
    return (zh, en) if len(parts) % 2 == 0 and _HAN.search(zh) else (text, text)


def about(zh: str, en: str, inner: str) -> str:
    """A text of both languages about another, which may be of both as well."""
    inner_zh, inner_en = tongues(inner)
    return f"{zh}：{inner_zh} / {en}: {inner_en}"


_HAN = re.compile("[\u4e00-\u9fff]")
_CALLED = {
    "receipt": ("收条", "the receipt"),
    "answer": ("应答", "the answer"),
    "refusal": ("拒绝", "the refusal"),
    "heartbeat": ("心跳", "a heartbeat"),
    "heartbeat_reply": ("心跳应答", "the reply to the heartbeat"),
    "response": ("HTTP 应答", "the HTTP response"),
}
"""What is expected besides messages, as people call it."""


def _called(what: str) -> tuple[str, str]:
    return _CALLED.get(what, (what, what))


def _cause(judged: Judged, line: Line | None) -> str:
    """What usually lies behind a difference of this kind."""
    for one in judged.differences:
        if one.path.endswith("/code") and line is not None and line.what == "receipt":
            zh, en = tongues(meaning(one.got))
            return f"按另一情形处理了该报文：{zh} / it was judged as another situation: {en}"
        if one.path.endswith("ref_serial"):
            return "结果未引用它所答命令的流水号 / the result does not name the serial of the command it answers"
        if one.got == NOTHING:
            return f"没有填写 {one.path} / {one.path} is not filled in"
    if line is not None and line.do == "quiet":
        return "重复处理，或过早发送 / something was done twice, or too early"
    if line is not None and line.do == "expect" and all(one.path == WHOLE for one in judged.differences):
        return "没有处理该报文，或处理超出时限 / the message was not dealt with, or not in time"
    return "见期望与实际 / see expected beside got"


def _repair(judged: Judged, line: Line | None) -> str:
    """The smallest change that would pass."""
    one = next((one for one in judged.differences if one.path != WHOLE), None)
    if one is not None and (line is None or line.do != "quiet"):
        return " / ".join(_changed(one, line))
    if line is None:
        return "见原因 / see the reason"
    zh, en = _called(line.what)
    if line.do == "quiet":
        return f"不发送 {line.what} / do not send {line.what}" if line.what != "*" else "不发送任何报文 / send nothing at all"
    if line.do == "expect" and line.what in ("closed", "open", "connected"):
        zh, en = {"closed": ("关闭", "close"), "open": ("保持", "keep"), "connected": ("建立", "make")}[line.what]
        return f"{zh}连接 / {en} the connection"
    if line.do == "expect":
        return f"在时限内给出 {zh} / give {en} in time"
    return "见原因 / see the reason"


def _changed(one: Difference, line: Line | None) -> tuple[str, str]:
    """What to do about one difference."""
    (zh, en), path = tongues(one.expected), one.path
    if one.expected == SOME:
        return f"填写 {path}", f"fill in {path}"
    if one.expected == NONE:
        return f"去掉 {path}", f"leave {path} out"
    if path == "order":
        return f"使 {zh}", f"send {en}"
    if path == "party" and line is not None:
        return f"把 {line.what} 发给 {zh}", f"send {line.what} to {en}"
    if path == "connection":
        return "保持连接", "keep the connection open"
    if path.startswith("byte "):
        return "原样重发，不得改动一个字节", "send the very bytes again, not one of them changed"
    if zh != en:  # a rule in words
        return f"{path}：{zh}", f"{path}: {en}"
    return f"使 {path} 为 {zh}", f"let {path} be {en}"


def _unsettled(phase: str) -> str:
    """Why there is no verdict."""
    if phase == "preamble":
        return (
            "前置步骤即未通过，本用例本身尚未判定"
            " / what goes before the case did not go well already; of the case itself nothing is known"
        )
    return "被测系统未达到本用例所需的情形 / the situation this case needs was not reached"


def _settle(judged: Judged, line: Line | None, phase: str, values: Sequence[str]) -> str:
    """What to do about it: what the step wanted, and the test values it was played with."""
    if phase != "preamble":
        return "见原因；再核对问卷的地址与时限 / see the reason, then addresses and times of the questionnaire"
    zh, en = tongues(_repair(judged, line)) if judged.differences else ("见原因", "see the reason")
    if not values:
        return f"先使该步骤通过：{zh} / make that step pass first: {en}"
    named = ", ".join(dict.fromkeys(values))
    zh = f"先使该步骤通过：{zh}；若测试数据不合适，改问卷 [values] 的 {named}"
    return f"{zh} / make that step pass first: {en}; where the test data do not suit, change {named} under [values]"
