"""The whole corpus: every sample decodes or is refused as marked, and lxml and xmlschema agree on each."""

from __future__ import annotations

import re

import pytest
import xmlschema
from lxml import etree

from adapters.document import DocumentRefused
from adapters.xml.charset import read
from adapters.xml.codec import Codec
from schemas.loader import load
from schemas.samples_check import expected

CATALOGUE = load()
SAMPLES = [path for row in CATALOGUE.messages() for path in CATALOGUE.samples(row.name)]
GOOD = [path for path in SAMPLES if expected(path) == "0000"]
BAD = [path for path in SAMPLES if expected(path) != "0000"]


def name(path):
    return f"{path.parent.name}/{path.name}"


@pytest.fixture(scope="module")
def codec():
    return Codec(CATALOGUE)


@pytest.fixture(scope="module")
def second_opinion():
    """xmlschema over the whole schema set at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(xmlschema.limits, "MAX_SCHEMA_SOURCES", 500)
        return xmlschema.XMLSchema(
            CATALOGUE.driver(),
            base_url=CATALOGUE.xsd_path("").as_uri() + "/",
            allow="local",
            defuse="always",
            use_fallback=False,
        )


def test_there_is_a_corpus():
    assert len(GOOD) > 150
    assert len(BAD) > 150


@pytest.mark.parametrize("charset", ["UTF-8", "GB18030"])
def test_good_samples_survive_a_round_trip(codec, charset):
    for path in GOOD:
        document = codec.decode(path.read_bytes())
        again = codec.decode(codec.encode(document, charset), charset)
        assert again == document, name(path)
        assert codec.encode(again, charset) == codec.encode(document, charset), name(path)


def test_good_samples_in_every_legacy_charset(codec):
    for path in GOOD:
        document = codec.decode(path.read_bytes())
        for charset in ("GBK", "GB2312"):
            assert codec.decode(codec.encode(document, charset), charset) == document, name(path)


def test_no_whitespace_is_the_same_document(codec):
    for path in GOOD:
        text = path.read_text(encoding="utf-8")
        if "<![CDATA[" in text:
            continue
        compact = re.sub(r">\s+<", "><", text[text.index("<Package") :])
        assert codec.decode(compact.encode()) == codec.decode(path.read_bytes()), name(path)


def test_bad_samples_are_refused_as_marked(codec, monkeypatch):
    monkeypatch.setattr(codec, "_explain", lambda root, version: ())
    for path in BAD:
        with pytest.raises(DocumentRefused) as refused:
            codec.decode(path.read_bytes())
        assert CATALOGUE.result(refused.value.symbol).code == expected(path), name(path)
        assert refused.value.header is not None, name(path)


def test_lxml_and_xmlschema_agree(second_opinion):
    schema = CATALOGUE.schema()
    disagreed = []
    for path in SAMPLES:
        if expected(path) == "1001":
            continue
        root = etree.fromstring(read(path.read_bytes()).data)
        if schema.validate(root) != second_opinion.is_valid(root):
            disagreed.append(name(path))
    assert disagreed == []
