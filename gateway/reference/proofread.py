"""Proofreading: what is wrong with files of the reference, found before a partner does."""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from gateway.reference.bundle import HTML

Found = tuple[str, str, str]
_MARKDOWN_LINK = re.compile(r"\]\(([^)\s]+)\)")
_FENCED = re.compile(r"^(`{3,}).*?^\1$", re.DOTALL | re.MULTILINE)


def findings(files: dict[str, bytes]) -> Iterator[Found]:
    """Findings (where, Chinese, English): HTML that is not well-formed, anchors twice, links that lead nowhere or outside."""
    yield from _html(files)
    for name, data in files.items():
        if name.endswith(".md"):
            for target in _MARKDOWN_LINK.findall(_FENCED.sub("", data.decode())):
                if posixpath.normpath(posixpath.join(posixpath.dirname(name), target)) not in files:
                    yield name, f"链接 {target} 无处可去", f"link {target} leads nowhere"


def _html(files: dict[str, bytes]) -> Iterator[Found]:
    try:
        root = etree.fromstring(files[HTML], etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True))
    except etree.XMLSyntaxError as fault:
        yield HTML, f"不是格式良好的：{fault}", f"not well-formed: {fault}"
        return
    anchors = [one for node in root.iter(etree.Element) if (one := node.get("id")) is not None]
    for twice in sorted(name for name, times in Counter(anchors).items() if times > 1):
        yield HTML, f"锚点 {twice} 重复", f"anchor {twice} stands twice"
    known = set(anchors)
    for node in root.iter(etree.Element):
        for name in ("href", "src"):
            target = node.get(name)
            if target is None:
                continue
            if not (target[1:] in known if target.startswith("#") else target in files):
                yield HTML, f"链接 {target} 无处可去", f"link {target} leads nowhere"


def differences(files: dict[str, bytes], folder: Path) -> Iterator[Found]:
    """Findings: files of ``folder`` that are missing or not what they would be now; one where there is no such folder."""
    if not folder.is_dir():
        made = f"bssgw docs build --out {folder}"
        yield str(folder), f"没有这个文件夹，先运行 {made}", f"no such folder: {made} makes it"
        return
    for name, data in files.items():
        path = folder / name
        if not path.is_file():
            yield name, "缺少该文件", "the file is missing"
        elif path.read_bytes() != data:
            yield name, "已过时，请重新生成", "out of date: build it again"
