"""The pages done by hand, literally, by somebody new: in an empty folder, with real processes, until the last line.

Those which need more than one process or a certificate are marked ``pages``: ``pytest -m pages tests/reference``.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.reference.pages import Fence
from tests.reference.test_pages import named, tables
from tests.reference.walking import Walk


@pytest.fixture
def walk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Walk]]:
    begun: list[Walk] = []

    def begin(edit: Callable[[Fence], None] = lambda _: None) -> Walk:
        begun.append(Walk(tmp_path, edit))
        return begun[0]

    monkeypatch.chdir(tmp_path)
    yield begin
    begun[0].end()


def test_a_first_order(walk: Callable[..., Walk], tmp_path: Path) -> None:
    def save(fence: Fence) -> None:
        if fence.language == "xml":
            (tmp_path / "my.xml").write_text(fence.text, encoding="utf-8")

    walking = walk(save)
    walking.page("first-order.md")
    assert walking.line("bssgw order submit order.xml").count("0001") >= 1
    assert " 0002 " in walking.line("bssgw order submit my.xml")


def test_what_a_demo_left_is_read_and_cut_over(walk: Callable[..., Walk]) -> None:
    """What ``make run`` leaves; eight of its orders are enough."""
    walking = walk()
    walking.line("bssgw run --with-simulators --demo 8")
    walking.page("read-a-message.md")
    walking.page("operate.md")
    assert "0 处差异" in walking.line("bssgw cutover report CT1")


@pytest.mark.skipif(shutil.which("curl") is None, reason="the page calls curl")
def test_soap_and_http(walk: Callable[..., Walk], tmp_path: Path) -> None:
    walking = walk()
    walking.page("soap-and-http.md")
    assert "FIRST-0001" in walking.said
    assert "<wsdl:definitions" in (tmp_path / "crm.wsdl").read_text(encoding="utf-8")


@pytest.mark.pages
@pytest.mark.skipif(shutil.which("openssl") is None, reason="the page calls openssl")
def test_tls_and_login(walk: Callable[..., Walk]) -> None:
    walk().page("configure-a-peer.md", "Try TLS and login yourself")


def test_products_of_ones_own(walk: Callable[..., Walk], tmp_path: Path) -> None:
    """The reader saves what is shown, and writes the one line where [gateway] stands."""

    def save(fence: Fence) -> None:
        if fence.text.startswith("[gateway]"):
            config = tmp_path / "bssgw.toml"
            config.write_text(config.read_text(encoding="utf-8").replace("[gateway]\n", fence.text, 1), encoding="utf-8")
        else:
            (tmp_path / "products.toml").write_text(fence.text, encoding="utf-8")

    walking = walk(save)
    walking.page("own-products.md")
    assert "HOMEFIBRE" in walking.said
    order = tmp_path / "order.xml"
    text = order.read_text(encoding="utf-8")
    for old, new in (("500M", "7M"), ("9001<", "9002<"), ("FIRST-0001", "FIRST-0002")):
        text = text.replace(old, new)
    order.write_text(text, encoding="utf-8")
    with pytest.raises(AssertionError, match="3020"):
        walking.line("bssgw order submit order.xml")


@pytest.mark.pages
def test_a_peer(walk: Callable[..., Walk]) -> None:
    walk().page("configure-a-peer.md", "Connect a peer 接入对端")


@pytest.mark.pages
def test_a_vendors_resource_management(walk: Callable[..., Walk], tmp_path: Path) -> None:
    """The reader edits the file as the text between the blocks says."""
    config, rows = tmp_path / "bssgw.toml", tmp_path / "rm.toml"

    def edit(fence: Fence) -> None:
        pieces = tables(config.read_text(encoding="utf-8"))
        at = next(n for n, piece in enumerate(pieces) if named(piece) == "peer RM0001")
        if fence.text.startswith("[[listen]]"):
            pieces[at] = rows.read_text(encoding="utf-8")
            pieces.append(fence.text)
        elif fence.text.startswith("[peer.dialect]"):
            head = pieces[at].partition("[peer.dialect]")[0]
            pieces[at] = head.replace('listen = "vendor"', 'window = 1\nlisten = "vendor"') + fence.text
        config.write_text("\n".join(pieces), encoding="utf-8")
        walking.line("bssgw config check bssgw.toml")

    walking = walk(edit)
    walking.page("connect-a-vendors-rm.md")
    assert "OH04 ResourceAssigned" in walking.line("bssgw route explain theirs.xml --from RM0001")


def test_packet_headers(walk: Callable[..., Walk]) -> None:
    walk().page("packet-headers.md")
