"""``bssgw docs build``: what it writes, what it says, and its exit codes."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli.docs import docs
from gateway.reference.bundle import HTML
from gateway.reference.html import html
from gateway.reference.markdown import markdown
from gateway.reference.page import Book, Page, Para, Said


@pytest.fixture(autouse=True)
def small_book(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command builds a book of one page; what the whole one holds is tested elsewhere."""
    book = Book("0.9", {}, (Page("index", "", Said("目录", "Index"), (Para(("0.9",)),)),))
    few = {
        HTML: html(book, "both").encode(),
        **{f"markdown/{name}": text.encode() for name, text in markdown(book, "both").items()},
    }
    monkeypatch.setattr("gateway.reference.book.book_of", lambda _catalogue: book)
    monkeypatch.setattr("gateway.reference.bundle.files_of", lambda *_: few)


def test_it_writes_the_folder_and_the_archive_and_counts_them(tmp_path: Path) -> None:
    out, archive = tmp_path / "reference", tmp_path / "interface.zip"
    result = CliRunner().invoke(docs, ["build", "--out", str(out), "--zip", str(archive), "--json"])
    told = json.loads(result.stdout)
    assert (result.exit_code, told["ok"], told["findings"]) == (0, True, [])
    assert told["written"] == [str(out), str(archive)]
    assert (out / "index.html").read_bytes().startswith(b"<!DOCTYPE html>")
    assert archive.read_bytes().startswith(b"PK")


def test_check_writes_nothing_and_finds_what_is_out_of_date(tmp_path: Path) -> None:
    out = tmp_path / "reference"
    fresh = CliRunner().invoke(docs, ["build", "--check"])
    assert fresh.exit_code == 0
    nowhere = CliRunner().invoke(docs, ["build", "--check", "--out", str(out)])
    assert (nowhere.exit_code, len(nowhere.stdout.splitlines())) == (1, 2)
    assert f"{out}: 没有这个文件夹" in nowhere.stdout
    assert "no such folder" in nowhere.stdout
    assert not out.exists()
    out.mkdir()
    stale = CliRunner().invoke(docs, ["build", "--check", "--out", str(out)])
    assert stale.exit_code == 1
    assert "index.html: 缺少该文件 / the file is missing" in stale.stdout
    assert list(out.iterdir()) == []


def test_a_long_list_of_findings_ends_with_how_many_more_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = [(f"file{n}", "缺少该文件", "the file is missing") for n in range(100)]
    monkeypatch.setattr("gateway.reference.proofread.differences", lambda *_: wrong)
    words = ["build", "--check", "--out", str(tmp_path)]
    lines = CliRunner().invoke(docs, words).stdout.splitlines()
    assert (lines[0], len(lines)) == ("file0: 缺少该文件 / the file is missing", 22)
    assert ("80" in lines[20], "--json" in lines[20]) == (True, True)
    assert len(json.loads(CliRunner().invoke(docs, [*words, "--json"]).stdout)["findings"]) == 100


def test_without_a_place_it_says_what_to_give() -> None:
    result = CliRunner().invoke(docs, ["build"])
    assert result.exit_code == 2
    assert "--out, --zip or --check" in result.stderr


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    result = CliRunner().invoke(docs, ["build", "--zip", str(tmp_path / "never" / "interface.zip")])
    assert result.exit_code == 1
    assert "cannot write" in result.stderr


def test_data_that_lack_a_text_are_one_line_that_says_what_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(_catalogue: object) -> Book:
        raise LookupError("字段 fence 没有说明 / field fence has no text")

    monkeypatch.setattr("gateway.reference.book.book_of", lacking)
    result = CliRunner().invoke(docs, ["build", "--check"])
    assert result.exit_code == 1
    assert "field fence has no text: run bssgw schema verify" in result.stderr
