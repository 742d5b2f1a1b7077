"""Documents read by their known form say exactly what lxml says, also when a text tries to pass for a tag."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.document import DocumentRefused
from adapters.xml.codec import Codec
from adapters.xml.forms import OFTEN
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


# -- forms that keep coming ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hot():
    codec = Codec(CATALOGUE)
    for raw in PLAIN:
        for _ in range(OFTEN + 1):
            codec.decode(raw)
    return codec


JUDGE = Codec(CATALOGUE)


def parsed(text):
    """What lxml says, whatever is known of the form."""
    data = JUDGE.read(text.encode(), None).data
    return JUDGE.decode_tree(JUDGE.parser.parse_shallow(data), data)


def sure(codec, raw):
    """What is said without a parser; refused is for lxml to say."""
    try:
        return codec.decode_sure(raw, None)
    except DocumentRefused:
        return None


def test_most_forms_that_keep_coming_need_no_parser(hot):
    assert sum(sure(hot, raw) is not None for raw in PLAIN) > 0.7 * len(PLAIN)


def test_a_form_met_once_is_still_parsed(warm):
    assert sure(Codec(CATALOGUE), ORDER.encode()) is None


def test_without_parser_documents_say_what_lxml_says(hot):
    for raw in PLAIN:
        assert hot.decode(raw) == Codec(CATALOGUE).decode(raw)


@pytest.mark.parametrize("charset", ["GB18030", "UTF-8"])
def test_without_parser_the_charset_is_found_by_the_same_rules(hot, charset):
    text = CONTACT.sub(r"\1镕喆㐀\2", ORDER)
    for label in (charset, "UTF-8", "GBK", None):
        raw = text.replace('encoding="UTF-8"', f'encoding="{charset}"').encode(charset)
        found, how = hot.decode_reading(raw, label)
        wanted, reading = Codec(CATALOGUE).decode_reading(raw, label)
        assert (found, how.charset, how.rule, how.wrong) == (wanted, reading.charset, reading.rule, reading.wrong)


def test_bytes_of_no_charset_are_refused_alike(hot):
    raw = CONTACT.sub(r"\1@\2", ORDER).encode().replace(b">@<", b">\xff\xff<")
    for codec in (hot, Codec(CATALOGUE)):
        with pytest.raises(DocumentRefused) as refusal:
            codec.decode(raw)
        assert refusal.value.symbol == "CHARSET_UNDECODABLE"


MARKS = re.compile(r"[<>]")
TEXTS = re.compile(r">([^<>]*)<")
WORDS = ["", " ", "20261122090000", "1", "0", "-1", "00", "9" * 20, "true", "x" * 501, "&#20;", "]]>"]
STRANGE = st.text(st.sampled_from("a7 <>&\n\t\x00\x1f]];&张\ufffe\uffff𠮷\"'=/!-?."), max_size=6) | st.sampled_from(WORDS)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_is_put_anywhere_is_judged_as_lxml_judges_it(hot, data):
    raw = data.draw(st.sampled_from(PLAIN)).decode()
    place = data.draw(st.sampled_from([found.span(1) for found in TEXTS.finditer(raw)]))
    changed = raw[: place[0]] + data.draw(STRANGE) + raw[place[1] :]
    told = sure(hot, changed.encode())
    assert told is None or told[0] == parsed(changed)


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_a_mark_turned_round_or_lost_is_seen(hot, data):
    raw = data.draw(st.sampled_from(PLAIN)).decode()
    at = data.draw(st.sampled_from([found.start() for found in MARKS.finditer(raw)]))
    changed = raw[:at] + data.draw(st.sampled_from([">", "<", "", "<>", "><"])) + raw[at + 1 :]
    told = sure(hot, changed.encode())
    assert told is None or told[0] == parsed(changed)


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_texts_that_changed_places_are_judged_as_lxml_judges_them(hot, data):
    raw = data.draw(st.sampled_from(PLAIN)).decode()
    one, two = sorted(data.draw(st.lists(st.sampled_from([f.span(1) for f in TEXTS.finditer(raw)]), min_size=2, max_size=2)))
    changed = raw[: one[0]] + raw[slice(*two)] + raw[one[1] : two[0]] + raw[slice(*one)] + raw[two[1] :] if one != two else raw
    told = sure(hot, changed.encode())
    assert told is None or told[0] == parsed(changed)


@pytest.mark.parametrize("blank", ["{} ", " {}"])
@pytest.mark.parametrize("which", [0, -1], ids=["first", "last"])
def test_blanks_around_the_first_and_the_last_value_are_collapsed_as_everywhere(hot, which, blank):
    for text in (raw.decode() for raw in PLAIN):
        begin, end = [found.span(1) for found in TEXTS.finditer(text) if found[1]][which]
        changed = text[:begin] + blank.format(text[begin:end]) + text[end:]
        told = sure(hot, changed.encode())
        assert told is None or told[0] == parsed(changed)


def test_long_lists_are_read_but_not_remembered():
    codec = Codec(CATALOGUE)
    plan = next(raw.decode() for raw in PLAIN if b"<CutoverPlan " in raw)
    long = re.sub("<item>.*?</item>", lambda found: found[0] * 50, plan, count=1).encode()
    for _ in range(OFTEN + 1):
        assert len(codec.decode(long).body["items"]) >= 50
    assert not learned(codec)


def test_an_envelope_is_no_package(hot):
    assert hot.decode_sure(ORDER.encode(), None, "Envelope") is None


def test_forms_with_as_many_tags_are_bounded(monkeypatch):
    monkeypatch.setattr("adapters.xml.forms.MOST_ALIKE", 1)
    monkeypatch.setattr("adapters.xml.forms.MOST", 30)
    codec = Codec(CATALOGUE)
    for raw in PLAIN:
        for _ in range(OFTEN + 1):
            assert codec.decode(raw) == JUDGE.decode(raw)
    alike = codec._forms._certain.values()
    assert 0 < sum(map(len, alike)) <= 30
    assert max(map(len, alike)) == 1


def test_a_form_that_found_no_room_is_tried_again_when_there_is_some(monkeypatch):
    codec = Codec(CATALOGUE)
    monkeypatch.setattr("adapters.xml.forms.MOST_ALIKE", 0)
    for _ in range(OFTEN + 1):
        codec.decode(ORDER.encode())
    assert sure(codec, ORDER.encode()) is None
    monkeypatch.undo()
    codec.decode(ORDER.encode())
    assert sure(codec, ORDER.encode()) is not None
