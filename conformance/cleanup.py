"""What a run leaves in the system under test: the records its cases made, and whether their clean-up worked (07.10).

Every id a run makes carries its namespace, so that what is left can be told from everybody else's records.
"""

from __future__ import annotations

from typing import Any

from schemas.loader import UnknownName, load

_MADE_BY = ("request", "notification")
_COMPLAINT = "收尾"


def left_behind(data: dict[str, Any]) -> list[dict[str, Any]]:
    """A row for each case that wrote: its ids, ``cleaned`` where its clean-up was played without complaint, else the notes."""
    rows, namespace = [], data.get("namespace", "")
    for case in (*data["sanity"], *data["cases"]):
        ids = list(dict.fromkeys(name for entry in case["log"] if _writes(entry) for name in _ids(entry, namespace)))
        if not ids:
            continue
        notes = [note for note in case["notes"] if note.startswith(_COMPLAINT)]
        cleaned = not notes and any(line["phase"] == "postamble" for line in case["lines"])
        rows.append({"case": case["id"], "ids": ids, "cleaned": cleaned, "notes": notes})
    return rows


def _writes(entry: dict[str, Any]) -> bool:
    """Whether the suite asked for a change with it."""
    if entry["way"] != "sent" or entry["packet"].get("kind") not in _MADE_BY:
        return False
    try:
        return load().message(str(entry["packet"].get("code", ""))).pattern != "Q"
    except UnknownName:
        return False


def _ids(entry: dict[str, Any], namespace: str) -> list[str]:
    return [value for value in _texts(entry["document"].get("body", {})) if namespace and namespace in value]


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _texts(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in _texts(inner)]
    return [value] if isinstance(value, str) else []
