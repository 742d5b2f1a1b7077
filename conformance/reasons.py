"""Why a run did not pass, said once: cases that failed for one reason together, and a system nothing at all is heard of (07.5).

Works on the results as JSON, so that terminals, reports and reports made again say the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.model import CaseResult, Verdict
from conformance.verdict import tongues

_ODD = ("FAIL", "ERROR", "INCONCLUSIVE")
_BEFORE = (("前置步骤未达成：", "the preamble was not reached: "), ("", ""))
_DIGITS = re.compile(r"[0-9]{3,}")
DEAF_AFTER = 8
"""So many cases without a word that can be read are enough: the others would say nothing else."""
_HEARD = ("receipt", "answer", "heartbeat_reply", "refusal", "response")
"""What a system that speaks at all gives sooner or later."""


@dataclass(slots=True)
class Reason:
    """One reason: in both languages, and the cases it stands behind, the one that says most first."""

    zh: str
    en: str
    cases: list[dict[str, Any]] = field(default_factory=list)

    @property
    def first(self) -> dict[str, Any]:
        """The case to look at."""
        return self.cases[0]


@dataclass(frozen=True, slots=True)
class Trouble:
    """Nothing is known of the system under test: what is the matter, and what to check, in both languages."""

    zh: str
    en: str
    checks: tuple[tuple[str, str], ...]


def reasons(cases: Iterable[Mapping[str, Any]]) -> list[Reason]:
    """The reasons of cases that did not pass, those of failures and of many cases first."""
    found: dict[tuple[Any, ...], Reason] = {}
    for case in cases:
        told = case["explanation"]
        if told is None or case["verdict"] not in _ODD:
            continue
        zh, en = tongues(told["reason"])
        for before_zh, before_en in _BEFORE:
            zh, en = zh.removeprefix(before_zh), en.removeprefix(before_en)
        paths = tuple(one["path"] for one in told["differences"])
        key = (_DIGITS.sub("#", en), told["line"]["what"] if told["line"] else "", paths)
        found.setdefault(key, Reason(zh, en)).cases.append(dict(case))
    for reason in found.values():
        reason.cases.sort(key=lambda case: _ODD.index(case["verdict"]))
    return sorted(found.values(), key=lambda one: (_ODD.index(one.first["verdict"]), -len(one.cases)))


def moments(sanity: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """When each sanity case was played, in both languages: the same ones go first and last."""
    seen: dict[tuple[str, ...], None] = {}
    told = []
    for case in sanity:
        key = (case["id"], *case["parties"])
        told.append(("结束时", "at the end") if key in seen else ("开始时", "at the start"))
        seen[key] = None
    return told


def is_deaf(result: CaseResult) -> bool:
    """Whether a case did not pass as nothing that can be read came where an answer was due."""
    told = result.explanation
    if told is None or told.line is None or result.verdict not in (Verdict.FAIL, Verdict.INCONCLUSIVE):
        return False
    return told.line.do == "expect" and told.line.what in _HEARD and not was_heard(result)


def was_heard(result: CaseResult) -> bool:
    """Whether the system under test said anything that can be read."""
    return any(_readable(entry.way, entry.document, entry.packet) for entry in result.log)


def trouble(data: Mapping[str, Any]) -> Trouble | None:
    """What is the matter where nothing could be judged; None where something was heard."""
    sanity = next((case for case in data["sanity"] if case["verdict"] != "PASS"), None)
    played = [case for case in data["cases"] if case["verdict"] in ("PASS", *_ODD)]
    where = data["endpoint"]
    if sanity is not None and not played:
        return _unmet(where, sanity, data["pics"])
    if not played or any(_said(case) for case in played) or not any(case["explanation"] for case in played):
        return None
    notes = " ".join(case["explanation"]["reason"] for case in played if case["explanation"])
    layout, spoken = data["pics"].get("layout", ""), _spoken(data["pics"])
    known = (
        ("被测方是否认识问卷 [systems] 中的各编号", "it knows the ids under [systems] of the questionnaire"),
        ("地址后是否确为被测方，其日志怎么说", "it is the system meant that listens there; what its log says"),
    )
    if "no packet" in notes or "nobody can say" in notes:
        zh, en = f"{where} 有应答，但不是 {layout} 的报文", f"{where} answers, but not in packets of {layout}"
        return Trouble(zh, en, (*spoken, known[1]))
    if "closed" in notes:
        zh, en = f"{where} 一收到报文即关闭连接，从不应答", f"{where} closes every connection and never answers"
        return Trouble(zh, en, (*spoken, *known, _TLS, _LOGIN))
    zh, en = f"{where} 接受连接，但从不应答", f"{where} takes connections and never answers"
    return Trouble(zh, en, (*spoken, *known))


_TLS = ("对方是否要求 TLS：tls:// 与 [tls]", "it wants TLS: tls:// and [tls]")
_LOGIN = ("对方是否要求登录：[accounts]", "it wants a login: [accounts]")


def _spoken(pics: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """What both sides must have in common before anything can be understood."""
    said = ", ".join(f"{name} = {pics[name]}" for name in ("layout", "binding") if pics.get(name))
    return ((f"问卷的 {said} 是否为对方所用", f"it speaks what the questionnaire says: {said}"),)


def _unmet(where: str, sanity: Mapping[str, Any], pics: Mapping[str, Any]) -> Trouble:
    """The sanity case did not pass: nobody is there, or nobody gets in."""
    zh, en = tongues(sanity["explanation"]["reason"])
    there = (
        ("被测方是否已启动，并监听此地址与端口", "the system is started and listens at this address and port"),
        ("两机之间的路由与防火墙", "route and firewall between the two machines"),
        ("--endpoint 的协议（tcp、tls、http、https）", "the scheme of --endpoint: tcp, tls, http or https"),
    )
    if sanity["verdict"] == "INCONCLUSIVE":
        return Trouble(
            f"{where} 无法判定：{zh}", f"{where} cannot be judged: {en}", there + ((_LOGIN,) if "login" in en else ())
        )
    checks = (*_spoken(pics), _TLS, _LOGIN, there[2])
    return Trouble(f"{where} 不保持连接：{zh}", f"{where} does not keep a connection: {en}", checks)


def _said(case: Mapping[str, Any]) -> bool:
    return any(_readable(entry["way"], entry["document"], entry["packet"]) for entry in case["log"])


def _readable(way: str, document: Mapping[str, Any], packet: Mapping[str, Any]) -> bool:
    return way == "got" and bool(document or packet.get("kind"))
