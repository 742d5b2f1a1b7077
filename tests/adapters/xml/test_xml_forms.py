"""Documents read by their known form say exactly what lxml says, also when a text tries to pass for a tag."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.document import DocumentRefused
from adapters.xml.codec import Codec
from adapters.xml.readers import is_plain
from schemas.loader import load
from schemas.samples_check import expected

CATALOGUE = load()
GOOD = [path for row in CATALOGUE.messages() for path in CATALOGUE.samples(row.name) if expected(path) == "0000"]


def compact(path):
    """A sample as a peer sends it: no blanks between the tags."""
    codec = Codec(CATALOGUE)
    return codec.encode(codec.decode(path.read_bytes()), "UTF-8")


PLAIN = [raw for raw in map(compact, GOOD) if is_plain(raw.partition(b"?>")[2])]
ORDER = next(raw.decode() for raw in PLAIN if b"<SubmitOrder " in raw and b"<reservation_id>" in raw)
CONTACT = re.compile(r"(<contact><name>)[^<]*(</name>)")


def learned(codec):
    return codec._forms._known


def outcome(codec, text):
    """What became of a document: itself, or why it was refused."""
    try:
        return codec.decode(text.encode())
    except DocumentRefused as refusal:
        return refusal.symbol, refusal.faults


@pytest.fixture(scope="module")
def warm():
    codec = Codec(CATALOGUE)
    for raw in PLAIN:
        codec.decode(raw)
    return codec


def test_most_of_the_corpus_is_plain_and_its_forms_are_learned(warm):
    assert len(PLAIN) > 100
    assert len(learned(warm)) > 60


def test_the_second_document_of_a_form_says_what_the_first_did(warm):
    for raw in PLAIN:
        assert warm.decode(raw) == Codec(CATALOGUE).decode(raw)


def test_a_known_form_is_read_with_the_texts_at_hand(warm):
    document = warm.decode(CONTACT.sub(r"\1李示范\2", ORDER).encode())
    assert document.body["contact"]["name"] == "李示范"
    document.body["contact"]["name"] = warm.decode(ORDER.encode()).body["contact"]["name"]
    assert document == warm.decode(ORDER.encode())


@settings(max_examples=60)
@given(st.text(alphabet="a/>张b =\"'-!&;", min_size=1, max_size=12))
def test_whatever_stands_in_a_text_reads_as_lxml_reads_it(warm, text):
    document = CONTACT.sub(lambda found: found[1] + text + found[2], ORDER)
    assert outcome(warm, document) == outcome(Codec(CATALOGUE), document)


def test_a_text_that_imitates_a_list_stays_one_text():
    codec = Codec(CATALOGUE)
    one = re.sub(r"(<reservations>).*?(</reservations>)", r"\1<reservation_id>A</reservation_id>\2", ORDER)
    two = one.replace("_id>A<", "_id>A</reservation_id><reservation_id>B<")
    posing = one.replace("_id>A<", "_id>A>/reservation_id>>reservation_id>B<")
    assert codec.decode(two.encode()).body["reservations"] == ["A", "B"]
    assert outcome(codec, posing) == outcome(Codec(CATALOGUE), posing)


def test_forms_are_bounded(monkeypatch):
    monkeypatch.setattr("adapters.xml.forms.MOST", 3)
    codec = Codec(CATALOGUE)
    for raw in PLAIN[:40]:
        codec.decode(raw)
    assert 0 < len(learned(codec)) <= 3
