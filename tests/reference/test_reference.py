"""The interface reference: everything the rows, schemas and samples say is in it, its links lead somewhere, and it is the same
every time it is built."""

import io
import zipfile
from pathlib import Path

import pytest
from lxml import etree

from adapters.wire.framer import Framer
from adapters.wire.layout import Layout
from adapters.xml.codec import Codec
from gateway.config.model import Timers
from gateway.reference.book import book_of
from gateway.reference.bundle import HTML, files_of, write_folder, zipped
from gateway.reference.html import html
from gateway.reference.markdown import markdown
from gateway.reference.page import Book, Link, Page, Para, Said
from gateway.reference.proofread import differences, findings
from gateway.reference.sequence import mermaid, steps_of, svg
from schemas.fields import owners, read_fields
from schemas.loader import Catalogue, load
from schemas.model import EnvelopeRow, LayoutRow, MessageRow

CATALOGUE = load()
ROWS = CATALOGUE.messages()


def named(row: MessageRow) -> str:
    return row.code


@pytest.mark.parametrize("row", ROWS, ids=named)
def test_a_message_has_a_page_with_all_it_is(row: MessageRow, sections: dict[str, str], files: dict[str, bytes]) -> None:
    texts = read_fields(CATALOGUE)
    wanted = [row.name, row.zh, row.about, row.about_zh, row.xsd, *row.key, *row.result, *((row.answer and [row.answer]) or [])]
    wanted += [f"{route.sender} → {route.receiver}" for route in row.routes]
    wanted += [text for code in row.refusals for text in (code, CATALOGUE.result(code).zh, CATALOGUE.result(code).en)]
    for element in row.elements():
        for owner, name in owners(CATALOGUE.shape(element), element):
            wanted += [name, texts.of(owner, name).zh, texts.of(owner, name).en]
    page = sections[row.code]
    assert [text for text in wanted if text not in page] == []
    in_markdown = files[f"markdown/{row.code}.md"].decode()
    assert [text for text in (row.name, row.zh, row.about, row.about_zh) if text not in in_markdown] == []


@pytest.mark.parametrize("row", ROWS, ids=named)
def test_every_sample_of_a_message_is_shown(row: MessageRow, sections: dict[str, str], files: dict[str, bytes]) -> None:
    for path in CATALOGUE.samples(row.name):
        text = path.read_text(encoding="utf-8").strip()
        assert text in sections[row.code], path.name
        assert text in files[f"markdown/{row.code}.md"].decode(), path.name
        assert files[f"samples/{row.name}/{path.name}"] == path.read_bytes()


def test_every_packet_is_one_the_gateway_reads(files: dict[str, bytes]) -> None:
    layout, codec = Layout(CATALOGUE.layout("ctif-128")), Codec(CATALOGUE)
    for row in ROWS:
        good = [path for path in CATALOGUE.samples(row.name) if path.name.startswith("ok_")]
        for path in good:
            (packet,) = Framer(layout, layout.default_max).feed(files[f"packets/{row.code}/{path.stem}.bin"])
            document = codec.decode(packet.body, packet.charset, {"code": packet.code, "serial": packet.serial})
            assert document == codec.decode(path.read_bytes()), path.name


def test_a_packet_is_shown_with_each_field_of_its_header_marked(sections: dict[str, str]) -> None:
    page = sections["OH01"]
    for field in CATALOGUE.layout("ctif-128").fields:
        assert f"{field.offset:4} {field.width:4}  {field.name}" in page, field.name
    assert "43544946  CTIF" in page


def test_soap_is_shown_where_the_receiver_offers_it(sections: dict[str, str]) -> None:
    assert "PackageHeader" in sections["OH01"]
    assert "soap:Envelope" not in sections["LN01"]
    assert all("soap:Envelope" in sections[row.code] for row in ROWS if "soap" in row.bindings)


def test_every_code_of_every_table_is_there(sections: dict[str, str]) -> None:
    for table in CATALOGUE.tables():
        page = sections[f"table-{table.name}"]
        missing = [row.code for row in table.rows.values() for text in (row.code, row.zh, row.en) if text not in page]
        assert missing == [], table.name
    for result in CATALOGUE.results():
        assert all(text in sections["results"] for text in (result.code, result.symbol, result.zh, result.en))


def test_layouts_envelopes_and_timers_have_their_pages(sections: dict[str, str]) -> None:
    for layout in CATALOGUE.layouts():
        assert all(field.name in sections[f"layout-{layout.name}"] for field in layout.fields), layout.name
    for envelope in CATALOGUE.envelopes():
        if envelope.fields:
            assert all(field.path in sections[f"envelope-{envelope.name}"] for field in envelope.fields), envelope.name
    assert all(name in sections["timers"] for name in Timers.model_fields)
    assert list(read_fields(CATALOGUE, "timers").texts) == list(Timers.model_fields)


def test_the_index_leads_to_every_page(book: Book, files: dict[str, bytes]) -> None:
    index = files["markdown/README.md"].decode()
    assert [page.name for page in book.pages[1:] if f"({page.name}.md)" not in index] == []


def test_all_links_lead_somewhere_and_the_html_is_well_formed(files: dict[str, bytes]) -> None:
    assert list(findings(files)) == []


def test_what_is_wrong_is_found(files: dict[str, bytes]) -> None:
    page = Page("OH01", "", Said("派单", "Dispatch"), (Para((Link("never", "x"), Link("xsd/never.xsd", "y", file=True))),))
    small = Book("0.9", {}, (page, page))
    broken = {HTML: html(small, "both").encode(), "markdown/a.md": markdown(small, "both")["OH01.md"].encode()}
    told = [en for _, _, en in findings(broken)]
    assert "anchor OH01 stands twice" in told
    for target in ("#never", "xsd/never.xsd", "never.md"):
        assert f"link {target} leads nowhere" in told
    assert ["not well-formed" in en for _, _, en in findings({HTML: files[HTML].replace(b"</main>", b"", 1)})] == [True]


def test_the_html_needs_no_network(files: dict[str, bytes]) -> None:
    root = etree.fromstring(files[HTML], etree.XMLParser(huge_tree=True))
    assert [node.tag for node in root.iter("{*}link", "{*}img", "{*}iframe")] == []
    assert [node.get("src") for node in root.iter("{*}script") if node.get("src")] == []
    assert [node.get("href") for node in root.iter("{*}a") if "//" in (node.get("href") or "")] == []
    assert all("url(" not in (node.text or "") and "@import" not in (node.text or "") for node in root.iter("{*}style"))


@pytest.mark.parametrize(
    ("language", "there", "missing"), [("zh", "派发服务定单", "Dispatches"), ("en", "Dispatches", "派发服务定单")]
)
def test_one_language_is_one_language(book: Book, language: str, there: str, missing: str) -> None:
    for text in (markdown(book, language)["OH01.md"], html(book, language)):  # type: ignore[arg-type]
        assert there in text
        assert missing not in text


def test_it_is_built_the_same_every_time(files: dict[str, bytes]) -> None:
    again = files_of(CATALOGUE, book_of(Catalogue(CATALOGUE.root)), "both")
    assert list(again.items()) == list(files.items())
    few = {name: data for name, data in files.items() if name.startswith("xsd/")}
    assert zipped(few) == zipped(dict(few))


def test_the_archive_holds_every_file_and_no_time(files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(io.BytesIO(zipped(files))) as archive:
        assert archive.namelist() == sorted(files)
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.read("xsd/package.xsd") == CATALOGUE.xsd_path("package.xsd").read_bytes()


@pytest.mark.parametrize("role", ["CRM", "PF", "RM", "BILL", "channel"])
def test_a_wsdl_of_the_archive_stands_with_what_it_imports(files: dict[str, bytes], role: str) -> None:
    root = etree.fromstring(files[f"wsdl/{role}/{role}.wsdl"])
    places = [node.get("schemaLocation") for node in root.iter("{http://www.w3.org/2001/XMLSchema}import")]
    assert places == ["messages.xsd", "soap.xsd"]
    assert all(f"wsdl/{role}/{place}" in files for place in (*places, "package.xsd"))


def test_a_partner_judges_whole_samples_by_one_schema_of_the_archive(files: dict[str, bytes], tmp_path: Path) -> None:
    """As any tool does that has nothing but the unpacked folder."""
    write_folder({name: data for name, data in files.items() if name.startswith("xsd/")}, tmp_path)
    schema = etree.XMLSchema(etree.parse(tmp_path / "xsd/interface.xsd"))
    samples = {name: data for name, data in files.items() if name.startswith("samples/") and "/ok_" in name}
    assert [name for name, data in samples.items() if not schema.validate(etree.fromstring(data).getroottree())] == []
    assert len(samples) > len(ROWS)
    broken = files["samples/LinkTest/ok_test.xml"].replace(b"text>", b"txt>")
    assert not schema.validate(etree.fromstring(broken).getroottree())


def test_a_folder_that_is_out_of_date_is_found(files: dict[str, bytes], tmp_path: Path) -> None:
    few = {name: files[name] for name in ("markdown/OH01.md", "markdown/OH02.md", "xsd/package.xsd")}
    write_folder(few, tmp_path)
    assert list(differences(few, tmp_path)) == []
    (tmp_path / "markdown/OH01.md").write_text("old", encoding="utf-8")
    (tmp_path / "xsd/package.xsd").unlink()
    assert [name for name, *_ in differences(few, tmp_path)] == ["markdown/OH01.md", "xsd/package.xsd"]


def test_a_sequence_shows_what_causes_a_message_and_what_answers_it() -> None:
    steps = steps_of(CATALOGUE, CATALOGUE.message("OH08"))
    assert [(step.part, step.code or step.name) for step in steps] == [
        ("before", "OH06"), ("before", "OH07"), ("this", "OH08"), ("answer", "Receipt"), ("after", "OH13"), ("after", "CH02"),
        ("after", "BL01"),
    ]  # fmt: skip
    assert "PF->>CRM: OH08 报竣 CompletionReport" in mermaid(steps)
    assert "CRM-->>PF: 回执 Receipt" in mermaid(steps)
    drawn = etree.fromstring(svg(steps))
    assert [node.get("href") for node in drawn.iter("{*}a")] == ["#OH06", "#OH07", "#OH08", "#OH13", "#CH02", "#BL01"]


@pytest.mark.parametrize("row", ROWS, ids=named)
def test_messages_are_drawn_beside_ones_their_systems_take_part_in(row: MessageRow) -> None:
    mine = {name for route in row.routes for name in (route.sender, route.receiver)}
    for code in row.after:
        theirs = {name for route in CATALOGUE.message(code).routes for name in (route.sender, route.receiver)}
        assert mine & theirs, code


def test_layouts_and_envelopes_are_told_in_both_languages() -> None:
    rows: tuple[LayoutRow | EnvelopeRow, ...] = (*CATALOGUE.layouts(), *CATALOGUE.envelopes())
    for row in rows:
        assert row.about, row.name
        assert row.about_zh, row.name
        assert [one for one in row.fields if bool(one.about) != bool(one.about_zh)] == [], row.name
