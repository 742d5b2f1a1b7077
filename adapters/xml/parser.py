"""The one safe parser: bounded before it parses, no DTD, no entity, no network, nothing outside the bytes (spec 01.2 rule 3).

Counts that can be had from the bytes are taken before parsing, so that a hostile document costs a scan and no tree.
Everybody who meets XML from outside comes here; the standard library's parsers are banned.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lxml import etree

from adapters.document import DocumentRefused, Fault


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one document; ``size`` is bytes as UTF-8, the rest counts."""

    size: int = 16 << 20
    elements: int = 20_000
    attributes: int = 64
    namespaces: int = 64
    depth: int = 64


DEFAULT_LIMITS = Limits()
OLDEST_LIBXML = (2, 14, 6)
"""Older ones have known holes (hardening.md)."""
_PROLOG = re.compile(rb"(?:\s+|<!--(?:(?!-->).)*-->|<\?(?:(?!\?>).)*\?>)*", re.DOTALL)
_MANY_ATTRIBUTES = "boolean(//*[count(@*) > {}])"


def _hardened() -> etree.XMLParser:
    return etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        recover=False,
        decompress=False,  # type: ignore[call-arg]  # newer than the stubs
        remove_pis=True,
        remove_comments=True,
        collect_ids=False,
    )


class SafeParser:
    """One hardened parser with its limits; kept and used again by whoever made it (one thread at a time)."""

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        if etree.LIBXML_VERSION < OLDEST_LIBXML:
            found, needed = (".".join(map(str, version)) for version in (etree.LIBXML_VERSION, OLDEST_LIBXML))
            raise RuntimeError(f"libxml2 {found} 有已知漏洞，请升级 lxml / libxml2 {found} is unsafe: upgrade lxml ({needed})")
        self.limits = limits
        self._parser = _hardened()
        self._too_deep = etree.XPath("boolean(" + "/*" * (limits.depth + 1) + ")", smart_strings=False)
        self._too_many_attributes = etree.XPath(_MANY_ATTRIBUTES.format(limits.attributes), smart_strings=False)

    def parse(self, data: bytes) -> etree._Element:
        """Root element of UTF-8 ``data`` (no declaration). Raises DocumentRefused TOO_LARGE or NOT_WELL_FORMED."""
        root = self.parse_shallow(data)
        if data.count(b"</") >= self.limits.depth:
            self.check_depth(root)
        return root

    def parse_shallow(self, data: bytes) -> etree._Element:
        """As ``parse`` without the depth limit: for a caller whose schema bounds the depth (libxml2 stops at 256)."""
        if len(data) > self.limits.size:
            raise _refused("TOO_LARGE", "size", str(len(data)), "报文超过大小上限", "the document exceeds the size limit")
        # each check is done only where a cheaper count leaves it possible: an element has four bytes, a declaration a "="
        if len(data) > 4 * self.limits.elements:
            self._check_elements(data)
        equals = data.count(b"=")
        if equals > self.limits.namespaces:
            self._check_namespaces(data)
        if data.startswith(b"\xef\xbb\xbf"):
            # libxml2 would skip it; the charset rules took the one byte order mark a document may have
            raise _refused("NOT_WELL_FORMED", "bom", "U+FEFF", "字节序标记重复，请删除", "a second byte order mark: remove it")
        if b"!" in data and b"<!DOCTYPE" in data:
            self._check_doctype(data)
        try:
            root = etree.fromstring(data, self._parser)
        except etree.XMLSyntaxError as fault:
            line, column = fault.position
            raise _refused(
                "NOT_WELL_FORMED",
                "well-formed",
                str(fault.msg or ""),
                f"不是合法的 XML（第 {line} 行第 {column} 列），请检查标签是否配对、字符是否转义",
                f"not well-formed XML (line {line}, column {column}): check that tags match and characters are escaped",
            ) from fault
        if equals > self.limits.attributes and self._too_many_attributes(root):
            raise _refused("TOO_LARGE", "attributes", "", "单个元素的属性过多", "an element has too many attributes")
        return root

    def check_depth(self, root: etree._Element) -> None:
        """Raises DocumentRefused TOO_LARGE when elements nest deeper than the limit."""
        if self._too_deep(root.getroottree()):
            deepest = self.limits.depth
            raise _refused("TOO_LARGE", "depth", f"> {deepest}", "元素嵌套过深", "elements nest too deep")

    def _check_elements(self, data: bytes) -> None:
        found = data.count(b"<") - data.count(b"</")
        if found > self.limits.elements:
            raise _refused("TOO_LARGE", "elements", str(found), "元素过多，请分批发送", "too many elements: send it in parts")

    def _check_namespaces(self, data: bytes) -> None:
        for piece in data.split(b"<"):
            if piece.count(b"xmlns") > self.limits.namespaces:
                raise _refused("TOO_LARGE", "namespaces", "", "单个元素的命名空间过多", "too many namespaces in one element")

    def _check_doctype(self, data: bytes) -> None:
        prolog = _PROLOG.match(data)
        if prolog is not None and data.startswith(b"<!DOCTYPE", prolog.end()):
            raise _refused(
                "NOT_WELL_FORMED", "doctype", "<!DOCTYPE", "不允许使用 DOCTYPE，请删除", "DOCTYPE is not allowed: remove it"
            )


def _refused(symbol: str, rule: str, found: str, zh: str, en: str) -> DocumentRefused:
    return DocumentRefused(symbol, (Fault("/", rule, found[:200], zh, en),), detail=en)
