"""Expected against got, field by field, every difference explained (spec 07.5).

A pattern is a value of the same shape.  Texts may be: ``*`` anything that is there, ``-`` not there, ``~re`` a regular
expression that fits the whole text, ``=a|b`` one of these, ``!a`` not this, ``>3`` a greater number.  A dict names the
fields that count, others are free.  A list wants one entry for each of its own and no more; ``...`` as its last allows more.
What a placeholder was filled with is no pattern: it is wanted as it is.
"""

from __future__ import annotations

import re
from typing import Any

from conformance.model import Difference
from conformance.values import ABSENT, Exactly

_MORE = "..."
_SHOWN = 200
SOME, NONE, NOTHING = "有值 / any value", "不存在 / absent", "（无） / (nothing)"
"""What is wanted where anything will do, where nothing may be, and what is shown where nothing is."""
_NUMBER = re.compile(r"-?[0-9]{1,40}")


def differences(expected: Any, got: Any, path: str = "") -> list[Difference]:
    """Every way in which ``got`` (ABSENT: nothing is there) is not as ``expected``; empty: it fits."""
    if isinstance(expected, dict):
        return _of_fields(expected, got, path)
    if isinstance(expected, list):
        return _of_entries(expected, got, path)
    return [] if _fits(expected, got) else [Difference(path or "/", wanted(expected), shown(got))]


def wanted(expected: Any) -> str:
    """A pattern in words of both languages."""
    if not isinstance(expected, str) or isinstance(expected, Exactly):
        return shown(expected)
    if expected == "*":
        return SOME
    if expected == "-":
        return NONE
    if expected.startswith("~"):
        return f"符合 {expected[1:]} / matching {expected[1:]}"
    if expected.startswith("="):
        return " | ".join(expected[1:].split("|"))
    if expected.startswith("!"):
        return f"不是 {expected[1:]} / not {expected[1:]}"
    if expected.startswith(">"):
        return f"大于 {expected[1:]} / more than {expected[1:]}"
    return shown(expected)


def shown(value: Any) -> str:
    """A value as explanations show it."""
    if value is ABSENT:
        return NOTHING
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _of_fields(expected: dict[str, Any], got: Any, path: str) -> list[Difference]:
    if not isinstance(got, dict):
        return [Difference(path or "/", f"结构 {', '.join(expected)} / a structure of {', '.join(expected)}", shown(got))]
    found: list[Difference] = []
    for name, inner in expected.items():
        found += differences(inner, got.get(name, ABSENT), f"{path}/{name}")
    return found


def _of_entries(expected: list[Any], got: Any, path: str) -> list[Difference]:
    if not isinstance(got, list):
        return [Difference(path or "/", f"{len(expected)} 项的列表 / a list of {len(expected)}", shown(got))]
    more = bool(expected) and expected[-1] == _MORE and not isinstance(expected[-1], Exactly)
    wants = expected[:-1] if more else expected
    left = list(enumerate(got, 1))
    found: list[Difference] = []
    for n, want in enumerate(wants, 1):
        fitting = next((one for one in left if not differences(want, one[1])), None)
        if fitting is not None:
            left.remove(fitting)
            continue
        nearest = min(left, key=lambda one: len(differences(want, one[1])), default=None)
        if nearest is None:
            found.append(Difference(f"{path}[{n}]", wanted(want), shown(ABSENT)))
        else:
            found += differences(want, nearest[1], f"{path}[{nearest[0]}]")
            left.remove(nearest)
    if left and not more:
        found.append(Difference(path or "/", f"{len(wants)} 项 / {len(wants)} entries", f"{len(got)} 项 / {len(got)} entries"))
    return found


def _fits(expected: Any, got: Any) -> bool:
    if expected == "-" and not isinstance(expected, Exactly):
        return got is ABSENT
    if got is ABSENT:
        return False
    if not isinstance(expected, str):
        return type(expected) is type(got) and bool(expected == got)
    text = str(got).lower() if isinstance(got, bool) else str(got)
    if isinstance(expected, Exactly):
        return text == expected
    if expected == "*":
        return True
    match expected[:1]:
        case "~":
            return re.fullmatch(expected[1:], text) is not None
        case "=":
            return text in expected[1:].split("|")
        case "!":
            return text != expected[1:]
        case ">":
            return _NUMBER.fullmatch(text) is not None and int(text) > int(expected[1:])
    return text == expected
