"""The report of a run as one file for a browser: what failed and why first, everything that was said behind it (spec 07.8).

Made from the results as JSON, so that a report of an earlier run can be made again.  Rows stand in the page; what a case said
stands beside them, compressed, and is drawn when somebody opens the case, so that a report of hundreds of cases opens at once.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any
from zlib import compress

from adapters.wire.errors import FramingFault
from adapters.wire.layout import Layout
from adapters.wire.times import wire_time
from conformance.cleanup import left_behind
from conformance.loader import load_suite
from conformance.model import Requirement, Verdict
from conformance.reasons import Reason, moments, reasons, trouble
from conformance.results import printable
from schemas.loader import UnknownName, load

REPORT_FILE = "report.html"
_DATA = Path(__file__).parent / "data"
_SHOWN = 32_768
"""Bytes of one message the page holds; results.json has all of them."""
_MARKS = {"PASS": "✓", "FAIL": "✗", "INCONCLUSIVE": "?", "ERROR": "!", "XFAIL": "✗", "XPASS": "✓"}
_NAMES = {
    "PASS": "通过",
    "FAIL": "未通过",
    "INCONCLUSIVE": "无法判定",
    "ERROR": "套件故障",
    "NOT_APPLICABLE": "不适用",
    "NOT_EXECUTED": "未执行",
    "XFAIL": "已豁免",
    "XPASS": "豁免可撤",
}
"""Verdicts as Chinese readers know them."""


def page(data: dict[str, Any]) -> str:
    """The page of a run, from its JSON (``results.as_json``)."""
    layout = _layout(data)
    cases = [*data["sanity"], *data["cases"]]
    when = [f"{zh} {en}" for zh, en in moments(data["sanity"])] + [""] * len(data["cases"])
    known = load_suite().requirements
    script = (_DATA / "report.js").read_text("utf-8")
    parts = [
        "<!DOCTYPE html>",
        '<html lang="zh-CN"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{_text(data['suite'])} {_text(data['sut'])} · 一致性测试 Conformance</title>",
        f'<style>{(_DATA / "report.css").read_text("utf-8")}</style></head><body data-sut="{_text(data["sut"])}">',
        _head(data),
        _reasons(data, cases),
        _clauses(data["cases"]),
        _filters(data),
        '<main id="cases">',
        *(_row(n, case, when[n]) for n, case in enumerate(cases)),
        "</main>",
        _left(data),
        _strays(data["strays"]),
        *(_embedded(n, case, layout, known) for n, case in enumerate(cases)),
        f"<script>{script}</script></body></html>",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _head(data: dict[str, Any]) -> str:
    verdict, zh, en = ("PASS", "通过", "Passed") if data["passed"] else ("FAIL", "未通过", "Did not pass")
    part = _part(data) if data["partial"] else ""
    seconds = max(0, data["ended_at"] - data["started_at"]) / 1000
    facts = {
        "套件 suite": data["suite"],
        "被测 under test": f"{data['sut']} {data['endpoint']}",
        "开始 begun": _when(data["started_at"]),
        "用时 took": f"{seconds:.1f} s",
        "种子 seed": data["seed"],
        "布局 layout": data["pics"].get("layout", ""),
        "问卷 questionnaire": data["pics_file"] or "默认 default",
        "方式 mode": "只读 read-only" if data.get("read_only") else "读写 read and write",
        "产品 by": data["product"],
    }
    rows = "".join(f"<div><dt>{name}</dt><dd>{_text(value)}</dd></div>" for name, value in facts.items())
    return (
        f'<header><h1><span class="v {verdict}">{zh} <i lang="en">{en}</i></span> 一致性测试 '
        f'<i lang="en">Conformance</i></h1>{part}<dl>{rows}</dl></header>'
    )


def _part(data: dict[str, Any]) -> str:
    """How much of an interrupted run there is."""
    left = sum(case["verdict"] == "NOT_EXECUTED" for case in data["cases"])
    done = len(data["cases"]) - left
    return (
        f'<p class="part"><b>未完成：运行被中断，{done} 个用例已有结论，{left} 个未执行。</b> '
        f'<i lang="en">Incomplete: interrupted, {done} cases have a verdict, {left} were not executed.</i></p>'
    )


def _reasons(data: dict[str, Any], cases: list[dict[str, Any]]) -> str:
    """What is the matter, before anything else: nothing heard, and each reason once with its cases."""
    found, whole = reasons(cases), trouble(data)
    parts = []
    if whole is not None:
        checks = "".join(f'<li>{_text(zh)} <i lang="en">{_text(en)}</i></li>' for zh, en in whole.checks)
        parts.append(f'<p class="part"><b>{_text(whole.zh)}</b> <i lang="en">{_text(whole.en)}</i></p><ul>{checks}</ul>')
    parts += [_reason(one) for one in found[:_REASONS]]
    if not parts:
        return ""
    more = f"<p>… +{len(found) - _REASONS}</p>" if len(found) > _REASONS else ""
    head = '<h2>为何未通过 <i lang="en">Why it did not pass</i></h2>'
    return f'<section id="why">{head}{"".join(parts)}{more}</section>'


def _reason(reason: Reason) -> str:
    """One reason: how often, what, expected beside got, what demands it in words, the cases."""
    case = reason.first
    told = case["explanation"]
    names = ("何处 where", "期望 expected", "实际 got")
    cells = [(one["path"], one["expected"], one["got"]) for one in told["differences"][:_DIFFERENCES]]
    rows = "".join(f"<tr>{''.join(map(_difference, names, row))}</tr>" for row in cells)
    heads = "".join(f"<th>{name}</th>" for name in names)
    table = f'<table class="diff"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>' if rows else ""
    links = " ".join(f'<a href="#{_text(one["id"])}">{_text(one["id"])}</a>' for one in reason.cases[:_LINKED])
    more = f" … +{len(reason.cases) - _LINKED}" if len(reason.cases) > _LINKED else ""
    count = f'{len(reason.cases)} 个用例 <i lang="en">case{"s" * (len(reason.cases) > 1)}</i>'
    return (
        f'<article class="explained {_text(case["verdict"])}"><p><b class="v {_text(case["verdict"])}">'
        f'{_NAMES[case["verdict"]]} <i lang="en">{_text(case["verdict"])}</i> · {count}</b></p>'
        f'<p><strong>{_text(reason.zh)}</strong> <i lang="en">{_text(reason.en)}</i></p>{table}'
        f'<p><b>首例要求 the first demands</b><span class="zh">{_text(case["zh"])}</span> '
        f'<i lang="en">{_text(case["en"])}</i></p><p><b>用例 cases</b>{links}{more}</p>'
        f'<p><b>重做首例 the first again</b><code>{_text(told["repeat"])}</code></p></article>'
    )


def _difference(name: str, value: str) -> str:
    return f'<td class="mono" data-name="{name}">{_text(value)}</td>'


def _clauses(cases: list[dict[str, Any]]) -> str:
    """Verdicts by clause."""
    verdicts = [one.value for one in Verdict if any(case["verdict"] == one for case in cases)]
    head = "".join(f'<th class="v {name}" title="{name}">{_NAMES[name]}<br><i lang="en">{name}</i></th>' for name in verdicts)
    rows = []
    for clause in dict.fromkeys(case["clause"] for case in cases):
        mine = [case["verdict"] for case in cases if case["clause"] == clause]
        cells = "".join(f"<td>{mine.count(name) or ''}</td>" for name in verdicts)
        name = _text(clause)
        rows.append(f'<tr data-clause="{name}"><th><button>{name}</button></th>{cells}<td>{len(mine)}</td></tr>')
    total = "".join(f"<td>{sum(case['verdict'] == name for case in cases)}</td>" for name in verdicts)
    foot = f"<tr><th>合计 all</th>{total}<td>{len(cases)}</td></tr>"
    return (
        '<section><div class="wide"><table id="clauses"><thead><tr><th>条款<br><i lang="en">clause</i></th>'
        f'{head}<th>合计<br><i lang="en">all</i></th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody><tfoot>{foot}</tfoot></table></div></section>"
    )


def _filters(data: dict[str, Any]) -> str:
    counts = {name: count for name, count in data["counts"].items() if count}
    chips = "".join(
        f'<button class="v {name}" data-verdict="{name}" aria-pressed="true">{_NAMES[name]} '
        f'<i lang="en">{name}</i> {count}</button>'
        for name, count in counts.items()
    )
    words = "搜索 编号、要求、报文 / search ids, requirements, messages"
    return (
        f'<nav id="filters"><input type="search" id="find" placeholder="{words}" aria-label="{words}">'
        f'<span>{chips}</span><span><button id="must" aria-pressed="false">只看 MUST <i lang="en">only</i></button>'
        '<button id="tongue">中文 + English</button></span><output id="shown"></output></nav>'
        "<noscript>本页的明细需要脚本。Details of this page need scripts.</noscript>"
    )


def _row(n: int, case: dict[str, Any], when: str) -> str:
    """A case, closed; what it says when opened is drawn by the page. ``when``: of a sanity case, which time it was."""
    verdict = case["verdict"]
    reason = case["explanation"]["reason"] if case["explanation"] and verdict != "PASS" else ""
    time = f" <small>{when}</small>" if when else ""
    said = f'<em class="why">{_text(reason)}</em>' if reason else ""
    spoken = dict.fromkeys(line["what"] for line in case["lines"])
    found = " ".join([case["id"], case["zh"], case["en"], *case["covers"], *spoken, reason]).lower()
    return (
        f'<details class="case" data-n="{n}" data-id="{_text(case["id"])}" data-clause="{_text(case["clause"])}" '
        f'data-verdict="{verdict}" data-level="{_text(case["level"])}" data-find="{_text(found)}"><summary>'
        f'<span class="v {verdict}" title="{verdict} {_NAMES[verdict]}">{_MARKS.get(verdict, "–")}</span>'
        f"<b>{_text(case['id'])}{time}</b><small>{_text(case['level'])}</small>"
        f'<span class="zh" lang="zh">{_text(case["zh"])}</span><span class="en" lang="en">{_text(case["en"])}</span>{said}'
        "</summary></details>"
    )


def _left(data: dict[str, Any]) -> str:
    """The clean-up report."""
    rows = left_behind(data)
    if not rows:
        return ""
    parts = []
    for row in rows:
        state = "已清理 cleaned up" if row["cleaned"] else "未清理 not cleaned up"
        ids = _text(" ".join(row["ids"]))
        said = "<br>".join(map(_text, row["notes"]))
        parts.append(f'<tr><th>{_text(row["case"])}</th><td>{state}</td><td class="mono">{ids}</td><td>{said}</td></tr>')
    open_ones = sum(not row["cleaned"] for row in rows)
    return (
        f'<section><details><summary>被测方中留下的记录 <i lang="en">records left in the system under test</i>: '
        f"{_text(data['namespace'])}… · {len(rows)} · 未清理 not cleaned up {open_ones}</summary>"
        f'<div class="wide"><table>{"".join(parts)}</table></div></details></section>'
    )


_REASONS, _LINKED, _DIFFERENCES = 12, 40, 6
"""How many reasons the top of the page has, and how many cases and differences each names."""
_HTTP = (b"POST ", b"GET ", b"HTTP/1.")
"""How requests and responses begin."""


def _strays(entries: list[dict[str, Any]]) -> str:
    if not entries:
        return ""
    rows = "".join(
        f"<tr><td>{_when(one['at'])}</td><td>{_text(one['party'])}</td><td>{_text(_label(one))}</td>"
        f"<td>{_text(one['packet'].get('serial', ''))}</td></tr>"
        for one in entries
    )
    return (
        f'<section><details><summary>不属于任何用例的报文 <i lang="en">messages of no case</i>: {len(entries)}</summary>'
        f'<div class="wide"><table>{rows}</table></div></details></section>'
    )


def _embedded(n: int, case: dict[str, Any], layout: Layout | None, known: Mapping[str, Requirement]) -> str:
    """What was said in a case, compressed JSON no browser reads before it is asked for; ``known``: requirements in words."""
    names = ("id", "place", "covers", "parties", "started_at", "ended_at", "waiver", "notes", "lines")
    told = {name: case[name] for name in names}
    told["log"] = [_entry(entry, layout) for entry in case["log"]]
    told["explanation"] = _explanation(case)
    told["asked"] = [{"id": one.id, "zh": one.zh, "en": one.en} for name in case["covers"] if (one := known.get(name))]
    text = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
    return f'<script type="text/plain" id="c{n}">{b64encode(compress(text.encode())).decode()}</script>'


def _entry(entry: dict[str, Any], layout: Layout | None) -> dict[str, Any]:
    raw = bytes.fromhex(entry["raw"])
    told = {name: entry[name] for name in ("at", "way", "party", "connection", "step", "text")}
    packet = {name: value for name, value in entry["packet"].items() if value not in ("", 0)}
    if raw:
        told |= {"raw": b64encode(raw[:_SHOWN]).decode(), "size": len(raw), "bodies": bodies(layout, raw[:_SHOWN])}
    return {**told, "label": _label(entry), "packet": packet}


def _explanation(case: dict[str, Any]) -> dict[str, Any] | None:
    """The explanation, each difference with the byte of the message where it stands, as far as that can be said."""
    explanation = case["explanation"]
    if explanation is None or case["verdict"] == "PASS":
        return None
    differences = [{**one, "at": _byte_of(one["path"], case, explanation["step"])} for one in explanation["differences"]]
    return {**explanation, "differences": differences}


def _byte_of(path: str, case: dict[str, Any], step: int) -> int:
    """Offset of the element a path ends with in the last message that came by that step, or -1."""
    leaf = path.rstrip("/").rpartition("/")[2].partition("[")[0]
    if not leaf or not leaf.isidentifier():
        return -1
    for entry in reversed(case["log"]):
        if entry["way"] == "got" and entry["raw"] and entry["step"] <= step:
            return bytes.fromhex(entry["raw"]).find(f"<{leaf}>".encode())
    return -1


def bodies(layout: Layout | None, raw: bytes) -> list[tuple[int, int]]:
    """Where the documents stand in the bytes of a message: offset and length for each of its packets."""
    found: list[tuple[int, int]] = []
    if raw.startswith(_HTTP):
        start = raw.find(b"\r\n\r\n") + 4
        return [(start, len(raw) - start)] if 4 <= start < len(raw) else found
    if layout is None:
        return found
    if layout.delimiter:
        return [(0, len(raw.removesuffix(layout.delimiter)))]
    at = 0
    while at + layout.header_size <= len(raw):
        try:
            packet, total = layout.decode_header(raw[at : at + layout.header_size])
        except FramingFault:
            break
        within = raw.find(packet.body, at) if packet.body else at + layout.header_size
        size = len(packet.body) or min(at + total, len(raw)) - within
        if size:
            found.append((within, size))
        at += total
    return found


def _label(entry: dict[str, Any]) -> str:
    """What a message is called in the drawing."""
    packet, document = entry["packet"], entry["document"]
    body = document.get("body", {})
    kind, code = packet.get("kind", ""), packet.get("code", "")
    if kind == "receipt":
        return f"{code} ↩ {body.get('code', packet.get('result', ''))}"
    if kind.startswith("heartbeat"):
        return "心跳 heartbeat" if kind == "heartbeat" else "心跳应答 heartbeat ↩"
    name = document.get("element", "")
    return f"{code} {name}".strip() or entry["text"] or kind


def _layout(data: dict[str, Any]) -> Layout | None:
    try:
        return Layout(load().layout(str(data["pics"].get("layout", ""))))
    except UnknownName:
        return None


def _when(ms: int) -> str:
    text = wire_time(ms)
    return f"{text[:4]}-{text[4:6]}-{text[6:8]} {text[8:10]}:{text[10:12]}:{text[12:]}"


def _text(value: object) -> str:
    return escape(printable(str(value)))
