"""Why a document is no good: every fault with path, rule and what was found, in Chinese and English (spec 01.2 rule 5).

Called only after lxml said no.  xmlschema walks on behind a fault and so sees all of them; it is built lazily, one schema a
message, offline, with the limits of hardening.md.  Where its subset disagrees with lxml and it finds nothing, lxml's
own log is translated instead; the corpus test shows that this does not happen on our schemas.
"""

from __future__ import annotations

from functools import lru_cache

import xmlschema
from lxml import etree
from xmlschema import XMLSchemaChildrenValidationError, XMLSchemaDecodeError, XMLSchemaValidationError
from xmlschema.validators import XsdGroup, facets

from adapters.document import Fault
from adapters.xml.children import children_faults
from adapters.xml.paths import Element, Paths, found_in, local
from adapters.xml.schema_log import log_faults
from adapters.xml.sentences import (
    bad_attribute,
    bad_enumeration,
    bad_length,
    bad_other,
    bad_pattern,
    bad_range,
    bad_text,
    bad_type,
    unexpected,
    wrong_namespace,
)
from schemas.loader import RECEIPT_XSD, Catalogue

MAX_FAULTS = 1000
# xmlschema needs about 0.1 ms an element: what is larger is explained from lxml's log instead of holding everybody up
MAX_ELEMENTS = 3000
_LOWEST = {"value must be positive": "1", "value must be non negative": "0"}
_XSI = "{http://www.w3.org/2001/XMLSchema-instance}"


def explain(catalogue: Catalogue, root: etree._Element, version: str, bare: bool = False) -> tuple[Fault, ...]:
    """Every fault of a document that was refused, or of a ``bare`` body element; at least one, at most MAX_FAULTS."""
    stranger = _strange_root(catalogue, root, version, bare)
    if stranger is not None:
        return (stranger,)
    if sum(1 for _ in root.iter()) > MAX_ELEMENTS:
        return log_faults(catalogue.schema(version), root, MAX_FAULTS)
    body = _body_of(root)
    xsd = RECEIPT_XSD
    if body is not None:
        try:
            xsd = catalogue.by_element(etree.QName(body).localname, version).xsd
        except LookupError:
            # a receipt, or an element nobody knows: the rest of the document is explained all the same
            xsd = RECEIPT_XSD
    schema = _schema(catalogue, version, xsd)
    faults: dict[Fault, None] = {}
    try:
        # a tree of its own: in lxml's the n-th child costs n steps, and with thousands of faults that is quadratic
        source = xmlschema.XMLResource(etree.tostring(root, encoding="unicode"), defuse="always", allow="none")
        paths = Paths(source.root)
        for error in schema.iter_errors(source):
            for fault in _translated(error, paths):
                faults.setdefault(fault)
            if len(faults) >= MAX_FAULTS:
                break
    except (xmlschema.XMLSchemaException, ArithmeticError):
        # an xsi:type nobody defines ends the walk, so does a year no clock will ever show, and names of newer XML (a CJK
        # character of plane 2, say) are no names to the parser behind it: lxml tells what is wrong with all of them
        return log_faults(catalogue.schema(version), root, MAX_FAULTS)
    return tuple(faults)[:MAX_FAULTS] or log_faults(catalogue.schema(version), root, MAX_FAULTS)


def _strange_root(catalogue: Catalogue, root: etree._Element, version: str, bare: bool) -> Fault | None:
    """What is wrong with the outermost element itself: nothing below it can be judged then."""
    row, tag = catalogue.version(version), etree.QName(root)
    wanted = row.message_namespace if bare else row.namespace
    if not bare and tag.localname != "Package":
        return unexpected(f"/{tag.localname}", tag.localname, ("Package",))
    if tag.namespace != wanted:
        return wrong_namespace(f"/{tag.localname}", tag.localname, tag.namespace or "", wanted)
    return None


# 0.2 s to compile and under a megabyte to keep: all are kept, or faults in ever another message would hold everybody up
@lru_cache(maxsize=256)
def _schema(catalogue: Catalogue, version: str, xsd: str) -> xmlschema.XMLSchema:
    xmlschema.limits.MAX_XML_DEPTH = 64
    xmlschema.limits.MAX_XML_ELEMENTS = 20_000
    xmlschema.limits.MAX_SCHEMA_SOURCES = 50
    return xmlschema.XMLSchema(
        catalogue.driver(version, tuple(dict.fromkeys((RECEIPT_XSD, xsd)))),
        base_url=catalogue.xsd_path("").as_uri() + "/",
        # the package's own files only; "sandbox" would refuse an include of a sibling folder
        allow="local",
        defuse="always",
        timeout=5,
        use_fallback=False,
    )


def _body_of(root: etree._Element) -> etree._Element | None:
    if etree.QName(root).localname != "Package":
        return root
    for child in root:
        if etree.QName(child).localname == "Body" and len(child):
            found: etree._Element = child[0]
            return found
    return None


def _translated(error: XMLSchemaValidationError, paths: Paths) -> tuple[Fault, ...]:
    element: Element = error.elem if error.elem is not None else paths.root
    if isinstance(error, XMLSchemaChildrenValidationError) and isinstance(error.validator, XsdGroup):
        return children_faults(error.validator, paths.of(element), paths.siblings(element))
    return (_value_fault(error, element, paths),)


def _value_fault(error: XMLSchemaValidationError, element: Element, paths: Paths) -> Fault:
    path, found = paths.of(element), found_in(element)
    rule = error.validator
    if isinstance(rule, facets.XsdEnumerationFacets):
        return bad_enumeration(path, found, tuple(str(value) for value in rule.enumeration))
    if isinstance(rule, facets.XsdPatternFacets):
        return bad_pattern(path, found, " | ".join(rule.regexps))
    if isinstance(rule, (facets.XsdMinLengthFacet, facets.XsdMaxLengthFacet, facets.XsdLengthFacet)):
        short = isinstance(rule, facets.XsdMinLengthFacet)
        return bad_length(path, found, len(element.text or ""), short, int(rule.value or 0))
    if isinstance(rule, (facets.XsdMinInclusiveFacet, facets.XsdMaxInclusiveFacet)):
        return bad_range(path, found, isinstance(rule, facets.XsdMinInclusiveFacet), str(rule.value))
    if error.reason in _LOWEST:
        return bad_range(path, found, True, _LOWEST[error.reason])
    if isinstance(error, XMLSchemaDecodeError):
        return bad_type(path, found, local(str(getattr(error.validator, "name", "") or "")))
    return _other_fault(error, element, path, found, paths)


def _other_fault(error: XMLSchemaValidationError, element: Element, path: str, found: str, paths: Paths) -> Fault:
    odd = sorted(str(name) for name in element.attrib if not str(name).startswith(_XSI))
    if odd:
        return bad_attribute(f"{path}/@{local(odd[0])}", str(element.attrib[odd[0]]))
    reason = error.reason or error.message
    if element is paths.root and "is not an element of the schema" in reason:
        return unexpected(path, local(str(element.tag)), ())
    if "not found" in reason or "unavailable" in reason:
        inner = element[0] if len(element) else element
        return unexpected(paths.of(inner), local(str(inner.tag)), ())
    if reason.startswith("character data"):
        stray = (element.text, *(child.tail for child in element))
        return bad_text(path, " ".join(text.strip() for text in stray if text and text.strip())[:200])
    name = local(str(getattr(error.validator, "name", "") or ""))
    return bad_type(path, found, name) if name and not len(element) else bad_other(path, found, reason)
