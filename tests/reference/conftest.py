"""The reference, built once for all tests here: in both languages, as files by path."""

import pytest
from lxml import etree

from gateway.reference.book import book_of
from gateway.reference.bundle import HTML, files_of
from gateway.reference.page import Book
from schemas.loader import Catalogue, load

CATALOGUE = load()


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return CATALOGUE


@pytest.fixture(scope="session")
def book() -> Book:
    return book_of(CATALOGUE)


@pytest.fixture(scope="session")
def files(book: Book) -> dict[str, bytes]:
    return files_of(CATALOGUE, book, "both")


@pytest.fixture(scope="session")
def sections(files: dict[str, bytes]) -> dict[str, str]:
    """The text of every page of the HTML file by its anchor; read as XML, so it is well-formed."""
    root = etree.fromstring(files[HTML], etree.XMLParser(huge_tree=True))
    return {str(node.get("id")): "".join(map(str, node.itertext())) for node in root.iter("{*}section")}
