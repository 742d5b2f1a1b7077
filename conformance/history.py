"""The runs of one report directory: the last stands in it, those before it below ``earlier/``, numbered (spec 07.8)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from conformance.compare import compare
from conformance.manifest import MANIFEST_FILE, SIGNATURE_FILE
from conformance.report import REPORT_FILE
from conformance.results import JSON_FILE, JUNIT_FILE, read

EARLIER = "earlier"
_FILES = (JSON_FILE, JUNIT_FILE, REPORT_FILE, MANIFEST_FILE, SIGNATURE_FILE)


def earlier(directory: Path) -> list[Path]:
    """Directories of the runs before the last, oldest first."""
    return [path for path in _numbered(directory) if (path / JSON_FILE).exists()]


def _numbered(directory: Path) -> list[Path]:
    """The same with those a move was broken off to."""
    kept = directory / EARLIER
    found = [path for path in kept.iterdir() if path.name.isdecimal()] if kept.is_dir() else []
    return sorted(found, key=lambda path: int(path.name))


def set_aside(directory: Path) -> Path | None:
    """Moves the last run of a directory below ``earlier/``: where it is now; None where there was none. Raises OSError."""
    if not (directory / JSON_FILE).exists():
        return None
    before = _numbered(directory)
    place = directory / EARLIER / str(int(before[-1].name) + 1 if before else 1)
    place.mkdir(parents=True)
    for name in _FILES:
        if (directory / name).exists():
            (directory / name).rename(place / name)
    return place


def latest(path: Path) -> dict[str, dict[str, Any]]:
    """Each case as it was played last, by id; ``path``: a report directory, or one run's file.

    Raises ResultsInvalid, OSError.
    """
    runs = [*earlier(path), path] if path.is_dir() else [path]
    return {case["id"]: case for run in runs for case in read(run)["cases"]}


def since(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """What the cases of a run were before it: as ``compare``, without those that were not played again."""
    again = {case["id"]: None for case in after["cases"]}
    return compare({**before, "cases": [case for case in before["cases"] if case["id"] in again]}, after)
