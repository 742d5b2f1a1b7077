"""Failures in words: what was expected where, what came, what probably causes it, what would pass (spec 07.5)."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.model import Case, Difference, Explanation, Line, Verdict
from schemas.loader import UnknownName, load


class Judged(Exception):
    """A case has its verdict before its last line."""

    def __init__(self, verdict: Verdict, reason: str, differences: Sequence[Difference] = ()) -> None:
        super().__init__(reason)
        self.verdict = verdict
        self.reason = reason
        self.differences = tuple(differences)


def explained(case: Case, judged: Judged, line: Line | None, step: int, phase: str, repeat: str) -> Explanation:
    """The whole explanation."""
    return Explanation(
        judged.reason,
        line,
        step,
        phase,
        judged.differences,
        case.cause or _cause(judged, line),
        case.repair or _repair(judged, line),
        repeat,
    )


def meaning(code: str) -> str:
    """A result code with its text in both languages."""
    try:
        row = load().result(code)
    except UnknownName:
        return code
    return f"{row.code} {row.zh} / {row.en}"


def _cause(judged: Judged, line: Line | None) -> str:
    """What usually lies behind a difference of this kind."""
    if judged.verdict is Verdict.INCONCLUSIVE:
        return (
            "被测系统未达到本用例所需的情形；先看前置步骤与问卷"
            " / the situation this case needs was not reached; look at the preamble and the questionnaire"
        )
    for one in judged.differences:
        if one.path.endswith("/code") and line is not None and line.what == "receipt":
            return f"按另一情形处理了该报文：{meaning(one.got)} / it was judged as another situation: {meaning(one.got)}"
        if one.path.endswith("ref_serial"):
            return "结果未引用它所答命令的流水号 / the result does not name the serial of the command it answers"
        if one.got == "（无）/ (nothing)":
            return f"没有填写 {one.path} / {one.path} is not filled in"
    if line is not None and line.do == "quiet":
        return "重复处理，或过早发送 / something was done twice, or too early"
    if line is not None and line.do == "expect" and not judged.differences:
        return "没有处理该报文，或处理超出时限 / the message was not dealt with, or not in time"
    return "见差异 / see the differences"


def _repair(judged: Judged, line: Line | None) -> str:
    """The smallest change that would pass."""
    if judged.differences:
        one = judged.differences[0]
        return f"使 {one.path} 为 {one.expected} / let {one.path} be {one.expected}"
    if line is None:
        return "见原因 / see the reason"
    if line.do == "quiet":
        return f"不发送 {line.what} / do not send {line.what}"
    if line.do == "expect":
        return f"在时限内给出 {line.what} / give {line.what} in time"
    return "见原因 / see the reason"
