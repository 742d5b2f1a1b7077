"""What the pages say there is, is there: commands with their options, configuration that loads, files and links."""

from __future__ import annotations

import re
import shlex
import tomllib
from itertools import pairwise
from pathlib import Path

import click
import pytest

from gateway.cli import app
from gateway.config.faults import ConfigError
from gateway.config.file import example_text, parse
from gateway.config.model import Config
from gateway.config.products import example_products
from schemas.loader import load
from tests.gateway.authority import Authority
from tests.reference.pages import PAGES, ROOT, Fence, calls, fences, text_of

CALLS = [(page, line, call) for page in PAGES for line, call in calls(page)]
OTHER_FILES = {"write-a-case.md", "judge-a-system.md", "own-products.md"}
"""Pages whose TOML is no configuration of the gateway."""
SNIPPETS = [fence for page in PAGES if page not in OTHER_FILES for fence in fences(page) if fence.language == "toml"]


# -- commands -----------------------------------------------------------------------------------------------------------


def understood(call: str) -> None:
    """The call is one of this program: its commands and options exist, choices are such. Raises click.UsageError."""
    given = shlex.split(call)
    words = [word for before, word in pairwise(given) if word not in ("…", "...") or before.startswith("--")]
    command: click.Command = app.bssgw
    ctx = click.Context(command, info_name="bssgw")
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        name, found, words = command.resolve_command(ctx, words)
        assert found is not None
        command, ctx = found, click.Context(found, parent=ctx, info_name=name)
    options = {name: one for one in command.get_params(ctx) if isinstance(one, click.Option) for name in one.opts}
    if words and words[-1] in options and not options[words[-1]].is_flag:
        words.append("…")  # the text names an option, not a whole call
    values, rest, _ = command.make_parser(ctx).parse_args(words)
    assert isinstance(command, click.Group) or not rest, f"too many words: {rest}"
    for option in command.get_params(ctx):
        value = values.get(option.name or "")
        if isinstance(value, str) and value not in ("…", "...", "NAME") and not isinstance(option.type, click.Path):
            option.type.convert(value, option, ctx)


@pytest.mark.parametrize("page", PAGES)
def test_every_command_it_names_exists_with_its_options(page: str) -> None:
    wrong = []
    for line, call in [(line, call) for name, line, call in CALLS if name == page]:
        try:
            understood(call)
        except (click.UsageError, AssertionError, ValueError) as fault:
            wrong.append(f"{page}:{line}: {call}: {fault}")
    assert wrong == []


def test_there_is_much_to_look_at() -> None:
    assert len(CALLS) > 100
    assert len(SNIPPETS) > 5


@pytest.mark.parametrize(
    "call", ["bssgw ordre list", "bssgw order list --sate X", "bssgw order list --state NEVER", "bssgw status x"]
)
def test_a_call_that_is_wrong_is_found(call: str) -> None:
    with pytest.raises((click.UsageError, AssertionError)):
        understood(call)


# -- configuration ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where every file the pages and the example name exists: certificates, keys, secrets, layouts."""
    place = tmp_path_factory.mktemp("pages")
    for name in ("secrets", "partners", "layouts"):
        (place / name).mkdir()
    authority = Authority(place / "secrets", "ca")
    authority.issue("gateway")
    (place / "products.toml").write_text(example_products(), encoding="utf-8")
    for name in ("partners-ca.pem", "pf-ca.pem"):
        (place / "secrets" / name).write_bytes(authority.file.read_bytes())
    for name in ("partners.crl", "pf.crl"):
        authority.revoke(name)
    for name in ("pf", "pf-password", "database-password"):
        (place / "secrets" / name).write_text("a secret for trying out")
    return place


def tables(text: str) -> list[str]:
    """A configuration cut before each of its listeners, peers, routes; the first piece is what stands above them all."""
    return re.split(r"^(?=\[\[(?:listen|peer|route)\]\])", text, flags=re.M)


def named(table: str) -> str:
    """``peer PF0001``: what a piece is about."""
    kind = re.match(r"\[\[(\w+)\]\]", table)
    name = re.search(r'^(?:id|name) = "([^"]+)"', table, re.M)
    return f"{kind[1]} {name[1]}" if kind and name else ""


def laid_over(snippet: str) -> str:
    """The example with ``snippet`` in the place of what it is about; tables of a peer alone go to RM0001's."""
    pieces = tables(snippet)
    if re.match(r"\s*\[peer\.", pieces[0]):
        row = next(piece for piece in tables(example_text()) if named(piece) == "peer RM0001")
        speaks = 'envelope = "root-cdata"\n' if "[peer.dialect" in pieces[0] else ""
        pieces = [f'{row}layout = "ctif-128"\n{speaks}{pieces[0]}', *pieces[1:]]
    replaced = {named(piece) for piece in pieces}
    kept = [piece for piece in tables(example_text()) if not named(piece) or named(piece) not in replaced]
    return "\n".join([*kept, *pieces, *needed(snippet)])


def needed(snippet: str) -> list[str]:
    """Listeners and peers a snippet names and the example lacks."""
    known = {named(piece) for piece in (*tables(example_text()), *tables(snippet))}
    listens = [name for name in re.findall(r'^listen = "([^"]+)"', snippet, re.M) if f"listen {name}" not in known]
    peers = [name for name in re.findall(r'^to = "([^"]+)"', snippet, re.M) if f"peer {name}" not in known]
    return [
        *(f'[[listen]]\nname = "{name}"\naddress = "tcp://127.0.0.1:7199"\nbinding = "http"\n' for name in listens),
        *(f'[[peer]]\nid = "{name}"\nrole = "RM"\nareas = ["0512"]\nconnect = ["tcp://127.0.0.1:7198"]\n' for name in peers),
    ]


def loaded(text: str, folder: Path) -> Config:
    try:
        return parse(text, "page.toml", folder)
    except ConfigError as error:
        raise AssertionError("\n".join(error.lines())) from error


@pytest.mark.parametrize("fence", SNIPPETS, ids=lambda fence: f"{fence.page}:{fence.line}")
def test_every_configuration_it_shows_is_accepted(fence: Fence, folder: Path) -> None:
    loaded(laid_over(fence.text), folder)


@pytest.mark.parametrize("page", sorted(OTHER_FILES))
def test_other_toml_is_well_formed(page: str) -> None:
    for fence in fences(page):
        if fence.language == "toml":
            tomllib.loads(fence.text)


COMMENTED = re.compile(r"^# (\[+[\w.]+\]+(?:\s+#.*)?|\w+ = .+)$")


def uncommented(piece: str) -> str:
    """A piece of the example with every value and table it shows in comments taken at its word."""
    return "\n".join(found[1] if (found := COMMENTED.match(line)) else line for line in piece.split("\n"))


@pytest.mark.parametrize("number", range(len(tables(example_text()))))
def test_everything_the_example_shows_in_comments_is_accepted(number: int, folder: Path) -> None:
    pieces = tables(example_text())
    whole = [uncommented(piece) if number == n else piece for n, piece in enumerate(pieces)]
    text = "".join(whole)
    if "\n[peer.tls]" in text:  # as the comment beside it says
        text = text.replace('"tcp://127.0.0.1:7121"', '"tls://127.0.0.1:7121"')
    loaded(text, folder)


# -- files and links ----------------------------------------------------------------------------------------------------

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_PLACE = re.compile(r"`((?:schemas|gateway|crm_core|adapters|simulators|conformance|docs|tests)/[\w./-]*[\w/])`")
_ANCHOR = re.compile(r"^#+ +(.+)$", re.M)


def anchors(text: str) -> set[str]:
    """Of a page's headings, as they are linked to."""
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in _ANCHOR.findall(text)}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    lost = []
    for link in _LINK.findall(text_of(page)):
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = PAGES[page].parent / file if file else PAGES[page]
        if not target.exists() or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
            lost.append(link)
    assert lost == []


@pytest.mark.parametrize("page", PAGES)
def test_every_file_it_names_exists(page: str) -> None:
    """Files in the text, and those the shell's blocks take from the project."""
    shell = " ".join(fence.text for fence in fences(page) if fence.language in ("", "sh"))
    names = _PLACE.findall(text_of(page)) + re.findall(r"(?:^|\s|@)((?:gateway|docs|schemas|conformance)/[\w./-]+)", shell)
    assert [name for name in names if "MESSAGE" not in name and not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_message_it_names_is_one(page: str) -> None:
    """Codes of messages (OH01) with their names (``DispatchOrder``) as the catalogue has them."""
    catalogue = load()
    rows = {row.code: row.name for row in catalogue.messages()}
    pairs = re.findall(r"\b([A-Z]{2}\d{2}) ([A-Z][a-z]+(?:[A-Z][a-z]+)+)\b", text_of(page))
    assert [(code, name) for code, name in pairs if rows.get(code) != name] == []


def test_the_readme_leads_to_every_page() -> None:
    linked = {Path(link).name for link in _LINK.findall(text_of("README.md"))}
    assert [page for page in PAGES if page != "README.md" and page not in linked] == []
