"""Samples: enough of them for every message, and each behaves as its first comment says (``<!-- expects 1002 -->``)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from schemas.loader import RECEIPT, Catalogue

_EXPECTS = re.compile(rb"<!--\s*expects\s+([0-9]{4})\s*-->")


def expected(sample: Path) -> str:
    """The result code a sample is marked with; ``0000`` for a good one."""
    mark = _EXPECTS.search(sample.read_bytes())
    return mark.group(1).decode() if mark else "0000"


def sample_findings(catalogue: Catalogue) -> Iterator[tuple[str, str, str]]:
    """Findings (where, Chinese, English) over the samples of every message."""
    owners = set()
    for row in catalogue.messages():
        owners.add(row.name)
        samples = catalogue.samples(row.name)
        good = [path for path in samples if path.name.startswith("ok_")]
        bad = [path for path in samples if path.name.startswith("bad_")]
        if not good or len(bad) < 2:
            yield row.name, "样例不足：至少一正两误", "too few samples: at least one good and two bad"
        if row.answer is not None and not any(row.answer.encode() in path.read_bytes() for path in good):
            yield row.name, f"没有应答 {row.answer} 的样例", f"no sample of the answer {row.answer}"
        for path in samples:
            yield from _sample(catalogue, path)
    for folder in sorted((catalogue.root / "samples").glob("*")):
        if folder.name not in owners:
            yield f"samples/{folder.name}", "没有对应的报文", "no message has this name"


def _sample(catalogue: Catalogue, path: Path) -> Iterator[tuple[str, str, str]]:
    where = f"samples/{path.parent.name}/{path.name}"
    wanted = expected(path)
    if path.name.startswith("bad_") != (wanted != "0000"):
        yield where, "错误样例须注明期望的结果码", "a bad sample, and no other, says which code it expects"
        return
    verdict = judged(catalogue, path.read_bytes())
    if verdict != wanted:
        yield where, f"期望 {wanted}，实为 {verdict}", f"expects {wanted}, is {verdict}"


def judged(catalogue: Catalogue, raw: bytes) -> str:
    """The result code lxml and the rows give a sample: 0000, 1001, 1002, 1003, 1004 or 1011."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True)
    try:
        root = etree.fromstring(raw, parser)
    except etree.XMLSyntaxError:
        return "1001"
    code = (root.findtext("{*}Header/{*}MessageCode") or "").strip()
    version = (root.findtext("{*}Header/{*}Version") or "").strip()
    spoken = {catalogue.version(name).namespace: name for name in catalogue.versions()}
    odd_version = re.fullmatch(r"[0-9.]+", version) is not None and version not in spoken.values()
    if etree.QName(root).namespace not in spoken or odd_version:
        return "1004"
    rows = {row.code: row for row in catalogue.messages() if row.version == version}
    if re.fullmatch("[A-Z]{2}[0-9]{2}", code) and code not in rows:
        return "1003"
    if not catalogue.schema(spoken[etree.QName(root).namespace or ""]).validate(root):
        return "1002"
    element = etree.QName(root[1][0]).localname
    return "0000" if element in (*rows[code].elements(), RECEIPT) else "1011"
