"""What a run leaves behind: JSON with everything that was said, and JUnit XML for build servers (spec 07.8)."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

from conformance.files import put
from conformance.model import CaseResult, Entry, Explanation, Line, RunResult, Verdict

JSON_FILE = "results.json"
JUNIT_FILE = "junit.xml"
_HINTS = {"原因 cause": "cause", "修改 change": "repair", "重做 again": "repeat"}
FORMAT = 1
"""Version of the JSON form; a reader refuses what it does not know."""


_TOLD = ("suite", "sut", "endpoint", "seed", "strict", "pics_file", "started_at", "ended_at", "partial", "passed", "counts")


_SHOWN = ((" ", "~"), ("\xa0", "\ud7ff"), ("\ue000", "\ufffd"), ("\U00010000", "\U0010ffff"))
"""Characters texts for people may have: no controls, old or new, no halves of characters."""


class ResultsInvalid(Exception):
    """A file that holds no results of a run; both languages."""


def as_json(outcome: RunResult) -> dict[str, Any]:
    """A run as plain values; bytes as hex."""
    return {
        "format": FORMAT,
        "product": outcome.product,
        "suite": outcome.suite,
        "sut": outcome.sut,
        "endpoint": outcome.endpoint,
        "seed": outcome.seed,
        "strict": outcome.strict,
        "only": list(outcome.only),
        "read_only": outcome.read_only,
        "namespace": outcome.namespace,
        "pics_file": outcome.pics_file,
        "pics": outcome.pics,
        "started_at": outcome.started_at,
        "ended_at": outcome.ended_at,
        "partial": outcome.partial,
        "passed": outcome.passed,
        "counts": outcome.counts(),
        "sanity": [_case(result) for result in outcome.sanity],
        "cases": [_case(result) for result in outcome.results],
        "strays": [_entry(entry) for entry in outcome.strays],
    }


def write(outcome: RunResult, directory: Path) -> list[Path]:
    """Both files in a directory, which is made where it is missing; both, or those that were there stay. Raises OSError."""
    directory.mkdir(parents=True, exist_ok=True)
    text = json.dumps(as_json(outcome), ensure_ascii=False, indent=1)
    written = {directory / JSON_FILE: text + "\n", directory / JUNIT_FILE: junit(outcome)}
    put(written)
    return list(written)


def read(path: Path) -> dict[str, Any]:
    """The JSON of an earlier run, by file or directory. Raises ResultsInvalid, OSError."""
    file = path / JSON_FILE if path.is_dir() else path
    try:
        data = json.loads(file.read_text("utf-8"))
    except ValueError as fault:
        raise ResultsInvalid(f"{file} 不是 JSON：{fault} / {file} is no JSON: {fault}") from fault
    if not isinstance(data, dict) or data.get("format") != FORMAT or not _is_whole(data):
        raise ResultsInvalid(f"{file} 不是一次测试的结果 / {file} holds no results of a run")
    return data


def _is_whole(data: dict[str, Any]) -> bool:
    """Whether everything a run has is there, and each case has a verdict."""
    cases = [data.get("cases"), data.get("sanity")]
    listed = all(isinstance(rows, list) and all(map(_is_case, rows)) for rows in cases)
    return listed and isinstance(data.get("strays"), list) and isinstance(data.get("pics"), dict) and set(_TOLD) <= set(data)


def _is_case(row: Any) -> bool:
    return isinstance(row, dict) and row.get("verdict") in list(Verdict) and {"id", "clause", "log", "lines"} <= set(row)


def junit(outcome: RunResult) -> str:
    """JUnit XML: a test suite a clause, sanity cases among them: they say when nothing else could be judged; inconclusive and
    errors are errors, what was not played is skipped."""
    clauses: dict[str, list[CaseResult]] = {}
    for result in (*outcome.sanity, *outcome.results):
        clauses.setdefault(result.case.clause, []).append(result)
    parts = ['<?xml version="1.0" encoding="UTF-8"?>', f'<testsuites name="{_text(f"{outcome.suite} {outcome.sut}")}">']
    for clause, results in clauses.items():
        counts = {kind: sum(_kind(result) == kind for result in results) for kind in ("failure", "error", "skipped")}
        numbers = f'failures="{counts["failure"]}" errors="{counts["error"]}" skipped="{counts["skipped"]}"'
        parts.append(f'<testsuite name="{_text(clause)}" tests="{len(results)}" {numbers}>')
        parts += [_junit_case(result) for result in results]
        parts.append("</testsuite>")
    return "\n".join([*parts, "</testsuites>"]) + "\n"


def explained(explanation: Explanation) -> list[str]:
    """An explanation in lines, for terminals and JUnit."""
    plain = _explanation(explanation)
    return told(plain) if plain is not None else []


def told(explanation: dict[str, Any]) -> list[str]:
    """The same from its JSON."""
    lines, line = [explanation["reason"]], explanation["line"]
    if line is not None:
        lines.append(f"步骤 step {explanation['step']} ({explanation['phase']}) {line['place']}: {line['text']}")
    for one in explanation["differences"]:
        lines.append(f"  {one['path']}: 期望 expected {one['expected']} · 实际 got {one['got']}")
    hints = {name: explanation[key] for name, key in _HINTS.items()}
    lines += [f"{name}: {text}" for name, text in hints.items() if text]
    return [printable(line) for line in lines]


def printable(text: str) -> str:
    """Without what XML forbids and terminals obey: a system under test may have written anything."""
    return "".join(char for char in text if char in "\t\n" or any(first <= char <= last for first, last in _SHOWN))


def _junit_case(result: CaseResult) -> str:
    seconds = (result.ended_at - result.started_at) / 1000
    name = f"{result.case.id} {result.case.zh} / {result.case.en}"
    head = f'<testcase classname="{_text(result.case.clause)}" name="{_text(name)}" time="{seconds:.3f}"'
    kind = _kind(result)
    if not kind:
        return f"{head}/>"
    text = "\n".join(explained(result.explanation)) if result.explanation is not None else ""
    message = result.explanation.reason if result.explanation is not None else result.verdict.value
    inner = f'<{kind} message="{_text(f"{result.verdict.value}: {message}")}">{_text(text)}</{kind}>'
    return f"{head}>{inner}</testcase>"


def _kind(result: CaseResult) -> str:
    return {
        Verdict.FAIL: "failure",
        Verdict.INCONCLUSIVE: "error",
        Verdict.ERROR: "error",
        Verdict.NOT_APPLICABLE: "skipped",
        Verdict.NOT_EXECUTED: "skipped",
        Verdict.XFAIL: "skipped",
    }.get(result.verdict, "")


def _text(text: str) -> str:
    return escape(printable(text))


def _case(result: CaseResult) -> dict[str, Any]:
    case = result.case
    lines = [(phase, line) for phase in ("preamble", "lines", "postamble") for line in getattr(case, phase)]
    return {
        "id": case.id,
        "clause": case.clause,
        "level": case.level,
        "zh": case.zh,
        "en": case.en,
        "place": str(case.place),
        "covers": list(case.covers),
        "parties": list(case.parties),
        "verdict": result.verdict.value,
        "started_at": result.started_at,
        "ended_at": result.ended_at,
        "waiver": result.waiver,
        "notes": result.notes,
        "explanation": _explanation(result.explanation),
        "lines": [{"phase": phase, **_line(line)} for phase, line in lines],
        "log": [_entry(entry) for entry in result.log],
    }


def _line(line: Line) -> dict[str, Any]:
    return {"do": line.do, "party": line.party, "what": line.what, "label": line.label, "on": line.on, "text": line.text,
            "place": str(line.place)}  # fmt: skip


def _explanation(explanation: Explanation | None) -> dict[str, Any] | None:
    if explanation is None:
        return None
    differences = [{"path": one.path, "expected": one.expected, "got": one.got} for one in explanation.differences]
    names = ("reason", "step", "phase", "cause", "repair", "repeat")
    line = _line(explanation.line) if explanation.line is not None else None
    return {**{name: getattr(explanation, name) for name in names}, "line": line, "differences": differences}


def _entry(entry: Entry) -> dict[str, Any]:
    names = ("at", "way", "party", "connection", "step", "packet", "document", "text")
    return {**{name: getattr(entry, name) for name in names}, "raw": entry.raw.hex()}
