"""Two runs beside each other: what got better, worse, is no longer judged, is new, is gone (spec 07.8)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from conformance.model import Verdict

KINDS = {
    "worse": ("变差", "worse"),
    "unjudged": ("不再判定", "no longer judged"),
    "better": ("变好", "better"),
    "changed": ("有变化", "changed"),
    "new": ("新增", "new"),
    "gone": ("不再有", "gone"),
}
"""What may become of a case, as people call it."""
_ORDER = ("PASS", "XPASS", "XFAIL", "FAIL", "INCONCLUSIVE", "ERROR", "NOT_APPLICABLE", "NOT_EXECUTED")
_SAME, _BETTER, _WORSE, _CHANGED, _LOST = "", "better", "worse", "changed", "unjudged"
_ROWS = {
    #               PASS      XPASS     XFAIL     FAIL      INCONCL.  ERROR     N_APPL.   N_EXEC.
    "PASS":         (_SAME,    _CHANGED, _WORSE,   _WORSE,   _WORSE,   _WORSE,   _LOST,    _LOST),
    "XPASS":        (_CHANGED, _SAME,    _WORSE,   _WORSE,   _WORSE,   _WORSE,   _LOST,    _LOST),
    "XFAIL":        (_BETTER,  _BETTER,  _SAME,    _WORSE,   _LOST,    _LOST,    _LOST,    _LOST),
    "FAIL":         (_BETTER,  _BETTER,  _CHANGED, _SAME,    _LOST,    _LOST,    _LOST,    _LOST),
    "INCONCLUSIVE": (_BETTER,  _BETTER,  _CHANGED, _WORSE,   _SAME,    _CHANGED, _LOST,    _LOST),
    "ERROR":        (_BETTER,  _BETTER,  _CHANGED, _WORSE,   _CHANGED, _SAME,    _LOST,    _LOST),
    "NOT_APPLICABLE": (_BETTER, _BETTER, _CHANGED, _WORSE,   _WORSE,   _WORSE,   _SAME,    _CHANGED),
    "NOT_EXECUTED": (_BETTER,  _BETTER,  _CHANGED, _WORSE,   _WORSE,   _WORSE,   _CHANGED, _SAME),
}  # fmt: skip
BECAME = {(was, now): kind for was, row in _ROWS.items() for now, kind in zip(_ORDER, row, strict=True)}
"""Verdict before and after -> what became of the case; empty: the same.

``unjudged``: it was played and is not any more, or a known failure is none that can be seen; neither is better than a failure.
A failure somebody waived since is another verdict, not a repair."""
_FAILING = frozenset({Verdict.FAIL, Verdict.ERROR, Verdict.INCONCLUSIVE})
_NEVER_PLAYED = frozenset({Verdict.NOT_APPLICABLE, Verdict.NOT_EXECUTED})


@dataclass(frozen=True, slots=True)
class Gate:
    """What two runs say of a release: ``held`` are the MUST cases that stand against it, ``accepted`` those somebody accepted,
    each a row of ``compare`` by its kind; ``unused`` acceptances that met none."""

    held: tuple[tuple[str, dict[str, str]], ...]
    accepted: tuple[tuple[str, dict[str, str]], ...]
    unused: tuple[str, ...]


def gate(found: dict[str, Any], accept: Iterable[str] = (), *, missing: bool = False) -> Gate:
    """Judge what ``compare`` found. Against a release stands each MUST case that got worse, that is no longer judged (not
    applicable, not executed, inconclusive in place of a failure), that is new and does not pass, or that was played before and
    is missing now; what is no longer judged is not known to work.

    ``accept``: patterns of case ids (``5.3/*``) that stand against nothing; ``missing``: neither do missing cases.
    """
    patterns = tuple(accept)
    rows = [(kind, row) for kind in ("worse", "unjudged") for row in found[kind]]
    rows += [("new", row) for row in found["new"] if row["after"] in _FAILING]
    rows += [("gone", row) for row in found["gone"] if not missing and row["before"] not in _NEVER_PLAYED]
    must = [(kind, row) for kind, row in rows if row["level"] == "MUST"]
    taken = [(kind, row) for kind, row in must if any(fnmatchcase(row["id"], one) for one in patterns)]
    unused = tuple(one for one in patterns if not any(fnmatchcase(row["id"], one) for _, row in taken))
    return Gate(tuple(one for one in must if one not in taken), tuple(taken), unused)


def compare(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Cases by what became of them, from the JSON of two runs.

    ``changed``: another verdict that is neither better nor worse, or a failure at another step or for another reason.
    """
    old = {case["id"]: case for case in before["cases"]}
    new = {case["id"]: case for case in after["cases"]}
    found: dict[str, list[dict[str, str]]] = {kind: [] for kind in KINDS}
    for name, case in new.items():
        kind = _kind(old.get(name), case)
        if kind:
            found[kind].append(_row(old.get(name), case))
    found["gone"] = [_row(case, None) for name, case in old.items() if name not in new]
    about = [{name: run[name] for name in ("suite", "sut", "endpoint", "seed", "started_at")} for run in (before, after)]
    same = sum(name in old and not _kind(old[name], case) for name, case in new.items())
    return {"before": about[0], "after": about[1], "same": same, **found}


def _kind(before: dict[str, Any] | None, after: dict[str, Any]) -> str:
    if before is None:
        return "new"
    return BECAME[before["verdict"], after["verdict"]] or ("changed" if _why(before) != _why(after) else "")


def _why(case: dict[str, Any]) -> tuple[Any, ...]:
    """Where and how it failed, without what differs from run to run."""
    told = case["explanation"]
    return () if told is None else (told["phase"], told["step"], *(one["path"] for one in told["differences"]))


def _row(before: dict[str, Any] | None, after: dict[str, Any] | None) -> dict[str, str]:
    case = after or before or {}
    told = case["explanation"]
    return {
        "id": case["id"],
        "level": case["level"],
        "zh": case["zh"],
        "en": case["en"],
        "before": before["verdict"] if before is not None else "",
        "after": after["verdict"] if after is not None else "",
        "reason": told["reason"] if told is not None and after is not None else "",
    }
