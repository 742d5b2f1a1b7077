"""The canonical form of an element: the same bytes however it was written, for digests and signatures (spec 01.3, 05.1)."""

from __future__ import annotations

from lxml import etree


def canonical_form(element: etree._Element, *, exclusive: bool = False) -> bytes:
    """Without what stands behind it. Where a namespace has a relative name, which has no canonical form, as it was written."""
    try:
        return etree.tostring(element, method="c14n", exclusive=exclusive, with_tail=False)
    except etree.C14NError:
        return etree.tostring(element, encoding="utf-8", with_tail=False)
