"""Released is finished: digests of published XSDs; an edited one is a finding (spec 01.2 rule 7)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from schemas.loader import Catalogue

RELEASED = "released.txt"


def _digest(path: Path) -> str:
    # line ends are the checkout's affair, not the schema's
    return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()


def released(catalogue: Catalogue) -> dict[str, str]:
    """Path below ``xsd/`` -> SHA-256 of every released XSD."""
    path = catalogue.root / RELEASED
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    pairs = [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]
    return {pair[1]: pair[0] for pair in pairs if len(pair) == 2}


def present(catalogue: Catalogue) -> dict[str, str]:
    """Path below ``xsd/`` -> SHA-256 of every XSD there is, sorted."""
    top = catalogue.root / "xsd"
    return {path.relative_to(top).as_posix(): _digest(path) for path in sorted(top.glob("**/*.xsd"))}


def release_findings(catalogue: Catalogue) -> Iterator[tuple[str, str, str]]:
    """Findings (where, Chinese, English): released and edited, released and gone, there and not released."""
    done, there = released(catalogue), present(catalogue)
    for path, digest in done.items():
        if path not in there:
            yield path, "已发布的模式不见了", "a released schema is gone: old versions keep working"
        elif there[path] != digest:
            yield path, "已发布的模式被改动，请恢复并另立新版本", "a released schema was edited: restore it, add a version"
    for path in there:
        if path not in done:
            yield path, "模式尚未发布，运行 bssgw schema release", "not released yet: run bssgw schema release"


def release(catalogue: Catalogue) -> tuple[str, ...]:
    """Adds the digests of XSDs not released yet to ``released.txt``, never touching a line; returns their paths."""
    done = released(catalogue)
    new = {path: digest for path, digest in present(catalogue).items() if path not in done}
    lines = [f"{digest}  {path}" for path, digest in sorted({**done, **new}.items())]
    head = "# SHA-256 of every published XSD (below xsd/). A line is never changed: a new version stands beside the old one."
    (catalogue.root / RELEASED).write_text("\n".join((head, *lines)) + "\n", encoding="utf-8")
    return tuple(new)
