"""The one HTML file in a real browser (Chromium, where there is one): pages by anchor, search, language switch."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from lxml import html as lxml_html

from gateway.reference.bundle import HTML

Shown = Callable[..., lxml_html.HtmlElement]
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")]


@pytest.fixture
def shown(files: dict[str, bytes], tmp_path: Path) -> Shown:
    """What stands in the page after ``script`` ran at the anchor ``place``."""

    def run(place: str, script: str = "", tongue: str = "zh-CN") -> lxml_html.HtmlElement:
        path = tmp_path / "index.html"
        path.write_bytes(files[HTML].replace(b"</body>", f"<script>{script}</script></body>".encode()))
        done = subprocess.run(
            [str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}",
             f"--lang={tongue}", "--virtual-time-budget=2000", "--dump-dom", f"{path.as_uri()}{place}"],
            capture_output=True, timeout=90, check=True,
        )  # fmt: skip
        return lxml_html.document_fromstring(done.stdout.decode())

    return run


def visible(root: lxml_html.HtmlElement) -> list[str]:
    return [str(node.get("id")) for node in root.iter("section") if node.get("hidden") is None]


def test_an_anchor_shows_its_page_alone(shown: Shown) -> None:
    root = shown("#OH01")
    assert visible(root) == ["OH01"]
    assert [node.get("href") for node in root.iter("a") if node.get("class") == "on"] == ["#OH01"]


def test_without_an_anchor_the_index_is_shown(shown: Shown) -> None:
    assert visible(shown("")) == ["index"]


def test_search_lists_pages_that_have_every_word_the_named_one_first(shown: Shown) -> None:
    typed = 'const f=document.getElementById("find");f.value="oh08 completed_by";f.dispatchEvent(new Event("input"))'
    root = shown("", typed)
    assert visible(root) == ["found"]
    (found,) = (node for node in root.iter("section") if node.get("id") == "found")
    hits = [node.get("href") for node in found.iter("a")]
    assert hits[0] == "#OH08"
    assert "#RR01" not in hits


def test_the_switch_changes_the_language(shown: Shown) -> None:
    root = shown("", "document.querySelector('[data-say=en]').click()")
    assert root.get("lang") == "en"
    assert root.body.get("class") == "say-en"
